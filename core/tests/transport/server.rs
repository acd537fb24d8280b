//! A TCP server with one behaviour, which counts what happens to it.

use std::{
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// Nothing in these tests takes longer.
pub(crate) const LONG: Duration = Duration::from_secs(20);

#[derive(Default)]
pub(crate) struct Seen {
    connections: AtomicUsize,
    /// Bytes that the kernel took from this server.
    sent: AtomicU64,
    /// Connections that the other side has ended.
    ended: AtomicUsize,
    requests: Mutex<Vec<String>>,
}

impl Seen {
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }

    pub(crate) fn ended(&self) -> usize {
        self.ended.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) seen: Arc<Seen>,
    /// Ends the server when dropped.
    _tasks: JoinSet<()>,
}

impl Server {
    pub(crate) async fn start<F>(behave: impl Fn(Peer) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, behave)
    }

    pub(crate) fn on<F>(listener: TcpListener, behave: impl Fn(Peer) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::<Seen>::default();
        let mut tasks = JoinSet::new();
        let counts = seen.clone();
        tasks.spawn(async move {
            let mut peers = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let nth = counts.connections.fetch_add(1, Ordering::SeqCst);
                stream.set_nodelay(true).unwrap();
                peers.spawn(behave(Peer { stream, seen: counts.clone(), nth, buffer: Vec::new() }));
            }
        });
        Self { port, seen, _tasks: tasks }
    }

    /// Answers every request with the same bytes and keeps the connection.
    pub(crate) async fn answering(answer: &'static str) -> Self {
        Self::start(move |mut peer| async move {
            while peer.request().await.is_some() {
                peer.say(answer).await;
            }
        })
        .await
    }
}

pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// One connection, from the server's side.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    pub(crate) nth: usize,
    seen: Arc<Seen>,
    buffer: Vec<u8>,
}

impl Peer {
    /// The next request with its body, `None` at the end of the connection.
    pub(crate) async fn request(&mut self) -> Option<String> {
        loop {
            if let Some(len) = complete(&self.buffer) {
                let text = String::from_utf8_lossy(&self.buffer[..len]).into_owned();
                self.buffer.drain(..len);
                self.seen.requests.lock().unwrap().push(text.clone());
                return Some(text);
            }
            match self.stream.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => {
                    self.seen.ended.fetch_add(1, Ordering::SeqCst);
                    return None;
                }
                Ok(_) => {}
            }
        }
    }

    /// Sends; false when the other side is gone.
    pub(crate) async fn say(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let mut bytes = bytes.as_ref();
        while !bytes.is_empty() {
            match self.stream.write(bytes).await {
                Ok(0) | Err(_) => return false,
                Ok(len) => {
                    self.seen.sent.fetch_add(len as u64, Ordering::SeqCst);
                    bytes = &bytes[len..];
                }
            }
        }
        true
    }

    /// Sends the same bytes until the other side is gone.
    pub(crate) async fn flood(&mut self, bytes: &[u8]) {
        while self.say(bytes).await {}
        self.seen.ended.fetch_add(1, Ordering::SeqCst);
    }

    /// Sends one byte every 20 ms until the other side is gone.
    pub(crate) async fn drip(&mut self, bytes: impl IntoIterator<Item = u8>) {
        for byte in bytes {
            if !self.say([byte]).await {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Keeps the connection open, silently, until the other side ends it.
    pub(crate) async fn hang(&mut self) {
        let mut waste = [0; 1024];
        while let Ok(1..) = self.stream.read(&mut waste).await {}
        self.seen.ended.fetch_add(1, Ordering::SeqCst);
    }

    /// Ends the connection with RST.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }
}

/// Length of the first request in the buffer, if it is complete.
fn complete(buffer: &[u8]) -> Option<usize> {
    let head = buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
    let length =
        text.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |text| text.parse().unwrap());
    (buffer.len() >= head + length).then_some(head + length)
}

/// A port of this machine where nobody listens.
pub(crate) async fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

/// Waits until `condition` holds.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < LONG, "{what}: not within {LONG:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

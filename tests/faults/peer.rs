//! One port with one behaviour.

use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// Much more than any deadline, and an end all the same.
const LONG: Duration = Duration::from_secs(120);

/// One connection.
pub(crate) struct Peer {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Peer {
    /// The head of the next request; `None` when the other side is done.
    pub(crate) async fn head(&mut self) -> Option<Head> {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
                return Some(Head(String::from_utf8_lossy(&head).into_owned()));
            }
            if self.stream.read_buf(&mut self.buffer).await.ok()? == 0 {
                return None;
            }
        }
    }

    /// The target of the next request.
    pub(crate) async fn request(&mut self) -> Option<String> {
        self.head().await.map(|head| head.target().to_owned())
    }

    /// False when nobody takes it any more.
    pub(crate) async fn say(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let saying = self.stream.write_all(bytes.as_ref());
        matches!(tokio::time::timeout(LONG, saying).await, Ok(Ok(())))
    }

    /// The same again and again.
    pub(crate) async fn flood(&mut self, bytes: &[u8]) {
        while self.say(bytes).await {}
    }

    /// A byte at a time.
    pub(crate) async fn drip(&mut self, bytes: impl IntoIterator<Item = u8>) {
        for byte in bytes {
            if !self.say([byte]).await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Stays until the other side goes.
    pub(crate) async fn hang(&mut self) {
        let mut sink = [0; 4096];
        let waiting = async { while matches!(self.stream.read(&mut sink).await, Ok(1..)) {} };
        let _in_the_end = tokio::time::timeout(LONG, waiting).await;
    }

    /// Waits for a word; false when there is none.
    pub(crate) async fn hear(&mut self) -> bool {
        let reading = self.stream.read_buf(&mut self.buffer);
        matches!(tokio::time::timeout(LONG, reading).await, Ok(Ok(1..)))
    }

    /// An RST instead of a FIN.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }

    /// An ordinary answer.
    pub(crate) async fn answer(&mut self, status: &str, media_type: &str, body: &[u8]) -> bool {
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: {media_type}\r\ncontent-length: {length}\r\n\r\n");
        self.say([head.as_bytes(), body].concat()).await
    }
}

/// The head of a request.
pub(crate) struct Head(String);

impl Head {
    pub(crate) fn target(&self) -> &str {
        self.0.split(' ').nth(1).unwrap_or_default()
    }

    /// What a WebSocket is asked for with.
    pub(crate) fn key(&self) -> Option<String> {
        let line = self.0.lines().find(|line| line.to_lowercase().starts_with("sec-websocket-key:"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    }
}

/// Listens until it is dropped.
pub(crate) struct Port {
    pub(crate) number: u16,
    _task: JoinSet<()>,
}

/// Listens with a behaviour.
pub(crate) async fn listen<F>(behave: impl Fn(Peer) -> F + Send + Sync + 'static) -> Port
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let number = listener.local_addr().unwrap().port();
    let behave = Arc::new(behave);
    let mut task = JoinSet::new();
    task.spawn(async move {
        let mut peers = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            peers.spawn(behave(Peer { stream, buffer: Vec::new() }));
            while peers.try_join_next().is_some() {}
        }
    });
    Port { number, _task: task }
}

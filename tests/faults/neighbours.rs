//! Services that are well beside the others, and when their checks come.

use mdd_tests::built;
use std::{
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy},
    net::TcpStream,
    sync::oneshot,
};
use xtask::simulator::Simulator;

/// The shortest that the settings allow.
pub(crate) const INTERVAL: Duration = Duration::from_secs(1);
/// What ComfyUI is asked at each check.
const CHECK: &[u8] = b"GET /prompt ";

/// One of them. It is a process of its own, and what notes its checks a thread: the floods leave the test no time.
pub(crate) struct Neighbour {
    pub(crate) port: u16,
    asked: Arc<Mutex<Vec<Instant>>>,
    _service: Simulator,
    _goes_on: oneshot::Sender<()>,
}

impl Neighbour {
    pub(crate) fn start() -> Self {
        let service = Simulator::start(&built().program("mdd-sim"), &["comfyui"]).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, url) = (listener.local_addr().unwrap().port(), service.url.clone());
        let asked = Arc::<Mutex<Vec<Instant>>>::default();
        let (goes_on, end) = oneshot::channel();
        let notes = asked.clone();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::select! {
                    () = pass_on(listener, url.trim_start_matches("http://"), &notes) => {}
                    _ended = end => {}
                }
            });
        });
        Self { port, asked, _service: service, _goes_on: goes_on }
    }

    /// How much later than planned each check came, beginning now.
    pub(crate) fn delays(&self) -> Vec<Duration> {
        let asked = std::mem::take(&mut *self.asked.lock().unwrap());
        asked.windows(2).map(|pair| (pair[1] - pair[0]).saturating_sub(INTERVAL)).collect()
    }
}

async fn pass_on(listener: TcpListener, to: &str, asked: &Arc<Mutex<Vec<Instant>>>) {
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    loop {
        let (from, _) = listener.accept().await.unwrap();
        let to = TcpStream::connect(to).await.unwrap();
        tokio::spawn(pass(from, to, asked.clone()));
    }
}

async fn pass(from: TcpStream, to: TcpStream, asked: Arc<Mutex<Vec<Instant>>>) -> std::io::Result<()> {
    let ((mut questions, mut answered), (mut answers, mut asking)) = (from.into_split(), to.into_split());
    let there = async {
        let mut piece = [0; 16 << 10];
        loop {
            match questions.read(&mut piece).await? {
                0 => return asking.shutdown().await,
                length => {
                    if piece[..length].starts_with(CHECK) {
                        asked.lock().unwrap().push(Instant::now());
                    }
                    asking.write_all(&piece[..length]).await?;
                }
            }
        }
    };
    let back = async {
        copy(&mut answers, &mut answered).await?;
        answered.shutdown().await
    };
    tokio::try_join!(there, back).map(|_| ())
}

/// Half of them, all but one of a hundred, and the worst.
pub(crate) fn told(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |percent: usize| times[(times.len() * percent).div_ceil(100).max(1) - 1];
    format!("{:.1?} p50, {:.1?} p99, {:.1?} at most, of {}", at(50), at(99), at(100), times.len())
}

//! A service that no simulator plays: fixed answers by path, counted.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Status, media type and body.
pub type Answer = (u16, &'static str, &'static str);

/// A running service.
pub struct Stub {
    /// Where it is.
    pub url: String,
    script: Arc<Mutex<Script>>,
    task: JoinHandle<()>,
}

struct Script {
    answers: Vec<(&'static str, Answer)>,
    otherwise: Answer,
    asked: Vec<String>,
    /// Paths that are not answered just now.
    held: Vec<&'static str>,
    /// How long an answer takes.
    pause: Duration,
    /// Questions under way, now and at most.
    now: usize,
    most: usize,
}

impl Stub {
    /// Answers the paths in `answers` with theirs and every other one with `otherwise`.
    ///
    /// # Panics
    /// When this machine has no port left.
    pub async fn start(answers: &[(&'static str, Answer)], otherwise: Answer) -> Self {
        Self::at("127.0.0.1:0", answers, otherwise, Duration::ZERO).await
    }

    /// Takes its time to say that it has nothing of what is asked for.
    ///
    /// # Panics
    /// When the address is taken.
    pub async fn slow(pause: Duration, address: &str) -> Self {
        Self::at(address, &[], (404, "text/plain", ""), pause).await
    }

    async fn at(address: &str, answers: &[(&'static str, Answer)], otherwise: Answer, pause: Duration) -> Self {
        let listener = TcpListener::bind(address).await.expect("the address is free");
        let url = format!("http://{}", listener.local_addr().expect("a listener has an address"));
        let script = Script {
            answers: answers.to_vec(),
            otherwise,
            asked: Vec::new(),
            held: Vec::new(),
            pause,
            now: 0,
            most: 0,
        };
        let script = Arc::new(Mutex::new(script));
        let shared = script.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let script = shared.clone();
                tokio::spawn(async move {
                    let _gone = serve(stream, &script).await;
                });
            }
        });
        Self { url, script, task }
    }

    /// Answers a path like this from now on.
    pub fn answer(&self, path: &'static str, answer: Answer) {
        let mut script = locked(&self.script);
        script.answers.retain(|(known, _)| *known != path);
        script.answers.push((path, answer));
    }

    /// Answers a path only when it is let go.
    pub fn hold(&self, path: &'static str) {
        locked(&self.script).held.push(path);
    }

    /// Answers everything again.
    pub fn let_go(&self) {
        locked(&self.script).held.clear();
    }

    /// How many questions there were.
    pub fn asked_in_all(&self) -> usize {
        locked(&self.script).asked.len()
    }

    /// How many questions were under way at the same time, at most.
    pub fn most_at_once(&self) -> usize {
        locked(&self.script).most
    }

    /// How often a path was asked for.
    pub fn asked(&self, path: &str) -> usize {
        locked(&self.script).asked.iter().filter(|asked| *asked == path).count()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn locked(script: &Mutex<Script>) -> MutexGuard<'_, Script> {
    script.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(stream: TcpStream, script: &Mutex<Script>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut request = String::new();
        if stream.read_line(&mut request).await? == 0 {
            return Ok(());
        }
        let mut field = String::new();
        while !matches!(field.as_str(), "\r\n") {
            field.clear();
            if stream.read_line(&mut field).await? == 0 {
                return Ok(());
            }
        }
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        while locked(script).held.iter().any(|held| *held == path) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let ((status, media_type, body), pause) = {
            let mut script = locked(script);
            script.now += 1;
            script.most = script.most.max(script.now);
            let known = script.answers.iter().find(|(known, _)| *known == path).map(|(_, answer)| *answer);
            script.asked.push(path);
            (known.unwrap_or(script.otherwise), script.pause)
        };
        tokio::time::sleep(pause).await;
        locked(script).now -= 1;
        let head =
            format!("HTTP/1.1 {status} X\r\ncontent-type: {media_type}\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).await?;
    }
}

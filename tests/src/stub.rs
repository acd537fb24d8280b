//! A service that no simulator plays: fixed answers by path, counted.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
}

impl Stub {
    /// Answers the paths in `answers` with theirs and every other one with `otherwise`.
    ///
    /// # Panics
    /// When this machine has no port left.
    pub async fn start(answers: &[(&'static str, Answer)], otherwise: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let url = format!("http://{}", listener.local_addr().expect("a listener has an address"));
        let script = Arc::new(Mutex::new(Script { answers: answers.to_vec(), otherwise, asked: Vec::new() }));
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
        let (status, media_type, body) = {
            let mut script = locked(script);
            let known = script.answers.iter().find(|(known, _)| *known == path).map(|(_, answer)| *answer);
            script.asked.push(path);
            known.unwrap_or(script.otherwise)
        };
        let head =
            format!("HTTP/1.1 {status} X\r\ncontent-type: {media_type}\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).await?;
    }
}

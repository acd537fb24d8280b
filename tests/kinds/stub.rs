//! A service that no simulator plays: fixed answers by path, counted.

use std::sync::{Arc, Mutex};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Status, media type and body.
pub(crate) type Answer = (u16, &'static str, &'static str);

pub(crate) struct Stub {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Stub {
    /// Answers the paths in `answers` with theirs and every other one with `otherwise`.
    pub(crate) async fn start(answers: &[(&'static str, Answer)], otherwise: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let script = Arc::new((answers.to_vec(), otherwise, asked.clone()));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let script = script.clone();
                tokio::spawn(async move {
                    let (answers, otherwise, asked) = &*script;
                    let _gone = serve(stream, answers, *otherwise, asked).await;
                });
            }
        });
        Self { url, asked, task }
    }

    /// How often a path was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| *asked == path).count()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    stream: TcpStream,
    answers: &[(&str, Answer)],
    otherwise: Answer,
    asked: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
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
        let (status, media_type, body) =
            answers.iter().find(|(known, _)| *known == path).map_or(otherwise, |(_, answer)| *answer);
        asked.lock().unwrap().push(path);
        let head =
            format!("HTTP/1.1 {status} X\r\ncontent-type: {media_type}\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).await?;
    }
}

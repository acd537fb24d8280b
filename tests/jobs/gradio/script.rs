//! A Gradio app that answers what a test says, to the letter: the streams that no app should send.

use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// The app that it says it is.
const CONFIG: &str = include_str!("../../fixtures/gradio-5.50.0/config.json");
/// The id of every call.
pub(super) const EVENT: &str = "e1";

/// What it does.
#[derive(Clone, Default)]
pub(super) struct Script {
    /// Status and body of `POST /gradio_api/queue/join`.
    pub(super) join: (u16, String),
    /// What the streams of the calls before send.
    pub(super) before: Vec<Vec<u8>>,
    /// What every function answers without the queue.
    pub(super) direct: String,
    /// What the stream sends, byte for byte.
    pub(super) stream: Vec<u8>,
    /// Whether the stream stays open after that.
    pub(super) stays: bool,
    /// Whether the stream goes on with that for ever.
    pub(super) repeats: Vec<u8>,
    /// In place of the recorded `/config`.
    pub(super) config: Option<String>,
}

impl Script {
    /// A call is taken, and the stream says this.
    pub(super) fn saying(stream: impl Into<Vec<u8>>) -> Self {
        Self { join: (200, accepted()), stream: stream.into(), ..Self::default() }
    }

    /// So many calls come before, and they end well.
    pub(super) fn after(mut self, calls: usize, values: &str) -> Self {
        let done = format!(
            "{{\"msg\":\"process_completed\",\"event_id\":\"{EVENT}\",\"output\":{{\"data\":{values}}},\"success\":true}}"
        );
        self.before = vec![events(&[&done]); calls];
        self
    }

    pub(super) fn and_stays(mut self) -> Self {
        self.stays = true;
        self
    }
}

fn accepted() -> String {
    format!("{{\"event_id\":\"{EVENT}\"}}")
}

/// Messages as they are written into a stream.
pub(super) fn events(messages: &[&str]) -> Vec<u8> {
    messages.iter().map(|message| format!("data: {message}\n\n")).collect::<String>().into_bytes()
}

pub(super) struct Scripted {
    pub(super) url: String,
    joined: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Scripted {
    pub(super) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let joined = Arc::new(AtomicUsize::new(0));
        let (script, count) = (Arc::new(script), joined.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, count) = (script.clone(), count.clone());
                tokio::spawn(async move {
                    let _gone = serve(stream, &script, &count).await;
                });
            }
        });
        Self { url, joined, task }
    }

    /// How often a call was posted.
    pub(super) fn joined(&self) -> usize {
        self.joined.load(Ordering::Relaxed)
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stream: TcpStream, script: &Script, joined: &AtomicUsize) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut request = String::new();
        if stream.read_line(&mut request).await? == 0 {
            return Ok(());
        }
        let mut length = 0;
        loop {
            let mut field = String::new();
            if stream.read_line(&mut field).await? == 0 {
                return Ok(());
            }
            if field == "\r\n" {
                break;
            }
            let field = field.to_ascii_lowercase();
            if let Some(value) = field.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        stream.read_exact(&mut vec![0; length]).await?;
        let path = request.split(' ').nth(1).unwrap_or_default();
        // Older generations have no prefix.
        let path = path.strip_prefix("/gradio_api").unwrap_or(path);
        let accepted = accepted();
        let config = script.config.as_deref().unwrap_or(CONFIG);
        let known: Value = serde_json::from_str(config).unwrap();
        // Older generations do not tell it there.
        let start = json!({"app_id": known.get("app_id").cloned().unwrap_or(json!(7))}).to_string();
        let (status, body) = match path {
            "/config" => (200, config),
            "/app_id" => (200, start.as_str()),
            "/queue/status" => (200, "{\"queue_size\":0}"),
            "/queue/join" => {
                let number = joined.fetch_add(1, Ordering::Relaxed);
                let is_before = number < script.before.len();
                if is_before { (200, accepted.as_str()) } else { (script.join.0, script.join.1.as_str()) }
            }
            "/upload" => (200, "[\"/srv/tmp/file\"]"),
            path if path.starts_with("/api/") => (200, script.direct.as_str()),
            path if path.starts_with("/queue/data") => {
                let head =
                    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nconnection: close\r\n\r\n";
                stream.write_all(head.as_bytes()).await?;
                let before = joined.load(Ordering::Relaxed).checked_sub(1).and_then(|call| script.before.get(call));
                if let Some(before) = before {
                    return stream.write_all(before).await;
                }
                stream.write_all(&script.stream).await?;
                stream.flush().await?;
                while !script.repeats.is_empty() {
                    stream.write_all(&script.repeats).await?;
                }
                if script.stays {
                    let mut rest = Vec::new();
                    stream.read_to_end(&mut rest).await?;
                }
                return Ok(());
            }
            _ => (404, "{\"detail\":\"Not Found\"}"),
        };
        let head =
            format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).await?;
    }
}

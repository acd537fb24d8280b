//! One life of the WebSocket: opened with an id of its own, read by one future, ended when it breaks or turns deaf.

use crate::{
    depth,
    hearing::{GRACE, Hearing},
    message::{FEATURE_FLAGS, Message},
};
use mdd_driver_api::{
    Connect, DriverError, Either, ErrorKind, Frame, Host, Result, Sink, Socket,
    model::Problem,
    race,
    sync::{Receiver, Sender, channel},
};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

const TOO_LARGE: &str = "comfyui.preview-too-large";
const DEAF: &str = "comfyui.deaf-socket";
const BLOCKED: &str = "comfyui.socket-blocked";

/// The push channel of one instance, whether it is open or not.
pub(crate) struct Watch {
    host: Host,
    /// The latest depth that `check` saw.
    asked: Sender<u32>,
    answers: Receiver<u32>,
    /// A message was too large, and the job that sent it may still run.
    overwhelmed: AtomicBool,
}

impl Watch {
    pub(crate) fn new(host: Host) -> Self {
        let (asked, answers) = channel(1);
        Self { host, asked, answers, overwhelmed: AtomicBool::new(false) }
    }

    /// `check` saw this depth.
    pub(crate) fn polled(&self, depth: Option<u32>) {
        if let Some(depth) = depth {
            let _replaced = self.asked.force_send(depth);
        }
    }

    /// Opens a socket and stays until it ends.
    pub(crate) async fn live(&self, sink: &Sink) -> Result<()> {
        let mut socket = self.open().await?;
        // What was asked before says nothing about this socket.
        while self.answers.try_recv().is_ok() {}
        let hearing = Hearing::new();
        match race(self.read(&mut socket, &hearing, sink), self.doubt(&hearing)).await {
            Either::First(end) => end,
            Either::Second(deaf) => Err(deaf),
        }
    }

    /// Two sockets with one clientId make one of them deaf, so every socket gets an id that nobody has used.
    async fn open(&self) -> Result<Socket> {
        let id = format!("{:016x}{:016x}", self.host.random(), self.host.random());
        let opened = self.host.connect(Connect::new(&format!("/ws?clientId={id}"))).await;
        let mut socket = opened.map_err(|error| match error.http_status {
            0 => error,
            // Whoever refuses here while HTTP works does not speak for the service: no reason to ask for a key.
            status => DriverError::new(ErrorKind::REJECTED, error.message).with_status(status).with_code(BLOCKED),
        })?;
        socket.send_text(FEATURE_FLAGS).await?;
        Ok(socket)
    }

    /// The only reader of the socket.
    async fn read(&self, socket: &mut Socket, hearing: &Hearing, sink: &Sink) -> Result<()> {
        loop {
            let frame = socket.next().await.map_err(|error| self.broken(error, sink))?;
            hearing.message();
            match frame {
                Frame::Text(text) => match Message::read(&text) {
                    Message::Status(depth) => {
                        hearing.status(depth);
                        self.status(depth, sink);
                    }
                    Message::Other => {}
                },
                Frame::Binary(_preview) => {}
                Frame::Close(_) => return Ok(()),
            }
        }
    }

    fn status(&self, depth: Option<u32>, sink: &Sink) {
        sink.status(&depth::sample(depth));
        // An empty queue means that the job with the large previews is over.
        if depth == Some(0) && self.overwhelmed.swap(false, Relaxed) {
            sink.cleared();
        }
    }

    fn broken(&self, error: DriverError, sink: &Sink) -> DriverError {
        if error.code != Socket::MESSAGE_TOO_LARGE {
            return error;
        }
        self.overwhelmed.store(true, Relaxed);
        sink.degraded(&Problem::new(TOO_LARGE, error.message.as_str()));
        error.with_code(TOO_LARGE)
    }

    /// Returns when the socket has turned deaf.
    async fn doubt(&self, hearing: &Hearing) -> DriverError {
        loop {
            let Ok(depth) = self.answers.recv().await else {
                // The sender lives as long as this instance.
                std::future::pending::<()>().await;
                continue;
            };
            let Some(doubt) = hearing.polled(depth) else { continue };
            self.host.sleep(GRACE).await;
            if hearing.heard_since(&doubt) {
                continue;
            }
            // A question without an answer proves nothing; the next check raises the doubt again.
            let Ok(Some(depth)) = depth::ask(&self.host).await else {
                continue;
            };
            if hearing.polled(depth).is_some() && !hearing.heard_since(&doubt) {
                let seconds = GRACE.as_secs();
                let text = format!("its queue holds {depth}, and its socket has told nothing of it for {seconds} s");
                return DriverError::new(ErrorKind::TIMEOUT, text).with_code(DEAF);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BLOCKED, DEAF, TOO_LARGE};
    use mdd_driver_api::manifest::Declaration;

    #[test]
    fn the_manifest_explains_every_problem() {
        let declaration: Declaration = serde_json::from_str(include_str!("../manifest.json")).unwrap();
        declaration.validate().unwrap();
        let explained: Vec<&str> = declaration.errors.keys().map(String::as_str).collect();
        assert_eq!(explained, [DEAF, TOO_LARGE, BLOCKED]);
        assert!(declaration.errors.values().all(|entry| !entry.meaning.is_empty() && !entry.remedies.is_empty()));
    }
}

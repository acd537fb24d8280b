//! One life of the WebSocket: opened with an id of its own, read by one future, ended when it breaks or turns deaf.

use crate::{
    depth,
    hearing::{GRACE, Hearing},
    lines::Lines,
    problem,
    socket::{self, Ear, Heard},
};
use mdd_driver_api::{
    DriverError, Either, ErrorKind, Host, Result, Sink, Socket,
    model::Problem,
    race,
    sync::{Receiver, Sender, channel},
};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The push channel of one instance, whether it is open or not.
pub(crate) struct Watch {
    host: Host,
    /// Where it says that it is open, and where news of jobs go.
    lines: Lines,
    /// The latest depth that `check` saw.
    asked: Sender<u32>,
    answers: Receiver<u32>,
    /// A message was too large, and the job that sent it may still run.
    overwhelmed: AtomicBool,
}

impl Watch {
    pub(crate) fn new(host: Host, lines: Lines) -> Self {
        let (asked, answers) = channel(1);
        Self { host, lines, asked, answers, overwhelmed: AtomicBool::new(false) }
    }

    /// `check` saw this depth.
    pub(crate) fn polled(&self, depth: Option<u32>) {
        if let Some(depth) = depth {
            let _replaced = self.asked.force_send(depth);
        }
    }

    /// Opens a socket and stays until it ends. Every socket gets an id that nobody has used.
    pub(crate) async fn live(&self, sink: &Sink) -> Result<()> {
        let id = socket::fresh_id(&self.host);
        let mut socket = socket::open(&self.host, &id).await?;
        // What was asked before says nothing about this socket.
        while self.answers.try_recv().is_ok() {}
        let hearing = Hearing::new();
        let _line = self.lines.stand(&id);
        match race(self.read(&mut socket, &hearing, sink), self.doubt(&hearing)).await {
            Either::First(end) => end,
            Either::Second(deaf) => Err(deaf),
        }
    }

    /// The only reader of the socket.
    async fn read(&self, socket: &mut Socket, hearing: &Hearing, sink: &Sink) -> Result<()> {
        let mut ear = Ear::new(self.lines.mailboxes.clone());
        loop {
            let frame = socket.next().await.map_err(|error| self.broken(error, sink))?;
            hearing.message();
            match ear.hear(frame) {
                Heard::Status(depth) => {
                    hearing.status(depth);
                    self.status(depth, sink);
                }
                Heard::Other => {}
                Heard::Closed => return Ok(()),
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
        sink.degraded(&Problem::new(problem::PREVIEW_TOO_LARGE, error.message.as_str()));
        error.with_code(problem::PREVIEW_TOO_LARGE)
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
                return DriverError::new(ErrorKind::TIMEOUT, text).with_code(problem::DEAF_SOCKET);
            }
        }
    }
}

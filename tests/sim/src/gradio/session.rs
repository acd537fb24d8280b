//! Sessions since 4.9: what is told of their calls is kept until somebody listens, once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, timeout_at},
};

use super::{Gradio, call::Tell, dialect::Dialect};
use crate::{
    json::{Json, object},
    service::{Reply, ReplyBody},
};

/// Between two signs of life of an open stream.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// All sessions.
#[derive(Default)]
pub(super) struct Sessions(Mutex<State>);

#[derive(Default)]
struct State {
    joined: HashMap<String, Session>,
    asked: HashMap<String, Asked>,
}

/// A call of 4.0 whose data is still to come.
pub(super) struct Asked {
    pub(super) function: String,
    pub(super) is_generator: bool,
    pub(super) tell: Tell,
}

struct Session {
    said: mpsc::UnboundedSender<String>,
    /// Until somebody listens.
    unheard: Option<mpsc::UnboundedReceiver<String>>,
    pending: usize,
    gone: Arc<watch::Sender<bool>>,
}

impl Sessions {
    /// A call begins. Its messages go to the session; the flag is set when nobody listens any more.
    pub(super) fn join(&self, hash: &str) -> (mpsc::UnboundedSender<String>, Arc<watch::Sender<bool>>) {
        let mut sessions = self.lock();
        let session = sessions.joined.entry(hash.to_owned()).or_insert_with(|| {
            let (said, unheard) = mpsc::unbounded_channel();
            Session { said, unheard: Some(unheard), pending: 0, gone: Arc::new(watch::Sender::new(false)) }
        });
        session.pending += 1;
        (session.said.clone(), Arc::clone(&session.gone))
    }

    /// A call ended; with the last one the stream does, since 4.24 with a word.
    pub(super) fn close(&self, hash: &str, said: &mpsc::UnboundedSender<String>, dialect: Dialect) {
        let mut sessions = self.lock();
        let session = sessions.joined.get_mut(hash).filter(|session| session.said.same_channel(said));
        let Some(session) = session else { return };
        session.pending -= 1;
        if session.pending > 0 {
            return;
        }
        if dialect == Dialect::SseV3 {
            let last = object! { "msg" => "close_stream", "event_id" => Json::Null };
            // Nobody may be left to listen.
            let _ = session.said.send(dialect.write(&last));
        }
        let _ = session.said.send(String::new());
        // What is listened to already is told to its end; the next call begins anew.
        if session.unheard.is_none() {
            sessions.joined.remove(hash);
        }
    }

    /// A stream of 4.0 has asked for the data of a call.
    pub(super) fn ask(&self, event: &str, asked: Asked) {
        self.lock().asked.insert(event.to_owned(), asked);
    }

    /// The data has come.
    pub(super) fn asked(&self, event: &str) -> Option<Asked> {
        self.lock().asked.remove(event)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whoever listened is gone, and with it all that is still to be said.
    fn leave(&self, hash: &str, gone: &Arc<watch::Sender<bool>>) {
        let mut sessions = self.lock();
        if sessions.joined.get(hash).is_some_and(|session| Arc::ptr_eq(&session.gone, gone)) {
            sessions.joined.remove(hash);
        }
        gone.send_replace(true);
    }

    /// Whoever listens takes what was said; a session that was listened to before is unknown.
    fn listen(&self, hash: &str) -> Option<(mpsc::UnboundedReceiver<String>, Arc<watch::Sender<bool>>)> {
        let mut sessions = self.lock();
        let session = sessions.joined.get_mut(hash)?;
        let heard = (session.unheard.take()?, Arc::clone(&session.gone));
        if session.pending == 0 {
            sessions.joined.remove(hash);
        }
        Some(heard)
    }
}

/// `GET /queue/data`.
pub(super) fn stream(process: &Arc<Gradio>, hash: &str) -> Reply {
    let dialect = process.app.dialect;
    let (sender, chunks) = mpsc::channel(1);
    match process.sessions.listen(hash) {
        Some((said, gone)) => {
            let (process, hash) = (Arc::clone(process), hash.to_owned());
            tokio::spawn(async move {
                let mut said = said;
                loop {
                    let next = tokio::select! {
                        () = sender.closed() => return process.sessions.leave(&hash, &gone),
                        next = timeout_at(Instant::now() + HEARTBEAT, said.recv()) => next,
                    };
                    process.setup.board.running().await;
                    let text = match next {
                        Err(_) => dialect.write(&heartbeat(dialect)),
                        // An empty line ends the stream.
                        Ok(Some(text)) if !text.is_empty() => text,
                        Ok(_) => return,
                    };
                    let sent = sender.send(Bytes::from(format!("data: {text}\n\n"))).await;
                    if sent.is_err() {
                        return process.sessions.leave(&hash, &gone);
                    }
                }
            });
        }
        None => {
            let lost = object! {
                "msg" => "unexpected_error", "message" => "404: Session not found.", "success" => false
            };
            // A channel with room: nobody is waited for.
            let _ = sender.try_send(Bytes::from(format!("data: {}\n\n", dialect.write(&lost))));
        }
    }
    Reply::new(200, ReplyBody::Stream(chunks)).with("content-type", "text/event-stream; charset=utf-8")
}

fn heartbeat(dialect: Dialect) -> Json {
    match dialect {
        Dialect::SseV3 => object! { "msg" => "heartbeat", "event_id" => Json::Null },
        _ => object! { "msg" => "heartbeat" },
    }
}

//! A played service as the host's services and jobs meet it, with a fault, and a ledger of what was seen.

use mdd_core::transport::Failure;
use mdd_driver_api::Stage;
use mdd_replay::{Asked, Effect, Exchange, Piece, Player, Reply, Script};
use std::{
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};

/// Something that went over the boundary, in the order in which it did.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Seen {
    /// A request was sent.
    Asked(Question),
    /// A checkpoint was to be written.
    CheckpointAsked(Stage),
    /// A checkpoint is durable.
    Durable(Stage),
}

/// A request, as far as it matters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Question {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) effect: Option<Effect>,
    pub(crate) is_socket: bool,
    /// Its answer goes to a file of the job.
    pub(crate) is_download: bool,
    /// The service has answered it, whatever the answer was.
    pub(crate) is_answered: bool,
    /// Why the host does not allow it.
    pub(crate) forbidden: Option<String>,
}

impl std::fmt::Display for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = self.target.split('?').next().unwrap_or_default();
        let socket = if self.is_socket { " over a WebSocket" } else { "" };
        write!(f, "{} {}{socket}", self.method, mdd_driver_api::text::printable(path, 80))
    }
}

impl Question {
    pub(crate) fn starts(&self) -> bool {
        self.effect == Some(Effect::Starts)
    }
}

/// What a service does instead of answering as the script says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing listens.
    Refuses,
    /// The connection is accepted and nothing is answered.
    Hangs,
    /// The connection is closed before the answer.
    Cuts,
    /// The connection is closed in the middle of the answer.
    CutsBody,
    /// What is answered is no HTTP.
    Garbage,
    /// A web page.
    Page,
    /// An empty body.
    Empty,
    /// JSON of another form.
    OtherJson(&'static str),
    /// A status with a short text.
    Status(u16),
    /// More than any driver asks for.
    Huge,
    /// WebSockets are opened, and nothing comes.
    Deaf,
}

/// What a fault is in force for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// For every request.
    Everything,
    /// For those that start work: the service has the work.
    Starting,
    /// For all after work was started.
    Afterwards,
}

/// How a request ends.
pub(crate) enum Course {
    /// So.
    Answer(Reply),
    /// So, after half of its body.
    Half(Reply),
    /// All but its last piece, which comes when the work is cancelled.
    Stalls(Reply),
    /// Not at all.
    Silence,
    /// With this.
    Failure(Failure),
}

/// One played service. Cloning is cheap; every clone is the same service.
#[derive(Clone)]
pub(crate) struct Service(Arc<Mutex<State>>);

/// By what a service shows that its work goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// It is asked again and again.
    Polled,
    /// By an answer that goes on, to another request than the one that started the work.
    Streamed,
    /// By the answer to the request that started the work.
    Answered,
}

impl Progress {
    fn of(script: &Script) -> Self {
        let exchanges = &script.exchanges;
        let starts_by_socket = |exchange: &Exchange| {
            let mut messages = exchange.answer.socket.iter().flatten();
            messages.any(|piece| matches!(piece, Piece::Expect { effect: Some(Effect::Starts), .. }))
        };
        let is_stream = |exchange: &Exchange| exchange.answer.pieces.as_ref().is_some_and(|pieces| pieces.len() > 1);
        if exchanges.iter().any(|exchange| exchange.times.is_some()) {
            Self::Polled
        } else if exchanges
            .iter()
            .any(|exchange| starts_by_socket(exchange) || (exchange.effect.is_none() && is_stream(exchange)))
        {
            Self::Streamed
        } else {
            Self::Answered
        }
    }
}

struct State {
    player: Player,
    progress: Progress,
    fault: Option<(Scope, Fault)>,
    has_started: bool,
    never_ends: bool,
    /// Who waits for the end of work that has none.
    waiting: Vec<Waker>,
    ledger: Vec<Seen>,
}

impl Service {
    pub(crate) fn new(script: &Arc<Script>, endpoint: &str) -> Self {
        let player = Player::new(script.clone(), endpoint);
        let progress = Progress::of(script);
        Self(Arc::new(Mutex::new(State {
            player,
            progress,
            fault: None,
            has_started: false,
            never_ends: false,
            waiting: Vec::new(),
            ledger: Vec::new(),
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, scope: Scope, fault: Fault) {
        self.state().fault = Some((scope, fault));
    }

    pub(crate) fn mend(&self) {
        self.state().fault = None;
    }

    pub(crate) fn never_end(&self) {
        let mut state = self.state();
        state.player.never_end();
        state.never_ends = true;
    }

    /// Whether the answer to the request that starts the work is the result.
    pub(crate) fn answers_at_once(&self) -> bool {
        self.state().progress == Progress::Answered
    }

    pub(crate) fn restart(&self) {
        let mut state = self.state();
        state.player.restart();
        state.has_started = false;
    }

    pub(crate) fn note(&self, seen: Seen) {
        self.state().ledger.push(seen);
    }

    pub(crate) fn ledger(&self) -> Vec<Seen> {
        self.state().ledger.clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.state().ledger.len()
    }

    /// The questions from a place of the ledger on.
    pub(crate) fn questions(&self, from: usize) -> Vec<Question> {
        let state = self.state();
        let asked = state.ledger.iter().skip(from).filter_map(|seen| match seen {
            Seen::Asked(question) => Some(question.clone()),
            Seen::CheckpointAsked(_) | Seen::Durable(_) => None,
        });
        asked.collect()
    }

    /// A request that the host does not send.
    pub(crate) fn forbid(&self, method: &str, target: &str, is_socket: bool, why: String) -> Failure {
        self.note(Seen::Asked(Question {
            method: method.to_owned(),
            target: target.to_owned(),
            effect: None,
            is_socket,
            is_download: false,
            is_answered: false,
            forbidden: Some(why.clone()),
        }));
        Failure::Blocked(why)
    }

    /// A message of a WebSocket that does something, and what becomes of the connection then.
    pub(crate) fn hear(&self, effect: Effect) -> Option<Fault> {
        let mut state = self.state();
        state.has_started |= effect == Effect::Starts;
        state.ledger.push(Seen::Asked(Question {
            method: "SEND".to_owned(),
            target: "a message".to_owned(),
            effect: Some(effect),
            is_socket: true,
            is_download: false,
            is_answered: true,
            forbidden: None,
        }));
        state.fault.filter(|(scope, _)| *scope == Scope::Starting).map(|(_, fault)| fault)
    }

    /// Whether the work goes on without an end.
    pub(crate) fn is_endless(&self) -> bool {
        self.state().never_ends
    }

    /// Ready when the work comes to an end.
    pub(crate) async fn work_ends(&self) {
        poll_fn(|cx| {
            let mut state = self.state();
            if !state.never_ends {
                return Poll::Ready(());
            }
            state.waiting.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// A request that arrives, unless nothing listens.
    pub(crate) fn ask(&self, asked: Asked<'_>, is_download: bool) -> Course {
        let mut state = self.state();
        let mut fault = state.fault.filter(|(scope, _)| match scope {
            Scope::Everything => true,
            Scope::Afterwards => state.has_started,
            Scope::Starting => false,
        });
        let takes_nothing = matches!(fault, Some((_, Fault::Refuses | Fault::Hangs | Fault::Cuts)));
        // Whoever is not there or does not answer has done nothing either.
        let reply = if takes_nothing { None } else { Some(state.player.answer(asked)) };
        let starts = reply.as_ref().is_some_and(|reply| reply.effect == Some(Effect::Starts));
        if starts {
            fault = fault.or(state.fault.filter(|(scope, _)| *scope == Scope::Starting));
            state.has_started = true;
        }
        if reply.as_ref().is_some_and(|reply| reply.effect == Some(Effect::Cancels)) {
            state.never_ends = false;
            state.waiting.drain(..).for_each(Waker::wake);
        }
        let stalls = state.never_ends
            && match state.progress {
                Progress::Polled => false,
                Progress::Streamed => state.has_started && reply.as_ref().is_some_and(|reply| reply.pieces.len() > 1),
                Progress::Answered => starts,
            };
        let course = match (course(reply, fault.map(|(_, fault)| fault)), stalls) {
            (Course::Answer(reply), true) => Course::Stalls(reply),
            (course, _) => course,
        };
        let effect = match &course {
            _ if starts => Some(Effect::Starts),
            Course::Answer(reply) | Course::Half(reply) | Course::Stalls(reply) => reply.effect,
            Course::Silence | Course::Failure(_) => None,
        };
        state.ledger.push(Seen::Asked(Question {
            method: asked.method.to_owned(),
            target: asked.target.to_owned(),
            effect,
            is_socket: asked.is_upgrade,
            is_download,
            is_answered: matches!(course, Course::Answer(_)),
            forbidden: None,
        }));
        course
    }
}

fn course(reply: Option<Reply>, fault: Option<Fault>) -> Course {
    let effect = reply.as_ref().and_then(|reply| reply.effect);
    let made = |status, media_type: &str, body: &str| {
        let headers = vec![("content-type".to_owned(), media_type.to_owned())];
        Course::Answer(Reply { effect, status, headers, pieces: vec![Piece::Text(body.to_owned())] })
    };
    match (fault, reply) {
        (Some(Fault::Refuses), _) => Course::Failure(Failure::ConnectionRefused),
        (Some(Fault::Hangs), _) => Course::Silence,
        (Some(Fault::Cuts), _) | (None, None) => Course::Failure(Failure::ClosedWithoutAnswer),
        (Some(Fault::Garbage), _) => Course::Failure(Failure::NotHttp("invalid HTTP version parsed".to_owned())),
        (Some(Fault::Page), _) => {
            made(200, "text/html", "<!doctype html><html><title>Sign in</title><body>…</body></html>")
        }
        (Some(Fault::OtherJson(text)), _) => made(200, "application/json", text),
        (Some(Fault::Status(status)), _) => made(status, "text/plain", "no"),
        (Some(Fault::Huge), _) => Course::Failure(Failure::AnswerTooLarge(1 << 20)),
        (Some(Fault::Empty), Some(reply)) => Course::Answer(Reply { pieces: Vec::new(), ..reply }),
        (Some(Fault::CutsBody), Some(reply)) if reply.status != 101 => Course::Half(reply),
        (Some(Fault::Deaf), Some(reply)) if reply.status == 101 => {
            Course::Answer(Reply { pieces: Vec::new(), ..reply })
        }
        (Some(Fault::Empty | Fault::CutsBody), None) => Course::Failure(Failure::ClosedWithoutAnswer),
        (_, Some(reply)) => Course::Answer(reply),
        (Some(Fault::Deaf), None) => Course::Failure(Failure::ClosedWithoutAnswer),
    }
}

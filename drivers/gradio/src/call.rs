//! One call of a function, the same for every generation: opened, sent when the server wants the data, and heard to its
//! end.

mod quick;
mod socket;

use crate::{
    app::App,
    config::{Config, Function, Protocol},
    course::{Course, Step},
    input,
    input::Input,
    line::Line,
    session::{Session, Stop, refusal, unknown_protocol},
};
use mdd_driver_api::{DriverError, Effect, Request, Result};
use serde_json::{Value, json};
use socket::Wire as SocketWire;
use std::{sync::Arc, time::Duration};

/// For an answer that is only a receipt.
const RECEIPT: Duration = Duration::from_secs(60);

/// A call. Dropping it closes its stream, and touches nothing that works at the server.
pub struct Call<'a> {
    app: &'a App,
    config: Arc<Config>,
    function: Function,
    hash: String,
    course: Course,
    wire: Wire<'a>,
}

enum Wire<'a> {
    /// Gradio 3: everything goes over one socket.
    Socket(SocketWire),
    /// 4.0 to 4.8: the stream asks for the data, which is posted.
    Asking { line: Line, event: String },
    /// Since 4.9: nothing is open before the call is posted.
    Posting(Session<'a>),
    /// Since 4.9: the call was posted.
    Listening { session: Session<'a>, line: Line, event: String },
    /// The call is over, and the connection is closed.
    Closed,
}

impl<'a> Call<'a> {
    /// Prepares a call. Nothing that works is started by it; before 4.9 it takes a place in the queue.
    ///
    /// # Errors
    /// Those of the network; `REJECTED` for a protocol that this version does not know.
    pub async fn open(app: &'a App, config: Arc<Config>, function: &Function, hash: &str) -> Result<Self> {
        let wire = match &config.protocol {
            Protocol::WebSocket => Wire::Socket(SocketWire::open(app.host(), function.index, hash).await?),
            Protocol::Sse => {
                let target = config.path("/queue/join");
                let target = format!("{target}?fn_index={}&session_hash={hash}", function.index);
                Wire::Asking { line: Line::open(app.host(), &target).await?, event: String::new() }
            }
            Protocol::SseV1 | Protocol::SseV2 | Protocol::SseV21 | Protocol::SseV3 => {
                Wire::Posting(Session::new(app, config.clone(), hash)?)
            }
            Protocol::Unknown(name) => return Err(unknown_protocol(app.kind(), name)),
        };
        let function = function.clone();
        Ok(Self { app, config, function, hash: hash.to_owned(), course: Course::alone(), wire })
    }

    /// The server's id of the call, once it has one; before 4.9 that of the session.
    pub fn remote_id(&self) -> &str {
        match &self.wire {
            Wire::Listening { event, .. } => event,
            Wire::Socket(_) | Wire::Asking { .. } | Wire::Posting(_) | Wire::Closed => &self.hash,
        }
    }

    /// What comes next of it. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Those of the network, and what cannot be understood: nobody will tell what became of the call.
    pub async fn next(&mut self) -> Result<Step> {
        loop {
            let message = match &mut self.wire {
                Wire::Socket(socket) => socket.next().await?,
                Wire::Asking { line, .. } | Wire::Listening { line, .. } => line.next().await?,
                Wire::Posting(_) => return Ok(Step::Wanted),
                Wire::Closed => return Ok(self.course.cut()),
            };
            let Some(message) = message else {
                self.wire = Wire::Closed;
                return Ok(self.course.cut());
            };
            if let Wire::Asking { event, .. } = &mut self.wire
                && let Some(told) = &message.event
            {
                event.clone_from(told);
            }
            if let Some(step) = self.course.take(message) {
                // A socket that stays open keeps the server's worker for 10 s more.
                if matches!(step, Step::Over(_)) {
                    self.wire = Wire::Closed;
                }
                return Ok(step);
            }
        }
    }

    /// Sends the inputs: this is what starts the work. Only after [`Step::Wanted`].
    ///
    /// # Errors
    /// Without effect where the server has refused it; otherwise it may have it.
    pub async fn send(&mut self, data: &[Input]) -> Result<()> {
        let (function, hash) = (self.function.index, self.hash.clone());
        match &mut self.wire {
            Wire::Socket(socket) => socket.send(data, function, &hash).await,
            Wire::Asking { event, .. } => {
                let fields = [
                    ("event_data", Value::Null),
                    ("fn_index", json!(function)),
                    ("session_hash", json!(hash)),
                    ("event_id", json!(event)),
                ];
                let request = Request::post(&self.config.path("/queue/data"))
                    .header("content-type", "application/json")
                    .body(input::message(data, &fields));
                let answer = self.app.host().send(request.head_within(RECEIPT).total_within(RECEIPT)).await?;
                if answer.status == 200 { Ok(()) } else { Err(refusal(self.app.kind(), &answer)) }
            }
            Wire::Posting(session) => {
                let event = session.join(function, data, None).await?;
                let line = session.listen().await.map_err(|mut error| {
                    // It has the call by now.
                    error.effect = Effect::UNKNOWN;
                    error
                })?;
                self.course = Course::of(&event);
                let Wire::Posting(session) = std::mem::replace(&mut self.wire, Wire::Closed) else { return Ok(()) };
                self.wire = Wire::Listening { session, line, event };
                Ok(())
            }
            Wire::Listening { .. } | Wire::Closed => Err(DriverError::unsupported("sending a call twice")),
        }
    }

    /// Whether the server has said that it has the call. Over a socket it says nothing before it runs.
    pub fn is_acknowledged(&self) -> bool {
        matches!(self.wire, Wire::Asking { .. } | Wire::Listening { .. })
    }

    /// Whether the function can be stopped in the middle.
    pub fn can_be_stopped(&self) -> bool {
        self.function.is_generator == Some(true)
    }

    /// Asks the server to end it. Where it says that it does, [`next`](Self::next) may tell its end, and may not.
    ///
    /// # Errors
    /// Those of the network.
    pub async fn cancel(&mut self) -> Result<Stop> {
        let function = self.function.index;
        match &mut self.wire {
            Wire::Listening { session, event, .. } => session.cancel(function, event).await,
            // The socket goes first: a generator whose client is still there begins again when it is reset.
            Wire::Socket(_) | Wire::Asking { .. } => {
                let id = match std::mem::replace(&mut self.wire, Wire::Closed) {
                    Wire::Asking { event, .. } => event,
                    _ => String::new(),
                };
                if !self.can_be_stopped() {
                    return Ok(Stop::Impossible);
                }
                let body = json!({"session_hash": self.hash, "fn_index": function, "event_id": id});
                let request = Request::post(&self.config.path("/reset")).json(&body)?;
                self.app.host().send(request).await?.success()?;
                Ok(Stop::Taken)
            }
            Wire::Posting(_) | Wire::Closed => Ok(Stop::Taken),
        }
    }
}

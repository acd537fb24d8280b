//! Ways in which a simulated service can misbehave, and where each one applies.

mod board;
mod spec;

use std::time::Duration;

pub(crate) use self::board::Board;
pub use self::spec::SpecError;

/// One kind of misbehaviour.
///
/// Faults whose text says *unhandled* answer in place of the service: the request has no effect on it.
/// All others let the service do its work and spoil only what the client gets to see.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// Reads the request and stays silent until the client goes away (unhandled).
    Hang,
    /// Reads the request and closes the connection without a byte (unhandled).
    Drop,
    /// Reads the request and resets the connection (unhandled).
    Reset,
    /// Answers bytes that are no HTTP and closes (unhandled).
    Garbage,
    /// Answers 200 with an HTML page (unhandled).
    Html,
    /// Answers this status with a short text (unhandled).
    Status(u16),
    /// Answers the true status and headers with an empty body.
    EmptyBody,
    /// Announces the true body, sends half of it and closes. Of an answer that is streamed it sends the first piece and
    /// half of the second.
    HalfJson,
    /// Answers 200 with a JSON text that never ends; it stops at 4 GiB or when the client goes (unhandled).
    EndlessBody,
    /// Answers 200 with about a megabyte of gzip that unpacks to 1 GiB (unhandled).
    GzipBomb,
    /// Adds a bare `NaN` to the true JSON answer, as Python services do.
    Nan,
    /// Adds the seed 2^64 − 1 to the true JSON answer.
    BigSeeds,
    /// Waits before the request is handled. Combines with the other faults.
    Slow(Duration),
    /// Reads the head of the request, never its body, and does not answer (unhandled).
    StopReading,
    /// Closes the listener: connects are refused, open connections live on. The port is kept.
    Refuse,
    /// The whole process is stopped, as by SIGSTOP: the kernel still accepts, nothing is read, written or computed.
    /// Clearing it continues where everything stood.
    Freeze,
    /// Answers as another kind of service, or as another version of the same one.
    Identity {
        /// Name of the kind to answer as.
        kind: String,
        /// Version to answer as; the kind's newest by default.
        version: Option<String>,
    },
    /// Refuses the WebSocket upgrade with 403 while plain HTTP works.
    SocketRefused,
    /// Accepts WebSockets, sends the first frame and answers pings, but delivers no event.
    SocketDeaf,
    /// Accepts WebSockets and never sends or reads a byte after the handshake.
    SocketSilent,
    /// Closes WebSockets without a close frame: the open ones now, new ones after their handshake.
    SocketDropped,
    /// A submitted job is acknowledged at once but enters the queue only after this time.
    LateJob(Duration),
    /// A submitted job enters the queue, and is acknowledged, only after this time, even if the client has gone.
    SlowJob(Duration),
    /// A submitted job is accepted; the connection is closed in place of the answer.
    CutAnswer,
}

impl Fault {
    /// This fault for requests below a path only.
    pub fn on(self, path: impl Into<String>) -> Rule {
        Rule::from(self).on(path)
    }

    /// This fault for a number of requests only.
    pub fn times(self, count: u32) -> Rule {
        Rule::from(self).times(count)
    }

    /// Whether the fault acts on a single HTTP request of any sort.
    pub(crate) fn is_about_requests(&self) -> bool {
        !self.is_about_jobs() && !self.is_about_sockets() && !self.is_about_the_process()
    }

    /// Whether the fault acts on submissions of jobs.
    pub(crate) fn is_about_jobs(&self) -> bool {
        matches!(self, Fault::LateJob(_) | Fault::SlowJob(_) | Fault::CutAnswer)
    }

    /// Whether the fault acts on WebSockets.
    pub(crate) fn is_about_sockets(&self) -> bool {
        matches!(self, Fault::SocketRefused | Fault::SocketDeaf | Fault::SocketSilent | Fault::SocketDropped)
    }

    fn is_about_the_process(&self) -> bool {
        matches!(self, Fault::Refuse | Fault::Freeze | Fault::Identity { .. })
    }
}

/// A fault with the requests it is limited to.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What goes wrong.
    pub fault: Fault,
    /// Only requests whose path starts with this; all if absent. Means nothing to `Refuse` and `Freeze`.
    pub path: Option<String>,
    /// Only so many requests (or WebSockets); all if absent.
    pub count: Option<u32>,
}

impl Rule {
    /// Limits the rule to requests whose path starts with `path`.
    pub fn on(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Limits the rule to the next `count` requests it applies to.
    pub fn times(mut self, count: u32) -> Self {
        self.count = Some(count);
        self
    }

    fn covers(&self, path: &str) -> bool {
        self.path.as_deref().is_none_or(|prefix| path.starts_with(prefix))
    }
}

impl From<Fault> for Rule {
    fn from(fault: Fault) -> Self {
        Self { fault, path: None, count: None }
    }
}

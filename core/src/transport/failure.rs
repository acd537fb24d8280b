//! Everything that can go wrong between the host and a service, each with a stable code.

use crate::endpoint::Endpoint;
use mdd_driver_api::{DriverError, Effect, ErrorKind};
use thiserror::Error;

/// What was observed. The text is the predicate of a sentence about the service, or a sentence about the host.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Failure {
    /// Nothing listens.
    #[error("refused the connection")]
    ConnectionRefused,
    /// The packets went nowhere.
    #[error("did not accept the connection within {0} ms")]
    ConnectTimeout(u64),
    /// The same on this machine, where no packet is lost: somebody holds the port, and its queue of connections is full.
    #[error("did not accept the connection within {0} ms")]
    NotAccepted(u64),
    /// No route.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// The resolver knows no such name.
    #[error("has a name that is not known: {0}")]
    NameNotFound(String),
    /// No TLS, or a certificate that is not trusted.
    #[error("failed at TLS: {0}")]
    TlsFailed(String),
    /// The peer broke the connection.
    #[error("reset the connection")]
    ConnectionReset,
    /// The peer closed the connection instead of answering.
    #[error("closed the connection without an answer")]
    ClosedWithoutAnswer,
    /// The head of the answer did not come in time.
    #[error("did not answer within {0} ms")]
    NoAnswer(u64),
    /// The body stopped coming, or a ping was not answered.
    #[error("sent nothing for {0} ms")]
    Stalled(u64),
    /// The whole exchange took too long.
    #[error("did not finish its answer within {0} ms")]
    TookTooLong(u64),
    /// The answer was no HTTP.
    #[error("answered something that is not HTTP ({0})")]
    NotHttp(String),
    /// The head of the answer was endless.
    #[error("answered with too long a head")]
    HeadTooLarge,
    /// The framing of the body was wrong.
    #[error("broke off its answer with invalid framing ({0})")]
    BrokenAnswer(String),
    /// The connection ended in the middle of the body.
    #[error("closed the connection in the middle of its answer")]
    AnswerCutShort,
    /// The body is longer than what was asked for, in bytes.
    #[error("answered with more than {0} bytes")]
    AnswerTooLarge(u64),
    /// The body is compressed although that was not asked for; it might expand without end.
    #[error("answered in the encoding {encoding:?}, which was not asked for")]
    EncodedAnswer {
        /// What the answer declared.
        encoding: String,
        /// Its status.
        status: u16,
    },
    /// An answer other than 101 to a WebSocket handshake.
    #[error("refused the WebSocket with HTTP {0}")]
    UpgradeRefused(u16),
    /// The answer to a WebSocket handshake broke its rules.
    #[error("did not complete the WebSocket handshake: {0}")]
    NotWebsocket(String),
    /// A frame broke the rules.
    #[error("sent an invalid WebSocket frame: {0}")]
    BrokenFrame(String),
    /// An incoming message over the cap, in bytes.
    #[error("sent a WebSocket message over {0} bytes")]
    MessageTooLarge(u64),
    /// Pings without end.
    #[error("sent more than {0} WebSocket control frames in a second")]
    ControlFlood(u32),
    /// The WebSocket ended without a close frame.
    #[error("dropped the WebSocket connection")]
    ConnectionLost,
    /// The WebSocket is closed.
    #[error("the WebSocket is closed")]
    SocketClosed,
    /// The driver did not read.
    #[error("the WebSocket was closed because its messages were not read in time")]
    ReaderTooSlow,
    /// An outgoing body or message over the cap, in bytes.
    #[error("the message is over {0} bytes")]
    OutgoingTooLarge(u64),
    /// The policy forbids it.
    #[error("blocked by policy: {0}")]
    Blocked(String),
    /// A segment kind of a newer interface.
    #[error("segments of kind {0} are not supported")]
    UnknownSegment(u32),
    /// A secret that the user has not set.
    #[error("the secret {0:?} is not set")]
    MissingSecret(String),
    /// A file of the job that cannot be read.
    #[error("the file {name:?} cannot be read: {reason}")]
    File {
        /// Its name in the job.
        name: String,
        /// What the system said.
        reason: String,
    },
    /// The host has closed the instance.
    #[error("the instance is closed")]
    InstanceClosed,
    /// The disk has no room for a body.
    #[error("the disk has no room for the result: {wanted} bytes are needed and {free} are free")]
    DiskFull {
        /// What is still to come, as far as it is known.
        wanted: u64,
        /// What is free.
        free: u64,
    },
    /// A fault of the host.
    #[error("the host failed: {0}")]
    Host(String),
}

impl Failure {
    /// Stable name of the failure, in kebab-case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ConnectionRefused => "connection-refused",
            Self::ConnectTimeout(_) => "connect-timeout",
            Self::Unreachable(_) => "unreachable",
            Self::NameNotFound(_) => "name-not-found",
            Self::TlsFailed(_) => "tls-failed",
            Self::ConnectionReset => "connection-reset",
            Self::ClosedWithoutAnswer => "closed-without-answer",
            Self::NotAccepted(_) | Self::NoAnswer(_) => "no-answer",
            Self::Stalled(_) => "stalled",
            Self::TookTooLong(_) => "took-too-long",
            Self::NotHttp(_) => "not-http",
            Self::HeadTooLarge => "head-too-large",
            Self::BrokenAnswer(_) => "broken-answer",
            Self::AnswerCutShort => "answer-cut-short",
            Self::AnswerTooLarge(_) => "answer-too-large",
            Self::EncodedAnswer { .. } => "encoded-answer",
            Self::UpgradeRefused(_) => "upgrade-refused",
            Self::NotWebsocket(_) => "not-websocket",
            Self::BrokenFrame(_) => "broken-frame",
            Self::MessageTooLarge(_) => "message-too-large",
            Self::ControlFlood(_) => "control-flood",
            Self::ConnectionLost => "connection-lost",
            Self::SocketClosed => "socket-closed",
            Self::ReaderTooSlow => "reader-too-slow",
            Self::OutgoingTooLarge(_) => "outgoing-too-large",
            Self::Blocked(_) => "blocked-by-policy",
            Self::UnknownSegment(_) => "unknown-segment",
            Self::MissingSecret(_) => "missing-secret",
            Self::File { .. } => "file-unreadable",
            Self::InstanceClosed => "instance-closed",
            Self::DiskFull { .. } => "disk-full",
            Self::Host(_) => "host-fault",
        }
    }

    /// What the supervisor and the driver act on.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::ConnectionRefused
            | Self::Unreachable(_)
            | Self::NameNotFound(_)
            | Self::TlsFailed(_)
            | Self::ConnectionReset
            | Self::ClosedWithoutAnswer
            | Self::AnswerCutShort
            | Self::ConnectionLost
            | Self::SocketClosed => ErrorKind::TRANSPORT,
            Self::ConnectTimeout(_)
            | Self::NotAccepted(_)
            | Self::NoAnswer(_)
            | Self::Stalled(_)
            | Self::TookTooLong(_) => ErrorKind::TIMEOUT,
            Self::NotHttp(_)
            | Self::BrokenAnswer(_)
            | Self::EncodedAnswer { .. }
            | Self::NotWebsocket(_)
            | Self::BrokenFrame(_) => ErrorKind::PROTOCOL,
            Self::HeadTooLarge
            | Self::AnswerTooLarge(_)
            | Self::MessageTooLarge(_)
            | Self::ControlFlood(_)
            | Self::ReaderTooSlow
            | Self::OutgoingTooLarge(_) => ErrorKind::LIMIT,
            Self::UpgradeRefused(401 | 403) | Self::MissingSecret(_) => ErrorKind::AUTH,
            Self::UpgradeRefused(_) => ErrorKind::REJECTED,
            Self::Blocked(_) | Self::UnknownSegment(_) => ErrorKind::UNSUPPORTED,
            Self::File { .. } | Self::InstanceClosed | Self::DiskFull { .. } | Self::Host(_) => ErrorKind::HOST,
        }
    }

    /// Whether certainly no byte of the request was sent.
    fn effect(&self) -> Effect {
        match self {
            Self::ConnectionRefused
            | Self::ConnectTimeout(_)
            | Self::NotAccepted(_)
            | Self::Unreachable(_)
            | Self::NameNotFound(_)
            | Self::TlsFailed(_)
            | Self::OutgoingTooLarge(_)
            | Self::Blocked(_)
            | Self::UnknownSegment(_)
            | Self::MissingSecret(_) => Effect::NONE,
            _ => Effect::UNKNOWN,
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::UpgradeRefused(status) | Self::EncodedAnswer { status, .. } => *status,
            _ => 0,
        }
    }

    /// Whether its text is a sentence of its own and not one about the service.
    fn is_own_sentence(&self) -> bool {
        matches!(
            self,
            Self::SocketClosed
                | Self::ReaderTooSlow
                | Self::OutgoingTooLarge(_)
                | Self::Blocked(_)
                | Self::UnknownSegment(_)
                | Self::MissingSecret(_)
                | Self::File { .. }
                | Self::InstanceClosed
                | Self::DiskFull { .. }
                | Self::Host(_)
        )
    }

    /// The observation as a sentence, such as "port 8188 refused the connection".
    pub fn observation(&self, endpoint: &Endpoint) -> String {
        if self.is_own_sentence() { self.to_string() } else { format!("{} {self}", endpoint.subject()) }
    }

    /// The same as drivers and the supervisor get it.
    pub fn into_error(self, endpoint: &Endpoint) -> DriverError {
        let mut error =
            DriverError::new(self.kind(), self.observation(endpoint)).with_code(self.code()).with_status(self.status());
        error.effect = self.effect();
        error
    }
}

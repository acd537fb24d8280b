//! What kind of failure it is decides what happens next.

use mdd_driver_api::{DriverError, ErrorKind};

/// The failure classes. The first three are "not there yet": retried for ever with backoff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Nobody is there: the port refuses, the name or host is unknown.
    Gone,
    /// Somebody may be there but says nothing.
    Silent,
    /// Somebody answers, but not as the service does: 5xx, broken answers, a connection that is cut.
    Odd,
    /// Only the user can change it: a key, a URL, another service, a version.
    NeedsYou,
    /// The driver panicked or the host failed.
    OurFault,
}

impl Class {
    /// The class of an error.
    pub fn of(error: &DriverError) -> Self {
        match (error.kind, error.code.as_str()) {
            (_, "connection-refused" | "name-not-found" | "unreachable") => Self::Gone,
            (ErrorKind::TIMEOUT, _) => Self::Silent,
            (ErrorKind::AUTH | ErrorKind::CONFIG | ErrorKind::UNSUPPORTED, _) => Self::NeedsYou,
            (ErrorKind::PANIC | ErrorKind::HOST, _) => Self::OurFault,
            _ => Self::Odd,
        }
    }
}

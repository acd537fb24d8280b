//! The problems that a Gradio app can have. Each driver of such an app lists those that it can meet under its own kind.

use mdd_driver_api::{DriverError, ErrorKind, model::Problem};

/// Name of one of these problems: what follows the kind in its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name(&'static str);

impl Name {
    /// The code of this problem for a kind, `rvc.queue-full`.
    pub fn of(self, kind: &str) -> String {
        format!("{kind}.{}", self.0)
    }

    /// The problem as an error.
    pub fn error(self, kind: &str, error: ErrorKind, observation: impl Into<String>) -> DriverError {
        DriverError::new(error, observation).with_code(&self.of(kind))
    }

    /// The problem as the reason of an outcome.
    pub fn problem(self, kind: &str, observation: impl Into<String>) -> Problem {
        Problem::new(self.of(kind), observation)
    }
}

/// The app wants a login, and none is set.
pub const LOGIN_MISSING: Name = Name("login-missing");
/// The app does not take the login that is set.
pub const LOGIN_REJECTED: Name = Name("login-rejected");
/// Another app answers where this one was.
pub const OTHER_APP: Name = Name("other-app");
/// It speaks a protocol that this version does not know.
pub const UNKNOWN_PROTOCOL: Name = Name("unknown-protocol");
/// The app does not have a function that this driver calls.
pub const MISSING_FUNCTION: Name = Name("missing-function");
/// There is no room in the queue.
pub const QUEUE_FULL: Name = Name("queue-full");
/// The app did not take the call.
pub const REFUSED: Name = Name("refused");
/// The app did not take a file.
pub const UPLOAD_REFUSED: Name = Name("upload-refused");
/// What was sent did not arrive.
pub const NOT_ACCEPTED: Name = Name("not-accepted");
/// The function failed.
pub const FAILED: Name = Name("failed");
/// Somebody else stopped it.
pub const STOPPED: Name = Name("stopped");
/// The connection ended before the function did, and the result went with it.
pub const CONNECTION_LOST: Name = Name("connection-lost");
/// The app was restarted, and the call is gone.
pub const JOB_LOST: Name = Name("job-lost");
/// A result is gone from the server, or is none.
pub const MISSING_RESULT: Name = Name("missing-result");

/// All of them, for the manifests.
pub const ALL: [Name; 14] = [
    LOGIN_MISSING,
    LOGIN_REJECTED,
    OTHER_APP,
    UNKNOWN_PROTOCOL,
    MISSING_FUNCTION,
    QUEUE_FULL,
    REFUSED,
    UPLOAD_REFUSED,
    NOT_ACCEPTED,
    FAILED,
    STOPPED,
    CONNECTION_LOST,
    JOB_LOST,
    MISSING_RESULT,
];

/// The service, or the driver in its place, does not take the job. Nothing was started.
pub fn refused(code: &str, observation: impl Into<String>) -> DriverError {
    DriverError::new(ErrorKind::REJECTED, observation).with_code(code).without_effect()
}

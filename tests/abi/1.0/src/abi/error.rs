//! The one error of the boundary.

use super::{Effect, ErrorKind, Json, RString};
use abi_stable::StableAbi;

/// Failure of a call across the boundary.
#[repr(C)]
#[derive(StableAbi, Clone)]
pub struct DriverError {
    /// What the host acts on.
    pub kind: ErrorKind,
    /// Whether work may have started.
    pub effect: Effect,
    /// Status of the answer that said so; 0 when there was none.
    pub http_status: u16,
    /// When the peer asks to be tried again, in milliseconds; 0 when it did not say.
    pub retry_after_ms: u64,
    /// `<kind>.<name>`, listed in the manifest with its remedies; may be empty.
    pub code: RString,
    /// What was observed, as a sentence without a full stop.
    pub message: RString,
    /// Facts for diagnostics as JSON; may be empty.
    pub detail: Json,
}

impl DriverError {
    /// An error of which only the kind and the observation are known.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            effect: Effect::UNKNOWN,
            http_status: 0,
            retry_after_ms: 0,
            code: RString::new(),
            message: RString::from(message.into()),
            detail: Json::new(),
        }
    }

    /// The answer to an operation that this side does not know.
    pub fn unsupported(what: &str) -> Self {
        Self::new(ErrorKind::UNSUPPORTED, format!("{what} is not supported")).without_effect()
    }

    /// Sets a code of the driver's manifest, `<kind>.<name>`.
    #[must_use]
    pub fn with_code(mut self, code: &str) -> Self {
        self.code = code.into();
        self
    }

    /// Sets the status of the answer that said so.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.http_status = status;
        self
    }

    /// Adds facts for diagnostics.
    #[must_use]
    pub fn with_detail(mut self, detail: &serde_json::Value) -> Self {
        self.detail = RString::from(detail.to_string());
        self
    }

    /// States that nothing was started at the peer.
    #[must_use]
    pub fn without_effect(mut self) -> Self {
        self.effect = Effect::NONE;
        self
    }
}

impl std::fmt::Display for DriverError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::fmt::Debug for DriverError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.kind)?;
        if !self.code.is_empty() {
            write!(f, " {}", self.code)?;
        }
        if self.http_status != 0 {
            write!(f, " (HTTP {})", self.http_status)?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for DriverError {}

//! A row of the catalogue.

use crate::peer::Port;
use mdd_core::events::{BackendView, Detail, StateName};

/// Its name, its port, and what the host may call it.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) port: Port,
    pub(crate) codes: &'static [&'static str],
    pub(crate) outcome: Outcome,
    /// It could cost memory, so what it costs is measured by itself.
    pub(crate) heavy: bool,
}

/// What becomes of the service.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is not usable, and that is told.
    Refused,
    /// It is usable with a part missing, and that is told.
    Degraded,
    /// It is usable.
    Usable,
}

impl Entry {
    pub(crate) fn heavy(self) -> Self {
        Self { heavy: true, ..self }
    }

    pub(crate) fn usable(self) -> Self {
        Self { outcome: Outcome::Usable, ..self }
    }

    /// As it is named on the command line.
    pub(crate) fn backend(&self) -> String {
        format!("comfyui=http://127.0.0.1:{}", self.port.number)
    }

    /// What the host shows of it.
    pub(crate) fn find<'a>(&self, backends: &'a [BackendView]) -> Option<&'a BackendView> {
        let id = format!("comfyui@127.0.0.1:{}", self.port.number);
        backends.iter().find(|view| view.id == id)
    }

    /// Whether that is right.
    pub(crate) fn is_right(&self, view: &BackendView) -> bool {
        let may_be = |code: &str| self.codes.contains(&code);
        let named = view
            .reason
            .as_ref()
            .is_some_and(|reason| may_be(&reason.code) && !reason.observation.chars().any(char::is_control));
        let was_named = view.last_errors.iter().any(|error| may_be(&error.code));
        let is_connected = view.state == StateName::Connected;
        match self.outcome {
            Outcome::Refused => !is_connected && (named || was_named),
            // The next try may be under way, or have been cut short once more.
            Outcome::Degraded => {
                is_connected && matches!(view.detail, Detail::Degraded | Detail::Ready) && (named || was_named)
            }
            Outcome::Usable => is_connected,
        }
    }
}

//! What each flavour can do: the same, with voices of its own.

use mdd_driver_api::model::{Detach, Inspection, Model};

/// Of a service with these voices.
pub(crate) fn of(voices: impl IntoIterator<Item = String>) -> Inspection {
    let mut inspection = Inspection::default();
    inspection.capabilities = ["convert", "voices"].map(str::to_owned).to_vec();
    // A service takes any number at once, and all of them would have the voice that was loaded last.
    inspection.slots = 1;
    inspection.quiet_while_running = true;
    inspection.detach = Detach::Unknown;
    inspection.models = voices.into_iter().map(|name| Model::new(name, "voice")).collect();
    inspection
}

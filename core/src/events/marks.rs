//! What the host knows of a backend beyond what its supervisor sees.

use super::{BackendView, Origin, StateName};
use crate::diagnosis::Remedy;

/// Laid over every view of one backend.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// How it is known by now; `None` for as the view says.
    pub origin: Option<Origin>,
    /// Whether jobs for its kind go there first.
    pub is_default: bool,
    /// The open projects that name it.
    pub projects: Vec<String>,
    /// Where a service of its kind was found while this one is away.
    pub found_elsewhere: Option<String>,
}

impl Marks {
    pub(super) fn apply(&self, view: &mut BackendView) {
        view.origin = self.origin.unwrap_or(view.origin);
        view.is_default = self.is_default;
        view.projects.clone_from(&self.projects);
        if view.state == StateName::Disconnected
            && let Some(url) = &self.found_elsewhere
            && let Some(reason) = &mut view.reason
        {
            reason.remedies.insert(0, Remedy::use_found(url));
        }
    }
}

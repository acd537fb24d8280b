//! What jobs see of a backend.

use super::Instance;
use mdd_driver_api::model;
use std::sync::Arc;

/// What jobs need to know of a backend, kept up to date by its supervisor.
#[derive(Clone, Default)]
pub struct Link {
    /// The driver's object while the backend is connected.
    pub instance: Option<Arc<Instance>>,
    /// Whether it answers, or is at work where it does not.
    pub answers: bool,
    /// What it can do, once inspected.
    pub inventory: Option<Arc<model::Inspection>>,
    /// How much it has to do.
    pub queue: Option<model::Queue>,
    /// What changes with a restart.
    pub boot: Option<String>,
}

impl Link {
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let same_instance = match (&self.instance, &other.instance) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        let inventory = |link: &Self| link.inventory.as_ref().map(Arc::as_ptr);
        same_instance
            && inventory(self) == inventory(other)
            && (self.answers, self.queue, &self.boot) == (other.answers, other.queue, &other.boot)
    }
}

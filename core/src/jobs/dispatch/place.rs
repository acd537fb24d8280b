//! One backend as a place for jobs.

use super::{Dispatcher, Slot};
use crate::jobs::{runner::Runner, submission::Target};
use std::{fmt, sync::Arc};
use tokio::{sync::watch, time::Instant};

/// What the supervisor of a backend tells.
pub(in crate::jobs) struct Report {
    /// What carries jobs, while the backend is connected.
    pub(in crate::jobs) runner: Option<Arc<dyn Runner>>,
    /// Number of the driver's object.
    pub(in crate::jobs) instance: u64,
    /// Whether it answers; whoever does not is given nothing meanwhile.
    pub(in crate::jobs) answers: bool,
    /// How many jobs it takes at once, 0 for any number; `None` before it was inspected.
    pub(in crate::jobs) slots: Option<u32>,
    /// What changes when it restarts.
    pub(in crate::jobs) boot: Option<String>,
    /// What it has to do, as it says.
    pub(in crate::jobs) load: u32,
    /// Whether it has nothing to do, where it tells.
    pub(in crate::jobs) is_idle: Option<bool>,
}

/// One life of a connected backend: as long as its driver's object and its process stay the same.
#[derive(Clone)]
pub(in crate::jobs) struct Access {
    pub(in crate::jobs) runner: Arc<dyn Runner>,
    pub(in crate::jobs) instance: u64,
    /// Number of this life.
    pub(in crate::jobs) epoch: u64,
    pub(in crate::jobs) boot: Option<String>,
    /// Whether it has nothing to do, where it tells.
    pub(in crate::jobs) is_idle: Option<bool>,
}

/// One backend.
pub(super) struct Place {
    pub(super) kind: String,
    pub(super) access: watch::Sender<Option<Access>>,
    /// Number of its last life.
    epoch: u64,
    /// How many jobs it takes at once, 0 for any number.
    pub(super) slots: u32,
    /// How many jobs have a slot, whether or not they fit.
    pub(super) taken: u32,
    /// What it has to do, as it says.
    load: u32,
    answers: bool,
    /// It said that it is busy.
    pub(super) rests_until: Option<Instant>,
    /// The driver's object that has panicked and is about to be replaced.
    poisoned: Option<u64>,
    /// It finishes what it has and gets nothing more.
    pub(super) drains: bool,
}

impl Place {
    pub(super) fn new(kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            access: watch::Sender::new(None),
            epoch: 0,
            slots: 1,
            taken: 0,
            load: 0,
            answers: false,
            rests_until: None,
            poisoned: None,
            drains: false,
        }
    }

    pub(super) fn take_note(&mut self, report: Report) {
        // Until it is known better: one at a time harms nobody.
        self.slots = report.slots.unwrap_or(1);
        self.load = report.load;
        self.answers = report.answers;
        self.connect(report);
    }

    /// Ends the life of that driver's object.
    pub(super) fn disconnect(&self, instance: u64) {
        self.access.send_if_modified(|access| access.take_if(|access| access.instance == instance).is_some());
    }

    /// The same, for good. False when that was known.
    pub(super) fn poison(&mut self, instance: u64) -> bool {
        if self.poisoned.is_some_and(|poisoned| poisoned >= instance) {
            return false;
        }
        self.poisoned = Some(instance);
        self.disconnect(instance);
        true
    }

    pub(super) fn is_connected(&self) -> bool {
        self.access.borrow().is_some()
    }

    pub(super) fn answers(&self) -> bool {
        self.answers && self.is_connected()
    }

    pub(super) fn load(&self) -> u32 {
        self.load.max(self.taken)
    }

    fn connect(&mut self, report: Report) {
        let Report { runner, instance, boot, is_idle, .. } = report;
        let runner = runner.filter(|_| self.poisoned != Some(instance));
        let epoch = &mut self.epoch;
        self.access.send_if_modified(|access| {
            let before = access.take();
            let same_life = before.as_ref().filter(|before| {
                let restarted = before.boot.is_some() && boot.is_some() && before.boot != boot;
                before.instance == instance && !restarted
            });
            let was_connected = before.is_some();
            let epoch = match same_life {
                Some(before) => before.epoch,
                None => {
                    *epoch += 1;
                    *epoch
                }
            };
            // A boot that is not told for once is no other boot.
            let boot = boot.or_else(|| same_life.and_then(|before| before.boot.clone()));
            *access = runner.map(|runner| Access { runner, instance, epoch, boot, is_idle });
            was_connected || access.is_some()
        });
    }

    /// Gives away a slot, whether or not there is room.
    pub(super) fn take(&mut self, dispatcher: &Arc<Dispatcher>, backend: &str) -> Slot {
        self.taken += 1;
        Slot::new(dispatcher, backend, self.access.subscribe())
    }

    pub(super) fn fits(&self, id: &str, target: &Target) -> bool {
        match target {
            Target::Backend(backend) => backend == id,
            Target::Kind(kind) => *kind == self.kind,
        }
    }

    pub(super) fn has_room(&self, now: Instant) -> bool {
        let rested = self.rests_until.is_none_or(|until| until <= now);
        self.answers() && rested && !self.drains && (self.slots == 0 || self.taken < self.slots)
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("epoch", &self.epoch).field("boot", &self.boot).finish_non_exhaustive()
    }
}

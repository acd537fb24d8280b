//! One backend as a place for jobs.

/// One backend.
struct Place {
    kind: String,
    access: watch::Sender<Option<Access>>,
    epoch: u64,
    slots: u32,
    load: u32,
    taken: u32,
    /// It said that it is busy.
    rests_until: Option<Instant>,
    /// The driver's object that has panicked and is about to be replaced.
    poisoned: Option<u64>,
}

impl Place {
    fn connect(&mut self, report: Report) {
        let Report { runner, instance, boot, .. } = report;
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
            *access = runner.map(|runner| Access { runner, instance, epoch, boot });
            was_connected || access.is_some()
        });
    }

    fn take(&mut self, dispatcher: &Arc<Dispatcher>, backend: &str) -> Slot {
        self.taken += 1;
        Slot { dispatcher: dispatcher.clone(), backend: backend.to_owned(), access: self.access.subscribe() }
    }

    fn fits(&self, id: &str, target: &Target) -> bool {
        match target {
            Target::Backend(backend) => backend == id,
            Target::Kind(kind) => *kind == self.kind,
        }
    }

    fn has_room(&self, now: Instant) -> bool {
        let rested = self.rests_until.is_none_or(|until| until <= now);
        self.access.borrow().is_some() && rested && (self.slots == 0 || self.taken < self.slots)
    }
}


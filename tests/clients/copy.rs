//! A client's own copy of the state, made of updates alone.

use mdd_core::events::{BackendView, Snapshot, Update};

/// What a client knows. It must never miss a change without being told by a snapshot.
#[derive(Default)]
pub(crate) struct Copy {
    pub(crate) state: Option<Snapshot>,
    /// How often everything was sent.
    pub(crate) snapshots: usize,
    /// How many changes were.
    pub(crate) changes: usize,
}

impl Copy {
    /// Takes an update in.
    ///
    /// # Panics
    /// When numbers are left out or come again.
    pub(crate) fn take(&mut self, update: Update) {
        match (&update, &self.state) {
            (Update::Snapshot(new), Some(old)) => assert!(new.seq > old.seq, "{} after {}", new.seq, old.seq),
            (Update::Snapshot(_), None) => {}
            (Update::Changes { changes, .. }, Some(old)) => {
                let numbers: Vec<u64> = changes.iter().map(|change| change.seq).collect();
                let expected: Vec<u64> = (old.seq + 1..).take(numbers.len()).collect();
                assert!(!numbers.is_empty() && numbers == expected, "{numbers:?} after {}", old.seq);
            }
            (Update::Changes { .. }, None) => panic!("changes came before a snapshot"),
        }
        match &update {
            Update::Snapshot(_) => self.snapshots += 1,
            Update::Changes { changes, .. } => self.changes += changes.len(),
        }
        match &mut self.state {
            Some(state) => state.apply(update),
            None => self.state = Some(snapshot_of(update)),
        }
    }

    pub(crate) fn seq(&self) -> u64 {
        self.state.as_ref().map_or(0, |state| state.seq)
    }

    pub(crate) fn backend(&self, kind: &str) -> Option<&BackendView> {
        self.state.as_ref()?.backends.iter().find(|backend| backend.kind == kind)
    }
}

fn snapshot_of(update: Update) -> Snapshot {
    match update {
        Update::Snapshot(snapshot) => *snapshot,
        Update::Changes { .. } => panic!("this is no snapshot"),
    }
}

/// What must be equal in a copy and the host: what is counted down or timed aside.
pub(crate) fn essence(snapshot: &Snapshot) -> Snapshot {
    let mut snapshot = snapshot.clone();
    for backend in &mut snapshot.backends {
        backend.next_try_ms = None;
    }
    snapshot
}

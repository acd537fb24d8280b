//! The faults in force: one board for a simulator, read by its listener, its connections and its service.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::watch;

use super::{Fault, Rule};

/// The rules in force, in the order in which they were injected.
pub(crate) struct Board {
    rules: Mutex<Vec<Rule>>,
    changes: watch::Sender<u64>,
    clears: AtomicU64,
}

impl Board {
    pub(crate) fn new(rules: Vec<Rule>) -> Self {
        Self { rules: Mutex::new(rules), changes: watch::Sender::new(0), clears: AtomicU64::new(0) }
    }

    pub(crate) fn inject(&self, rule: Rule) {
        self.rules().push(rule);
        self.changed();
    }

    pub(crate) fn clear(&self) {
        self.rules().clear();
        self.clears.fetch_add(1, Ordering::Relaxed);
        self.changed();
    }

    /// How often the board was cleared.
    pub(crate) fn clears(&self) -> u64 {
        self.clears.load(Ordering::Relaxed)
    }

    /// Wakes whenever a rule was injected or the board was cleared.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The first fault that covers this path and passes `wanted`; a counted rule is used up by it.
    pub(crate) fn take(&self, path: &str, wanted: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let mut rules = self.rules();
        let index = rules.iter().position(|rule| rule.covers(path) && wanted(&rule.fault))?;
        let fault = rules[index].fault.clone();
        if let Some(count) = &mut rules[index].count {
            *count = count.saturating_sub(1);
            if *count == 0 {
                rules.remove(index);
            }
        }
        Some(fault)
    }

    /// The first fault without a count that covers this path and passes `wanted`: a state rather than an event.
    pub(crate) fn lasting(&self, path: &str, wanted: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let rules = self.rules();
        let rule = rules.iter().find(|rule| rule.count.is_none() && rule.covers(path) && wanted(&rule.fault))?;
        Some(rule.fault.clone())
    }

    /// Whether the process refuses connections now.
    pub(crate) fn refuses(&self) -> bool {
        self.rules().iter().any(|rule| rule.fault == Fault::Refuse)
    }

    /// Whether the process is stopped now.
    pub(crate) fn frozen(&self) -> bool {
        self.rules().iter().any(|rule| rule.fault == Fault::Freeze)
    }

    /// Returns when the process is not stopped.
    pub(crate) async fn running(&self) {
        let mut changes = self.changes();
        while self.frozen() && changes.changed().await.is_ok() {}
    }

    fn changed(&self) {
        self.changes.send_modify(|generation| *generation += 1);
    }

    fn rules(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counted_rule_is_used_up_and_keeps_to_its_path() {
        let board = Board::new(vec![Fault::Hang.on("/prompt").times(2)]);
        assert_eq!(board.take("/queue", |_| true), None);
        assert_eq!(board.take("/prompt", |_| true), Some(Fault::Hang));
        assert_eq!(board.lasting("/prompt", |_| true), None, "a counted rule is no state");
        assert_eq!(board.take("/prompt", |_| true), Some(Fault::Hang));
        assert_eq!(board.take("/prompt", |_| true), None);
    }
}

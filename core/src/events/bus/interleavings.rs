//! The bus in every order in which its threads can run.
//!
//! `cargo xtask test interleavings` runs these tests: the bus is then built on cells that let another thread run before
//! each of their steps.

/// As much of tokio's `watch` as the bus uses.
pub(super) mod watch {
    use shuttle::thread::yield_now;
    use tokio::sync::watch::{self, error::RecvError};

    #[derive(Debug)]
    pub(crate) struct Sender<T>(watch::Sender<T>);

    impl<T> Sender<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(watch::Sender::new(value))
        }

        pub(crate) fn subscribe(&self) -> Receiver<T> {
            yield_now();
            Receiver(self.0.subscribe())
        }

        pub(crate) fn send_modify(&self, modify: impl FnOnce(&mut T)) {
            yield_now();
            self.0.send_modify(modify);
        }
    }

    #[derive(Debug)]
    pub(crate) struct Receiver<T>(watch::Receiver<T>);

    impl<T> Receiver<T> {
        pub(crate) async fn changed(&mut self) -> Result<(), RecvError> {
            yield_now();
            self.0.changed().await
        }

        pub(crate) fn has_changed(&self) -> Result<bool, RecvError> {
            yield_now();
            self.0.has_changed()
        }

        pub(crate) fn mark_unchanged(&mut self) {
            yield_now();
            self.0.mark_unchanged();
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::events::bus::{Bus, KEPT_CHANGES, Subscription};
    use crate::events::{Notice, NoticeSeverity, Update};
    use shuttle::{future::block_on, thread};
    use std::sync::Arc;

    fn publish(bus: &Bus, changes: usize) {
        for _ in 0..changes {
            bus.notify(Notice {
                at: String::new(),
                severity: NoticeSeverity::Info,
                backend: None,
                text: String::new(),
            });
        }
    }

    /// Reads until the change of this number. A wake-up that is lost is found as a deadlock.
    fn read(bus: &Arc<Bus>, last: u64) {
        let mut reader = Subscription::new(bus);
        let mut seen = None;
        while seen != Some(last) {
            seen = match (block_on(reader.next()), seen) {
                (Update::Snapshot(snapshot), None) => Some(snapshot.seq),
                (Update::Snapshot(snapshot), Some(seen)) => {
                    assert!(
                        snapshot.seq > seen + KEPT_CHANGES as u64,
                        "what came after {seen} was kept, and {} came",
                        snapshot.seq
                    );
                    Some(snapshot.seq)
                }
                (Update::Changes { changes, .. }, Some(seen)) => {
                    let numbers: Vec<u64> = changes.iter().map(|change| change.seq).collect();
                    let expected: Vec<u64> = (seen + 1..).take(numbers.len()).collect();
                    assert!(!numbers.is_empty() && numbers == expected, "{numbers:?} after {seen}");
                    numbers.last().copied()
                }
                (Update::Changes { .. }, None) => panic!("changes before a snapshot"),
            };
        }
    }

    fn one_bus(publishers: usize, changes: usize, readers: usize) {
        let bus = Arc::new(Bus::default());
        let last = (publishers * changes) as u64;
        let mut threads = Vec::new();
        for _ in 0..readers {
            let bus = bus.clone();
            threads.push(thread::spawn(move || read(&bus, last)));
        }
        for _ in 0..publishers {
            let bus = bus.clone();
            threads.push(thread::spawn(move || publish(&bus, changes)));
        }
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(bus.snapshot().seq, last);
    }

    /// All orders there are.
    #[test]
    fn one_reader_misses_nothing_in_any_order() {
        shuttle::check_dfs(|| one_bus(1, 2, 1), None);
    }

    /// More than can be tried: a sample.
    #[test]
    fn several_readers_of_several_publishers_miss_nothing() {
        shuttle::check_random(|| one_bus(2, 5, 2), 20_000);
        shuttle::check_pct(|| one_bus(2, 5, 2), 20_000, 3);
    }

    #[test]
    fn whoever_waits_for_any_change_is_woken() {
        shuttle::check_dfs(
            || {
                let bus = Arc::new(Bus::default());
                let publisher = bus.clone();
                let mut changes = bus.changes();
                let publishing = thread::spawn(move || publish(&publisher, 2));
                while bus.snapshot().seq < 2 {
                    assert!(block_on(changes.next()));
                }
                publishing.join().unwrap();
            },
            None,
        );
    }
}

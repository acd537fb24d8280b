//! Checks counted since the host started, as monitoring systems want them: sums that only grow.

use prometheus_client::metrics::histogram::Histogram;
use std::{collections::BTreeMap, time::Duration};

/// Upper bounds in seconds: a service of this machine answers within a millisecond, and no check waits longer than 3 s.
const BOUNDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];
/// Codes that are told apart; a driver that made up ever new ones would fill the memory of whoever reads them.
const MAX_CODES: usize = 32;

/// The checks of one backend.
#[derive(Debug, Clone)]
pub struct Checks {
    times: Histogram,
    answered: u64,
    failed: BTreeMap<String, u64>,
}

impl Default for Checks {
    fn default() -> Self {
        Self { times: Histogram::new(BOUNDS), answered: 0, failed: BTreeMap::new() }
    }
}

impl Checks {
    /// One was answered.
    pub fn answered(&mut self, time: Duration) {
        self.answered += 1;
        self.times.observe(time.as_secs_f64());
    }

    /// One was not, for the reason with this code.
    pub fn failed(&mut self, code: &str) {
        let code = match self.failed.contains_key(code) || self.failed.len() < MAX_CODES {
            true => code,
            false => "other",
        };
        *self.failed.entry(code.to_owned()).or_default() += 1;
    }

    /// Response times of those that were answered, in seconds.
    pub fn times(&self) -> &Histogram {
        &self.times
    }

    /// How often each result came: `answered`, or the code of what was wrong.
    pub fn results(&self) -> impl Iterator<Item = (&str, u64)> {
        let failed = self.failed.iter().map(|(code, count)| (code.as_str(), *count));
        std::iter::once(("answered", self.answered)).chain(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::{Checks, MAX_CODES};
    use std::time::Duration;

    #[test]
    fn results_are_counted_by_what_came_of_them() {
        let mut checks = Checks::default();
        checks.answered(Duration::from_millis(3));
        checks.failed("timeout");
        checks.failed("timeout");
        assert_eq!(checks.results().collect::<Vec<_>>(), [("answered", 1), ("timeout", 2)]);
    }

    #[test]
    fn made_up_codes_are_counted_together() {
        let mut checks = Checks::default();
        (0..1000).for_each(|number| checks.failed(&format!("code-{number}")));
        assert!(checks.results().count() <= MAX_CODES + 2);
        assert_eq!(checks.results().map(|(_, count)| count).sum::<u64>(), 1000);
    }
}

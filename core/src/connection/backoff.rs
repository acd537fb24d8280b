//! How long to wait before the next attempt, for every kind of failure and without a last attempt.

use std::time::Duration;

/// Never sooner.
pub(super) const FLOOR: Duration = Duration::from_millis(250);
/// Never later.
pub(super) const CAP: Duration = Duration::from_secs(30);

/// Exponential backoff with full jitter: max(floor, random(0, min(cap, floor · 2ⁿ))).
#[derive(Debug, Clone, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Failures since the last reset.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Counts a failure and says how long to wait. `random` is uniform over all of `u64`.
    pub fn next(&mut self, random: u64) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let ceiling = FLOOR.saturating_mul(1 << self.failures.min(20)).min(CAP);
        let fraction = random as f64 / u64::MAX as f64;
        ceiling.mul_f64(fraction).max(FLOOR)
    }

    /// Forgets failures over `most`: something speaks for a success soon.
    pub fn soften(&mut self, most: u32) {
        self.failures = self.failures.min(most);
    }

    /// Only after identification and a good answer: a connect that merely succeeds proves nothing.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::{Backoff, CAP, FLOOR};
    use std::time::Duration;

    #[test]
    fn delays_stay_between_floor_and_cap_for_ever() {
        for random in [0, 1, u64::MAX / 2, u64::MAX] {
            let mut backoff = Backoff::default();
            for _ in 0..1000 {
                let delay = backoff.next(random);
                assert!((FLOOR..=CAP).contains(&delay), "{delay:?}");
            }
        }
    }

    #[test]
    fn the_ceiling_doubles() {
        let mut backoff = Backoff::default();
        let ceilings: Vec<_> = (0..8).map(|_| backoff.next(u64::MAX).as_millis()).collect();
        assert_eq!(ceilings, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
        backoff.reset();
        assert_eq!(backoff.next(u64::MAX), Duration::from_millis(500));
    }
}

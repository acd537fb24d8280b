//! How much time is left, by the pace so far.

use std::time::Duration;
use tokio::time::Instant;

/// A pace that was kept for less is none yet.
const LEAST: Duration = Duration::from_secs(1);

/// The pace of one piece of work.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Where it began, and how far it was to go.
    began: Option<(Instant, f64, f64)>,
    last: f64,
}

impl Pace {
    /// Until `total` is reached, now that it is at `step`.
    pub(super) fn left_ms(&mut self, step: f64, total: f64, now: Instant) -> Option<u64> {
        let is_same = self.began.is_some_and(|(_, _, before)| before == total) && step >= self.last;
        self.last = step;
        let (at, from, _) = match self.began {
            Some(began) if is_same => began,
            Some(_) | None => *self.began.insert((now, step, total)),
        };
        let (took, done) = (now.duration_since(at), step - from);
        if took < LEAST || done <= 0.0 || total <= 0.0 {
            return None;
        }
        let left = took.as_secs_f64() * (total - step).max(0.0) / done;
        // A number of steps that nobody can count is no time that anybody can wait.
        let left = Duration::try_from_secs_f64(left).ok()?;
        u64::try_from(left.as_millis()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;
    use std::time::Duration;
    use tokio::time::Instant;

    #[test]
    fn it_is_known_after_some_steps_and_begins_anew_with_other_work() {
        let began = Instant::now();
        let mut pace = Pace::default();
        let mut left = |step: f64, total: f64, ms: u64| pace.left_ms(step, total, began + Duration::from_millis(ms));
        assert_eq!(left(0.0, 20.0, 0), None);
        assert_eq!(left(1.0, 20.0, 500), None, "too soon to tell");
        assert_eq!(left(5.0, 20.0, 5_000), Some(15_000));
        assert_eq!(left(5.0, 20.0, 6_000), Some(18_000), "it has become slower");
        assert_eq!(left(20.0, 20.0, 20_000), Some(0));
        assert_eq!(left(1.0, 20.0, 21_000), None, "from the beginning");
        assert_eq!(left(11.0, 20.0, 31_000), Some(9_000));
        assert_eq!(left(1.0, 4.0, 32_000), None, "another piece of work");
        assert_eq!(left(2.0, 0.0, 40_000), None);
        assert_eq!(left(f64::MAX, f64::MAX, 50_000), None);
        assert_eq!(left(1.0, f64::MAX, 51_000), None);
        assert_eq!(left(2.0, f64::MAX, 53_000), None, "for ever");
    }
}

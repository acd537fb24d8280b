//! When periodic checks come: on a beat that all backends share, so that the machine wakes up once for all of them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::time::Instant;

/// Between two checks of a healthy backend, unless the settings say otherwise.
pub const CHECK_EVERY: Duration = Duration::from_secs(5);
/// The longest interval that still shows any loss in time.
pub const LONGEST: Duration = Duration::from_secs(10);
/// The shortest one that a service hardly notices.
pub const SHORTEST: Duration = Duration::from_millis(500);

/// How often backends are checked. Clones share it, so that a change counts for all at their next check.
#[derive(Debug, Clone)]
pub struct Tempo {
    /// In milliseconds.
    interval: Arc<AtomicU64>,
    /// From where the beat is counted.
    epoch: Instant,
}

impl Tempo {
    /// An interval out of bounds becomes the nearest one that is not.
    pub fn new(interval: Duration, epoch: Instant) -> Self {
        let tempo = Self { interval: Arc::default(), epoch };
        tempo.change(interval);
        tempo
    }

    /// Another interval, under the same bounds.
    pub fn change(&self, interval: Duration) {
        let within = interval.clamp(SHORTEST, LONGEST).as_millis();
        self.interval.store(within as u64, Relaxed);
    }

    /// Between two checks of a healthy backend.
    pub fn interval(&self) -> Duration {
        Duration::from_millis(self.interval.load(Relaxed))
    }

    /// The first beat after `now`: at the latest after `pace`.
    pub fn beat(&self, now: Instant, pace: Duration) -> Instant {
        let pace = pace.max(Duration::from_millis(1));
        let into = now.saturating_duration_since(self.epoch).as_nanos() % pace.as_nanos();
        // Less than the pace, which is less than what 64 bits hold.
        now + (pace - Duration::from_nanos(into as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, SHORTEST, Tempo};
    use std::time::Duration;
    use tokio::time::Instant;

    #[test]
    fn all_share_the_beat() {
        let epoch = Instant::now();
        let tempo = Tempo::new(Duration::from_secs(5), epoch);
        for ms in [0, 1, 700, 4_999] {
            assert_eq!(tempo.beat(epoch + Duration::from_millis(ms), tempo.interval()), epoch + Duration::from_secs(5));
        }
        let later = epoch + Duration::from_millis(5_000);
        assert_eq!(tempo.beat(later, tempo.interval()), epoch + Duration::from_secs(10));
    }

    #[test]
    fn no_setting_is_out_of_bounds() {
        for (wanted, got) in [(0, SHORTEST), (3_000, Duration::from_secs(3)), (1_000_000, LONGEST)] {
            assert_eq!(Tempo::new(Duration::from_millis(wanted), Instant::now()).interval(), got);
        }
    }
}

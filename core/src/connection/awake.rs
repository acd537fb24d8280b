//! Whether the machine has slept: a clock that goes on then has run away from the one that stops.

use std::time::Duration;

/// Clocks are read one after the other, and are corrected now and then.
const NOTHING: Duration = Duration::from_secs(2);

/// Compares the clocks.
pub(super) struct Awake {
    apart: Duration,
}

impl Awake {
    pub(super) fn new() -> Self {
        Self { apart: apart() }
    }

    /// How long the machine has slept since the last call.
    pub(super) fn slept(&mut self) -> Option<Duration> {
        let apart = apart();
        let slept = apart.saturating_sub(self.apart);
        self.apart = apart;
        (slept > NOTHING).then_some(slept)
    }
}

#[cfg(target_os = "linux")]
fn apart() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let read = |clock| Duration::try_from(clock_gettime(clock)).unwrap_or_default();
    read(ClockId::Boottime).saturating_sub(read(ClockId::Monotonic))
}

/// The wall clock may be set, too; then whatever waits is tried a little earlier.
#[cfg(not(target_os = "linux"))]
fn apart() -> Duration {
    use std::{
        sync::LazyLock,
        time::{Instant, SystemTime},
    };
    static START: LazyLock<(Instant, SystemTime)> = LazyLock::new(|| (Instant::now(), SystemTime::now()));
    let (monotonic, wall) = *START;
    wall.elapsed().unwrap_or_default().saturating_sub(monotonic.elapsed())
}

#[cfg(test)]
mod tests {
    use super::Awake;
    use std::time::Duration;

    #[test]
    fn a_sleep_is_told_once() {
        let mut awake = Awake::new();
        assert_eq!(awake.slept(), None);
        awake.apart = awake.apart.saturating_sub(Duration::from_secs(60));
        if awake.apart + Duration::from_secs(60) == Awake::new().apart {
            assert!(awake.slept().is_some_and(|slept| slept >= Duration::from_secs(59)));
        }
        assert_eq!(awake.slept(), None);
    }
}

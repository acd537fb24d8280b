//! Time as the whole machine has it: on a clock that nobody sets, that all processes share, and that stands still while
//! the machine sleeps, as every service on it does.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A moment in one life of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Which life: another one after each start.
    pub boot: String,
    /// Since then, in milliseconds.
    pub at_ms: u64,
}

impl Moment {
    /// Now; `None` on systems without such a clock.
    pub(super) fn now() -> Option<Self> {
        Some(Self { boot: boot()?.to_owned(), at_ms: since_boot_ms()? })
    }

    /// Since then; `None` when the machine was started anew meanwhile.
    pub(super) fn elapsed(&self) -> Option<Duration> {
        let now = Self::now().filter(|now| now.boot == self.boot)?;
        Some(Duration::from_millis(now.at_ms.checked_sub(self.at_ms)?))
    }
}

#[cfg(target_os = "linux")]
fn boot() -> Option<&'static str> {
    static BOOT: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let read = || {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some(id.trim().to_owned()).filter(|id| !id.is_empty())
    };
    BOOT.get_or_init(read).as_deref()
}

#[cfg(target_os = "linux")]
fn since_boot_ms() -> Option<u64> {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(now.tv_sec * 1000 + now.tv_nsec / 1_000_000).ok()
}

/// Elsewhere a process knows only its own clock.
#[cfg(not(target_os = "linux"))]
fn boot() -> Option<&'static str> {
    None
}

#[cfg(not(target_os = "linux"))]
fn since_boot_ms() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::Moment;
    use std::time::Duration;

    #[test]
    fn time_passes_within_one_life_of_the_machine_only() {
        let Some(now) = Moment::now() else { return };
        let minute = Moment { at_ms: now.at_ms.saturating_sub(60_000), ..now.clone() };
        let elapsed = minute.elapsed().unwrap();
        assert!(elapsed >= Duration::from_secs(60).min(Duration::from_millis(now.at_ms)), "{elapsed:?}");
        assert_eq!(Moment { boot: "another".to_owned(), ..now.clone() }.elapsed(), None);
        assert_eq!(Moment { at_ms: u64::MAX, ..now }.elapsed(), None, "no time runs backwards");
    }
}

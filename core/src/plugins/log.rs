//! The log that a driver file writes to: `tracing` of the host, with the driver's name, and no more of it than anybody
//! could read.

use mdd_driver_api::{
    abi::{Log, LogArc, LogRecord},
    guard,
    text::printable,
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tracing::level_filters::LevelFilter;

/// Lines that a driver may write at once.
const BURST: u32 = 200;
/// What it gets back while it is quiet.
const LINE_EVERY: Duration = Duration::from_millis(20);
/// Longest message and longest fields, in characters.
const MAX_LEN: usize = 4000;

pub(super) fn handle(kind: &str) -> LogArc {
    LogArc::of(DriverLog { driver: kind.to_owned(), allowance: Arc::default() })
}

#[derive(Clone)]
struct DriverLog {
    driver: String,
    allowance: Arc<Mutex<Allowance>>,
}

impl Log for DriverLog {
    fn log(&self, record: LogRecord<'_>) {
        // A panic in a subscriber would exit the process from in here.
        let _contained = guard::catch(|| self.write(&record));
    }

    fn level(&self) -> u8 {
        let level = guard::catch(LevelFilter::current).unwrap_or(LevelFilter::OFF);
        match level.into_level() {
            None => 0,
            Some(tracing::Level::ERROR) => 1,
            Some(tracing::Level::WARN) => 2,
            Some(tracing::Level::INFO) => 3,
            Some(tracing::Level::DEBUG) => 4,
            Some(tracing::Level::TRACE) => 5,
        }
    }
}

impl DriverLog {
    fn write(&self, record: &LogRecord<'_>) {
        let left_out = {
            let mut allowance = self.allowance.lock().unwrap_or_else(PoisonError::into_inner);
            match allowance.line(Instant::now()) {
                Some(left_out) => left_out,
                None => return,
            }
        };
        if left_out > 0 {
            tracing::warn!(target: "mdd_driver", driver = self.driver, "{left_out} lines of this driver were left out");
        }
        let message = printable(&record.message, MAX_LEN);
        let fields = printable(&record.fields, MAX_LEN);
        // The target of a callsite is fixed, so the driver's own goes into a field.
        macro_rules! emit {
            ($level:ident) => {
                tracing::$level!(
                    target: "mdd_driver",
                    driver = self.driver,
                    place = record.target.as_str(),
                    fields,
                    "{message}"
                )
            };
        }
        match record.level {
            0 | 1 => emit!(error),
            2 => emit!(warn),
            3 => emit!(info),
            4 => emit!(debug),
            _ => emit!(trace),
        }
    }
}

/// How much a driver may still write.
#[derive(Debug, Default)]
struct Allowance {
    /// Lines that were taken of the burst and not yet given back.
    taken: u32,
    /// When the last one was given back.
    since: Option<Instant>,
    left_out: u64,
}

impl Allowance {
    /// Whether a line may be written, and how many were left out before it.
    fn line(&mut self, now: Instant) -> Option<u64> {
        let since = *self.since.get_or_insert(now);
        let back = now.saturating_duration_since(since).as_nanos() / LINE_EVERY.as_nanos();
        let back = u32::try_from(back).unwrap_or(u32::MAX);
        self.since = Some(if back >= self.taken { now } else { since + LINE_EVERY * back });
        self.taken = self.taken.saturating_sub(back);
        if self.taken >= BURST {
            self.left_out += 1;
            return None;
        }
        self.taken += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::{Allowance, BURST, LINE_EVERY};
    use std::time::{Duration, Instant};

    #[test]
    fn a_flood_is_cut_and_counted() {
        let (mut allowance, now) = (Allowance::default(), Instant::now());
        let written = (0..1_000_000).filter(|_| allowance.line(now).is_some()).count();
        assert_eq!(written, usize::try_from(BURST).unwrap());
        assert_eq!(allowance.line(now + LINE_EVERY), Some(1_000_000 - u64::from(BURST)));
        assert_eq!(allowance.line(now + LINE_EVERY), None);
        assert_eq!(allowance.line(now + Duration::from_secs(60)), Some(1));
    }

    #[test]
    fn whoever_is_quiet_is_never_cut() {
        let (mut allowance, now) = (Allowance::default(), Instant::now());
        assert!((0..1000).all(|line| allowance.line(now + LINE_EVERY * line) == Some(0)));
    }
}

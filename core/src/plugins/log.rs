//! The log that a driver file writes to: `tracing` of the host, with the driver's name.

use mdd_driver_api::{
    abi::{Log, LogArc, LogRecord},
    guard,
};
use tracing::level_filters::LevelFilter;

pub(super) fn handle(kind: &str) -> LogArc {
    LogArc::of(DriverLog { driver: kind.to_owned() })
}

#[derive(Clone)]
struct DriverLog {
    driver: String,
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
        // The target of a callsite is fixed, so the driver's own goes into a field.
        macro_rules! emit {
            ($level:ident) => {
                tracing::$level!(
                    target: "mdd_driver",
                    driver = self.driver,
                    place = record.target.as_str(),
                    fields = record.fields.as_str(),
                    "{}",
                    record.message
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

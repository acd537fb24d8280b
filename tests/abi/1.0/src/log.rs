//! Carries a driver's `tracing` events to the host.
//!
//! A driver has its own copy of `tracing` without a subscriber. This one formats each event and hands it over in the same
//! call, inside the host's poll, so the host's current span (which backend, which job) applies to it by itself.

use crate::{
    abi::{LogArc, LogRecord},
    guard,
};
use std::{
    fmt::{Debug, Write as _},
    sync::OnceLock,
};
use tracing_core::{
    Dispatch, Event, Level, LevelFilter, Metadata, Subscriber, dispatcher,
    field::{Field, Visit},
    span,
    subscriber::Interest,
};

static LOG: OnceLock<LogArc> = OnceLock::new();

/// Called once per file; later handles are ignored.
pub(crate) fn install(handle: LogArc) {
    if LOG.set(handle).is_err() {
        return;
    }
    guard::remember_panics(|text| send(1, "driver::panic", text, "{}", "", 0));
    let _first_wins = dispatcher::set_global_default(Dispatch::new(Bridge));
}

fn send(level: u8, target: &str, message: &str, fields: &str, file: &str, line: u32) {
    if let Some(log) = LOG.get() {
        log.log(LogRecord {
            level,
            target: target.into(),
            message: message.into(),
            fields: fields.into(),
            file: file.into(),
            line,
        });
    }
}

fn level_number(level: Level) -> u8 {
    match level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}

struct Bridge;

impl Subscriber for Bridge {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        LOG.get().is_some_and(|log| level_number(*metadata.level()) <= log.level())
    }

    fn register_callsite(&self, _metadata: &'static Metadata<'static>) -> Interest {
        // The host's level may change while the driver runs.
        Interest::sometimes()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        None
    }

    fn new_span(&self, _span: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _span: &span::Id, _values: &span::Record<'_>) {}

    fn record_follows_from(&self, _span: &span::Id, _follows: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut line = Line::default();
        event.record(&mut line);
        let fields = serde_json::Value::Object(line.fields).to_string();
        send(
            level_number(*metadata.level()),
            metadata.target(),
            &line.message,
            &fields,
            metadata.file().unwrap_or_default(),
            metadata.line().unwrap_or_default(),
        );
    }

    fn enter(&self, _span: &span::Id) {}

    fn exit(&self, _span: &span::Id) {}
}

#[derive(Default)]
struct Line {
    message: String,
    fields: serde_json::Map<String, serde_json::Value>,
}

impl Line {
    fn field(&mut self, field: &Field, value: impl Into<serde_json::Value>) {
        self.fields.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            let _infallible = write!(self.message, "{value:?}");
        } else {
            self.field(field, format!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            self.field(field, value);
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.field(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.field(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.field(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.field(field, value);
    }
}

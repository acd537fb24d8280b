//! Warnings of a command as its failures are told: a sentence, and what helps.

use crate::output::{BAD, DIM, FAIR, styled};
use anstyle::Style;
use std::fmt::{self, Write as _};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

/// Whoever typed a command knows the time, and wants no columns.
pub(super) struct Plain;

impl<S, N> FormatEvent<S, N> for Plain
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut said = Said::default();
        event.record(&mut said);
        let (word, style) = match *event.metadata().level() {
            Level::ERROR => ("error:", BAD),
            Level::WARN => ("warning:", FAIR),
            Level::INFO | Level::DEBUG | Level::TRACE => ("note:", Style::new()),
        };
        let has_colours = writer.has_ansi_escapes();
        let styled = |style, text: &str| if has_colours { styled(style, text) } else { text.to_owned() };
        writeln!(writer, "{} {}{}", styled(style, word), said.message, said.facts)?;
        match said.remedy.as_str() {
            "" => Ok(()),
            remedy => writeln!(writer, "  {}", styled(DIM, &format!("→ {remedy}"))),
        }
    }
}

/// The fields of an event.
#[derive(Default)]
struct Said {
    message: String,
    remedy: String,
    facts: String,
}

impl Visit for Said {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _infallible = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            "remedy" => write!(self.remedy, "{value:?}"),
            "error" | "reason" => write!(self.facts, ": {value:?}"),
            "source" => write!(self.facts, " ({value:?})"),
            name => write!(self.facts, " ({name} {value:?})"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::Plain;
    use std::{
        io::{self, Write},
        sync::{Arc, Mutex},
    };

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_warning_reads_like_a_failure() {
        let written = Written::default();
        let lines = written.clone();
        let writer = move || lines.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).event_format(Plain).with_writer(writer).finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(source = "a.toml:3", remedy = "did you mean `b`?", "settings: no setting `a`");
            tracing::warn!(error = %"gone", "the host cannot be used");
        });
        assert_eq!(
            String::from_utf8(written.0.lock().unwrap().clone()).unwrap(),
            "warning: settings: no setting `a` (a.toml:3)\n  → did you mean `b`?\nwarning: the host cannot be used: gone\n"
        );
    }
}

//! Writing to stdout: a reader that went away is an error like any other, never a panic.

use crate::stdout;
use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use serde::Serialize;
use std::{
    io::{self, Write as _},
    time::SystemTime,
};

pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const FAIR: Style = AnsiColor::Yellow.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
pub(crate) const DIM: Style = Style::new().dimmed();

/// Writes text. Colours are left out where nobody sees them.
pub(crate) fn text(text: &str) -> io::Result<()> {
    let mut out = AutoStream::auto(stdout::ours()?);
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes one JSON value on one line.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    stdout::ours()?.write_all(&line)?;
    Ok(())
}

/// Text in a colour.
pub(crate) fn styled(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// How long ago that was, in the largest unit: no zone of time can mislead.
pub(crate) fn age(at: &str) -> String {
    let Ok(at) = humantime::parse_rfc3339(at) else { return String::new() };
    // A clock that was set back is no reason for nonsense.
    let seconds = SystemTime::now().duration_since(at).unwrap_or_default().as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

//! Writing to stdout: a reader that went away is an error like any other, never a panic.

use crate::stdout;
use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use serde::Serialize;
use std::io::{self, Write as _};

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

//! The log: on stderr, and of a host that serves in a file of its state folder.

mod plain;
mod rotating;

use crate::arguments::{Command, Global};
use mdd_core::transport::concealed;
use plain::Plain;
use rotating::{FULL, Rotating};
use std::{
    fs::File,
    io::{self, IsTerminal as _, Write},
    sync::Mutex,
};
use tracing_subscriber::{
    Layer as _,
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

/// `MDD_LOG` wins over the options: it can name targets, as in `mdd_core=debug,mdd_driver=trace`.
pub(crate) fn install(options: &Global, command: &Command) {
    let level = match (options.quiet, options.verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) => LevelFilter::WARN,
        (false, 1) => LevelFilter::INFO,
        (false, _) => LevelFilter::DEBUG,
    };
    let named = std::env::var("MDD_LOG").ok().map(|text| text.parse::<Targets>());
    let (named, complaint) = match named {
        Some(Ok(filter)) => (Some(filter), None),
        Some(Err(error)) => (None, Some(error)),
        None => (None, None),
    };
    let filter = |level| named.clone().unwrap_or_else(|| ours(level));

    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let lines = fmt::layer().with_writer(|| Concealing(io::stderr())).with_ansi(colours).with_target(false);
    let is_log = matches!(command, Command::Serve(_) | Command::Bridge) || options.verbose > 0 || named.is_some();
    let lines = match is_log {
        true => lines.with_filter(filter(level)).boxed(),
        false => lines.event_format(Plain).with_filter(filter(level)).boxed(),
    };
    let (file, is_detached) = match command {
        Command::Serve(serve) => (options.settings().ok().map(|settings| settings.log_file()), serve.detached),
        _ => (None, false),
    };
    // Of a host in the background stderr is the file already.
    let lines = (!is_detached).then_some(lines);
    // Whoever asks for help later has not asked for more lines before.
    let file = file.map(|path| {
        let begun = if is_detached { take_over_stderr } else { |_: &File| {} };
        let file = Rotating::new(path, FULL, begun);
        let lines = fmt::layer().with_writer(Mutex::new(Concealing(file))).with_ansi(false).with_target(false);
        lines.log_internal_errors(false).with_filter(filter(level.max(LevelFilter::INFO)))
    });
    tracing_subscriber::registry().with(lines).with(file).init();
    if let Some(error) = complaint {
        tracing::warn!(%error, "MDD_LOG cannot be understood");
    }
}

fn ours(level: LevelFilter) -> Targets {
    let ours = ["mdd_core", "mdd_driver", "mdd_host"].map(|target| (target, level));
    Targets::new().with_targets(ours).with_default(LevelFilter::ERROR)
}

/// Writes lines without the secrets that services, drivers or libraries repeat in them.
struct Concealing<W>(W);

impl<W: Write> Write for Concealing<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        self.0.write_all(concealed(&text).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// What drivers print goes where the log goes, also when that is another file.
#[cfg(unix)]
fn take_over_stderr(file: &File) {
    // Otherwise it goes on into the file before, which is no loss.
    let _moved = rustix::stdio::dup2_stderr(file);
}

/// There is no safe way to move the standard handle of the C library.
#[cfg(not(unix))]
fn take_over_stderr(_file: &File) {}

//! The `mdd-host` command.
//!
//! Exit codes: 0 the command did its work, 1 it failed, 2 it was called wrongly, 3 what it looked at is not in order
//! (`drivers check`, `status --exit-code`).

#![forbid(unsafe_code)]

mod arguments;
mod drivers;
mod logging;
mod output;
mod status;

use arguments::{Arguments, Command, DriversCommand};
use clap::Parser as _;
use std::{io, process::ExitCode};

/// What a command found, as far as the exit code tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    InOrder,
    NotInOrder,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    logging::install(&arguments.global);
    match run(arguments) {
        Ok(Verdict::InOrder) => ExitCode::SUCCESS,
        Ok(Verdict::NotInOrder) => ExitCode::from(3),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<Verdict> {
    let settings = arguments.global.settings()?;
    match arguments.command {
        Command::Status(options) => on_runtime(status::run(settings, options)),
        Command::Drivers(DriversCommand::List(options)) => drivers::list(&settings, options),
        Command::Drivers(DriversCommand::Check(options)) => drivers::check(&settings, &options),
    }
}

/// The network of one host needs no more than the main thread; drivers have their own.
fn on_runtime<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// Whoever read our output has seen enough.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

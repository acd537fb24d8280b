//! The `mdd-host` command.
//!
//! Exit codes: 0 the command did its work, 1 it failed, 2 it was called wrongly, 3 what it looked at is not in order
//! (`drivers check`, `backends test`, `doctor`, `status --exit-code`).

#![forbid(unsafe_code)]

mod arguments;
mod backends;
mod bridge;
mod config;
mod connect;
mod doctor;
mod drivers;
mod jobs;
mod logging;
mod metrics;
mod output;
mod reach;
mod serve;
mod status;
mod stdout;
mod watch;

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
    stdout::guard()?;
    let Arguments { global, command } = arguments;
    if let Command::Drivers(DriversCommand::Vet) = command {
        return drivers::vet();
    }
    let settings = global.settings()?;
    let state = settings.state_folder.clone();
    match command {
        Command::Status(options) => on_runtime(status::run(&global, settings, options)),
        Command::Watch => on_runtime(watch::run(&global, &state)),
        Command::Doctor(options) => on_runtime(doctor::run(&global, settings, options)),
        Command::Drivers(DriversCommand::List(options)) => on_runtime(drivers::list(&global, &settings, options)),
        Command::Drivers(DriversCommand::Check(options)) => drivers::check(&settings, &options),
        Command::Backends(command) => on_runtime(backends::run(&global, settings, command)),
        Command::Config(command) => on_runtime(config::run(&global, settings, command)),
        Command::Drivers(DriversCommand::New { folder, api }) => drivers::new(&folder, api.as_deref()),
        Command::Drivers(DriversCommand::Trust { driver }) => {
            on_runtime(drivers::decide(&global, &settings, &driver, drivers::Decision::Trust))
        }
        Command::Drivers(DriversCommand::Quarantine { driver, reason }) => {
            on_runtime(drivers::decide(&global, &settings, &driver, drivers::Decision::Quarantine(reason)))
        }
        Command::Drivers(DriversCommand::Forget { driver }) => {
            on_runtime(drivers::decide(&global, &settings, &driver, drivers::Decision::Forget))
        }
        Command::Drivers(DriversCommand::Vet) => drivers::vet(),
        Command::Jobs(command) => on_runtime(jobs::run(&global, &state, command)),
        Command::Metrics => on_runtime(metrics::run(&state)),
        Command::Serve(options) => on_runtime(serve::run(settings, options)),
        Command::Stop => on_runtime(serve::stop(&state)),
        Command::Bridge => on_runtime(bridge::run(&global, &state)),
    }
}

/// The network of one host needs no more than the main thread; drivers have their own.
fn on_runtime<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(work);
    // A read of stdin may never end.
    runtime.shutdown_background();
    result
}

/// Whoever read our output has seen enough.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

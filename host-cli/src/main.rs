//! The `mdd-host` command.
//!
//! Exit codes: 0 the command did its work, 1 it failed, 2 it was called wrongly, 3 what it looked at is not in order
//! (`drivers check`, `backends test`, `doctor`, `status --exit-code`).

#![forbid(unsafe_code)]

mod arguments;
mod backends;
mod bar;
mod bridge;
mod completing;
mod config;
mod connect;
mod doctor;
mod drivers;
mod failure;
mod jobs;
mod logging;
mod metrics;
mod output;
mod reach;
mod remedies;
mod schema;
mod serve;
mod shell;
mod status;
mod stdout;
mod watch;

use arguments::{Arguments, Command, DriversCommand};
use clap::{CommandFactory as _, Parser as _, error::ErrorKind};
use failure::Failed;
use std::{io, process::ExitCode};

/// What a command found, as far as the exit code tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    InOrder,
    NotInOrder,
}

fn main() -> ExitCode {
    completing::answer();
    let arguments = Arguments::parse();
    let json = arguments.global.json;
    if json && !arguments.command.has_json() {
        let text = "this command prints no result that could be JSON";
        Arguments::command().error(ErrorKind::ArgumentConflict, text).exit();
    }
    logging::install(&arguments.global, &arguments.command);
    match run(arguments) {
        Ok(Verdict::InOrder) => ExitCode::SUCCESS,
        Ok(Verdict::NotInOrder) => ExitCode::from(3),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            Failed::of(&error).tell(json);
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<Verdict> {
    stdout::guard()?;
    let Arguments { global, command } = arguments;
    // Some commands need no home, and a driver on trial gets none.
    let settings = || global.settings();
    let state = || settings().map(|settings| settings.state_folder);
    match command {
        Command::Status(options) => on_runtime(status::run(&global, settings()?, options)),
        Command::Watch => on_runtime(watch::run(&global, &state()?)),
        Command::Doctor => on_runtime(doctor::run(&global, settings()?)),
        Command::Drivers(DriversCommand::List(options)) => on_runtime(drivers::list(&global, &settings()?, options)),
        Command::Drivers(DriversCommand::Check(options)) => drivers::check(&global, &settings()?, &options),
        Command::Drivers(DriversCommand::New { folder, api }) => drivers::new(&global, &folder, api.as_deref()),
        Command::Drivers(DriversCommand::Trust { driver }) => {
            on_runtime(drivers::decide(&global, &settings()?, &driver, drivers::Decision::Trust))
        }
        Command::Drivers(DriversCommand::Quarantine { driver, reason }) => {
            on_runtime(drivers::decide(&global, &settings()?, &driver, drivers::Decision::Quarantine(reason)))
        }
        Command::Drivers(DriversCommand::Forget { driver }) => {
            on_runtime(drivers::decide(&global, &settings()?, &driver, drivers::Decision::Forget))
        }
        Command::Drivers(DriversCommand::Vet) => drivers::vet(),
        Command::Drivers(DriversCommand::Conform(options)) => drivers::conform(&options),
        Command::Backends(command) => on_runtime(backends::run(&global, settings()?, command)),
        Command::Config(command) => on_runtime(config::run(&global, settings()?, command)),
        Command::Jobs(command) => on_runtime(jobs::run(&global, &settings()?, command)),
        Command::Metrics => on_runtime(metrics::run(&global, &state()?)),
        Command::Serve(options) => on_runtime(serve::run(settings()?, options)),
        Command::Stop => on_runtime(serve::stop(&global, &state()?)),
        Command::Bridge => on_runtime(bridge::run(&global, &state()?)),
        Command::Completions { shell } => shell::completions(shell),
        Command::Man { folder } => shell::man(&folder),
        Command::Schema => schema::print(),
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

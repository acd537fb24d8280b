//! The command line.

mod examples;
mod global;

pub(crate) use global::Global;

use crate::completing;
use clap::{ArgGroup, Args, Parser, Subcommand, ValueHint};
use clap_complete::{Shell, engine::ArgValueCandidates};
use std::{path::PathBuf, time::Duration};

/// Connects Blender Movie Director to the AI services of this machine.
#[derive(Debug, Parser)]
#[command(name = "mdd-host", version, propagate_version = true, after_help = examples::ALL)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show every backend: what it is, whether it works, and what helps if not
    #[command(after_help = examples::STATUS)]
    Status(StatusOptions),
    /// Watch everything on one screen
    Watch,
    /// Look at everything that can be wrong, and say what helps; exit with 3 when something is
    #[command(after_help = examples::DOCTOR)]
    Doctor,
    /// Look at the drivers in the plugins folders
    #[command(subcommand, after_help = examples::DRIVERS)]
    Drivers(DriversCommand),
    /// Name, switch and try the services that the host connects to
    #[command(subcommand, after_help = examples::BACKENDS)]
    Backends(BackendsCommand),
    /// Show and change the settings, each with who set it
    #[command(subcommand, after_help = examples::CONFIG)]
    Config(ConfigCommand),
    /// Carry work to a service and its results back
    #[command(subcommand, after_help = examples::JOBS)]
    Jobs(JobsCommand),
    /// Print the figures of the running host for monitoring systems, as OpenMetrics
    #[command(after_help = examples::METRICS)]
    Metrics,
    /// Run the host that all clients of this user share, until it is idle
    #[command(after_help = examples::SERVE)]
    Serve(ServeOptions),
    /// End the running host
    Stop,
    /// Connect a program to the host through stdin and stdout; starts the host when none runs
    Bridge,
    /// Print what completes commands in a shell
    #[command(after_help = examples::COMPLETIONS)]
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Write the manual pages into a folder
    #[command(after_help = examples::MAN)]
    Man {
        /// The folder, which is made if it is not there
        folder: PathBuf,
    },
    /// Print the JSON Schema of what --json prints
    Schema,
}

impl Command {
    /// Whether it knows what to print with `--json`.
    pub(crate) fn has_json(&self) -> bool {
        match self {
            Self::Status(_)
            | Self::Doctor
            | Self::Drivers(_)
            | Self::Backends(_)
            | Self::Config(_)
            | Self::Jobs(_)
            | Self::Metrics
            | Self::Stop => true,
            Self::Watch
            | Self::Serve(_)
            | Self::Bridge
            | Self::Completions { .. }
            | Self::Man { .. }
            | Self::Schema => false,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum DriversCommand {
    /// List every file in the plugins folders and what it is used for
    List(ListOptions),
    /// Inspect, load and try one driver file, and check that it keeps the laws
    #[command(after_help = examples::DRIVERS_CHECK)]
    Check(CheckOptions),
    /// Begin a driver: a crate that builds and passes
    New {
        /// The folder to make; its name is the kind: 1 to 32 of a-z, 0-9 and -, a letter first
        #[arg(value_name = "NAME")]
        folder: PathBuf,
        /// Where mdd-driver-api is, when the folder is not in its repository
        #[arg(long, value_name = "DIR")]
        api: Option<PathBuf>,
    },
    /// Use a driver again that was put into quarantine, and allow it where only what is allowed is used
    Trust {
        /// Its kind, its file, or its hash
        #[arg(add = ArgValueCandidates::new(completing::kinds))]
        driver: String,
    },
    /// Use a driver no more
    Quarantine {
        /// Its kind, its file, or its hash
        #[arg(add = ArgValueCandidates::new(completing::kinds))]
        driver: String,
        /// Why, for those who wonder later
        #[arg(long, default_value = "by the user")]
        reason: String,
    },
    /// Forget all that is known of a driver, so that it is tried again like a new one
    Forget {
        /// Its kind, its file, or its hash
        #[arg(add = ArgValueCandidates::new(completing::kinds))]
        driver: String,
    },
    /// Try the file on stdin: what the host starts for each driver that is new
    #[command(hide = true)]
    Vet,
    /// Check the laws of a driver in this process: what `check` starts
    #[command(hide = true)]
    Conform(ConformOptions),
}

#[derive(Debug, Subcommand)]
pub(crate) enum BackendsCommand {
    /// List every backend with its id
    List,
    /// Name a backend
    Add {
        /// Its kind
        #[arg(add = ArgValueCandidates::new(completing::kinds))]
        kind: String,
        /// Its address
        url: String,
    },
    /// Give a backend another address
    Set {
        /// Its id; or its kind, title, address or port where only one has it
        #[arg(value_name = "BACKEND", add = ArgValueCandidates::new(completing::backends))]
        id: String,
        /// Its new address
        url: String,
    },
    /// Take a backend out of the settings
    Remove {
        /// Its id; or its kind, title, address or port where only one has it
        #[arg(value_name = "BACKEND", add = ArgValueCandidates::new(completing::backends))]
        id: String,
    },
    /// Ask what an address is, and change nothing; exit with 3 when it is not what it should be
    #[command(after_help = examples::BACKENDS_TEST)]
    Test {
        /// The address
        url: String,
        /// What it should be
        #[arg(long, add = ArgValueCandidates::new(completing::kinds))]
        kind: Option<String>,
    },
    /// Switch a backend on
    Enable {
        /// Its id; or its kind, title, address or port where only one has it
        #[arg(value_name = "BACKEND", add = ArgValueCandidates::new(completing::backends))]
        id: String,
    },
    /// Switch a backend off
    Disable {
        /// Its id; or its kind, title, address or port where only one has it
        #[arg(value_name = "BACKEND", add = ArgValueCandidates::new(completing::backends))]
        id: String,
    },
    /// Let jobs for its kind go to this backend when it can take them
    Default {
        /// Its id; or its kind, title, address or port where only one has it
        #[arg(value_name = "BACKEND", add = ArgValueCandidates::new(completing::backends))]
        id: String,
    },
    /// Try a backend at once, without waiting for its next try
    Try {
        /// Its id; or its kind, title, address or port where only one has it
        #[arg(value_name = "BACKEND", add = ArgValueCandidates::new(completing::backends))]
        id: String,
    },
    /// Look for services and try every backend at once
    Refresh,
    /// Use a service that was found where only you can say that it is yours
    Accept {
        /// Its id; or its kind, title, address or port where only one has it
        #[arg(value_name = "BACKEND", add = ArgValueCandidates::new(completing::backends))]
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show every setting, who set it, and what is wrong with them
    Show,
    /// Set a value in your file of settings
    Set {
        /// Its key
        key: String,
        /// The value, as JSON or as it is; several make a list; - reads it from stdin
        #[arg(required = true)]
        value: Vec<String>,
    },
    /// Take a value out of your file of settings
    Unset {
        /// Its key
        key: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum JobsCommand {
    /// Submit a job; its payload is what the service itself takes
    #[command(after_help = examples::JOBS_SUBMIT)]
    Submit(SubmitOptions),
    /// List the jobs that are kept
    List,
    /// Show a job
    Show {
        /// Its id
        #[arg(add = ArgValueCandidates::new(completing::jobs))]
        job: String,
    },
    /// Open the folder of a job, where its results are
    Open {
        /// Its id
        #[arg(add = ArgValueCandidates::new(completing::jobs))]
        job: String,
    },
    /// Follow a job to its end
    Watch {
        /// Its id
        #[arg(add = ArgValueCandidates::new(completing::jobs))]
        job: String,
    },
    /// Cancel a job
    Cancel {
        /// Its id
        #[arg(add = ArgValueCandidates::new(completing::jobs))]
        job: String,
    },
    /// Try at once a job that waits, or go on with one that is over without being done; nothing is sent twice
    Retry {
        /// Its id
        #[arg(add = ArgValueCandidates::new(completing::jobs))]
        job: String,
    },
    /// Send a job that is over without being done again
    Resubmit {
        /// Its id
        #[arg(add = ArgValueCandidates::new(completing::jobs))]
        job: String,
    },
    /// Forget a job that is over
    Discard {
        /// Its id
        #[arg(add = ArgValueCandidates::new(completing::jobs))]
        job: String,
    },
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("target").required(true).args(["kind", "backend_id"]))]
pub(crate) struct SubmitOptions {
    /// JSON, a file that holds it, or - for stdin
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) payload: String,
    /// Let the connected service of this kind do it that has the least to do
    #[arg(long, add = ArgValueCandidates::new(completing::kinds))]
    pub(crate) kind: Option<String>,
    /// Let this backend do it, by its id
    #[arg(long = "on", value_name = "BACKEND", add = ArgValueCandidates::new(completing::backends))]
    pub(crate) backend_id: Option<String>,
    /// What to do, where the service can do more than one thing
    #[arg(long)]
    pub(crate) operation: Option<String>,
    /// A file that the payload names as mdd-file:NAME; may be repeated
    #[arg(long, value_name = "[NAME=]PATH")]
    pub(crate) file: Vec<String>,
    /// Submitting the same id again is the same job
    #[arg(long)]
    pub(crate) id: Option<String>,
    /// Follow it to its end: exit with 0 when it is done, with 3 when not
    #[arg(long)]
    pub(crate) wait: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StatusOptions {
    /// Wait until every backend is connected, this long at most
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) wait: Option<Duration>,
    /// Stay and print the status again after each change, with --json one object on each line
    #[arg(long)]
    pub(crate) follow: bool,
    /// Exit with 3 unless everything is in order
    #[arg(long)]
    pub(crate) exit_code: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ServeOptions {
    /// Leave after this time without clients and open jobs, instead of after the setting idle_minutes
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) idle_exit: Option<Duration>,
    /// Leave the session and the console of whoever started it
    #[arg(long, hide = true)]
    pub(crate) detached: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListOptions {
    /// Also show every folder that was searched
    #[arg(long)]
    pub(crate) why: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CheckOptions {
    /// The driver file
    pub(crate) file: PathBuf,
    /// A folder with scripts of its service, by which it is played; without one, only a part can be checked
    #[arg(long, value_name = "DIR")]
    pub(crate) script: Option<PathBuf>,
}

/// Options of the process that checks the laws.
#[derive(Debug, Args)]
pub(crate) struct ConformOptions {
    /// The driver file
    pub(crate) file: PathBuf,
    /// The folder of scripts
    #[arg(long, value_name = "DIR")]
    pub(crate) script: Option<PathBuf>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    const MOST: f64 = 1e9;
    let seconds: f64 = text.parse().map_err(|_| "it takes a number of seconds".to_owned())?;
    if seconds > MOST {
        return Err(format!("it takes at most {MOST} seconds"));
    }
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::Arguments;
    use clap::{CommandFactory as _, Parser as _};

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn options_stand_anywhere() {
        let line =
            ["mdd-host", "status", "--json", "--backend", "lamp=127.0.0.1:80", "--wait", "1.5", "--no-discovery"];
        let arguments = Arguments::try_parse_from(line).unwrap();
        assert_eq!(arguments.global.settings().unwrap().backends[0].kind, "lamp");
    }

    #[test]
    fn bad_values_are_refused_with_the_reason() {
        for (option, value) in
            [("--backend", "lamp"), ("--backend", "lamp=ftp://x"), ("--wait", "soon"), ("--wait", "-1")]
        {
            assert!(Arguments::try_parse_from(["mdd-host", "status", option, value]).is_err(), "{option} {value}");
        }
    }
}

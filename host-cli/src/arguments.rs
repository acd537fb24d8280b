//! The command line.

use anyhow::Context as _;
use clap::{ArgAction, ArgGroup, Args, Parser, Subcommand};
use mdd_core::{
    endpoint::Endpoint,
    events::Origin,
    settings::{self, Environment, Named, Settings},
};
use std::{ffi::OsString, path::PathBuf, time::Duration};

/// Connects Blender Movie Director to the AI services of this machine.
#[derive(Debug, Parser)]
#[command(name = "mdd-host", version, propagate_version = true, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 called wrongly, 3 what was looked at is not in order";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show every backend: what it is, whether it works, and what helps if not
    Status(StatusOptions),
    /// Watch everything on one screen
    Watch,
    /// Look at everything that can be wrong, and say what helps; exit with 3 when something is
    Doctor(DoctorOptions),
    /// Look at the drivers in the plugins folders
    #[command(subcommand)]
    Drivers(DriversCommand),
    /// Name, switch and try the services that the host connects to
    #[command(subcommand)]
    Backends(BackendsCommand),
    /// Show and change the settings, each with who set it
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Carry work to a service and its results back
    #[command(subcommand)]
    Jobs(JobsCommand),
    /// Print the figures of the running host for monitoring systems, as OpenMetrics
    Metrics,
    /// Run the host that all clients of this user share, until it is idle
    Serve(ServeOptions),
    /// End the running host
    Stop,
    /// Connect a program to the host through stdin and stdout; starts the host when none runs
    Bridge,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DriversCommand {
    /// List every file in the plugins folders and what it is used for
    List(ListOptions),
    /// Inspect, load and try one driver file
    Check(CheckOptions),
    /// Begin a driver: a crate that builds and passes
    New {
        /// The folder to make; its name is the kind
        #[arg(value_name = "NAME")]
        folder: PathBuf,
        /// Where mdd-driver-api is, when the folder is not in its repository
        #[arg(long, value_name = "DIR")]
        api: Option<PathBuf>,
    },
    /// Use a driver again that was put into quarantine, and allow it where only what is allowed is used
    Trust {
        /// The file, or its hash
        driver: String,
    },
    /// Use a driver no more
    Quarantine {
        /// The file, or its hash
        driver: String,
        /// Why, for those who wonder later
        #[arg(long, default_value = "by the user")]
        reason: String,
    },
    /// Forget all that is known of a driver, so that it is tried again like a new one
    Forget {
        /// The file, or its hash
        driver: String,
    },
    /// Try the file on stdin: what the host starts for each driver that is new
    #[command(hide = true)]
    Vet,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BackendsCommand {
    /// List every backend with its id
    List {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Name a backend
    Add {
        /// Its kind
        kind: String,
        /// Its address
        url: String,
    },
    /// Give a backend another address
    Set {
        /// Its id
        #[arg(value_name = "BACKEND")]
        id: String,
        /// Its new address
        url: String,
    },
    /// Take a backend out of the settings
    Remove {
        /// Its id
        #[arg(value_name = "BACKEND")]
        id: String,
    },
    /// Ask what an address is, and change nothing; exit with 3 when it is not what it should be
    Test {
        /// The address
        url: String,
        /// What it should be
        #[arg(long)]
        kind: Option<String>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Switch a backend on
    Enable {
        /// Its id
        #[arg(value_name = "BACKEND")]
        id: String,
    },
    /// Switch a backend off
    Disable {
        /// Its id
        #[arg(value_name = "BACKEND")]
        id: String,
    },
    /// Let jobs for its kind go to this backend when it can take them
    Default {
        /// Its id
        #[arg(value_name = "BACKEND")]
        id: String,
    },
    /// Use a service that was found where only you can say that it is yours
    Accept {
        /// Its id
        #[arg(value_name = "BACKEND")]
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show every setting, who set it, and what is wrong with them
    Show {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
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
    Submit(SubmitOptions),
    /// List the jobs that are kept
    List {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Show a job
    Show {
        /// Its id
        job: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Open the folder of a job, where its results are
    Open {
        /// Its id
        job: String,
    },
    /// Follow a job to its end
    Watch {
        /// Its id
        job: String,
        /// Print one JSON object at the end
        #[arg(long)]
        json: bool,
    },
    /// Cancel a job
    Cancel {
        /// Its id
        job: String,
    },
    /// Try at once a job that waits, or go on with one that is over without being done; nothing is sent twice
    Retry {
        /// Its id
        job: String,
    },
    /// Send a job that is over without being done again
    Resubmit {
        /// Its id
        job: String,
    },
    /// Forget a job that is over
    Discard {
        /// Its id
        job: String,
    },
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("target").required(true).args(["kind", "backend_id"]))]
pub(crate) struct SubmitOptions {
    /// JSON, a file that holds it, or - for stdin
    pub(crate) payload: String,
    /// Let the connected service of this kind do it that has the least to do
    #[arg(long)]
    pub(crate) kind: Option<String>,
    /// Let this backend do it, by its id
    #[arg(long = "on", value_name = "BACKEND")]
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
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StatusOptions {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Wait until every backend is connected, this long at most
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) wait: Option<Duration>,
    /// Stay and print the status again after each change, with --json one object a line
    #[arg(long)]
    pub(crate) follow: bool,
    /// Exit with 3 unless everything is in order
    #[arg(long)]
    pub(crate) exit_code: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorOptions {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
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
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CheckOptions {
    /// The driver file
    pub(crate) file: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Search this folder for drivers before the usual ones; may be repeated
    #[arg(long, global = true, value_name = "DIR", help_heading = "Everywhere")]
    plugins: Vec<PathBuf>,
    /// Keep files here instead of in the user's state folder (also MDD_STATE_DIR)
    #[arg(long, global = true, value_name = "DIR", help_heading = "Everywhere")]
    state_dir: Option<PathBuf>,
    /// Keep settings in this file instead of the user's (also MDD_CONFIG_FILE)
    #[arg(long = "config", global = true, value_name = "FILE", help_heading = "Everywhere")]
    config_file: Option<PathBuf>,
    /// Connect to a service at this address; may be repeated
    #[arg(long, global = true, value_name = "KIND=URL", value_parser = backend, help_heading = "Everywhere")]
    backend: Vec<Named>,
    /// Do not look for services: only those that are named
    #[arg(long, global = true, help_heading = "Everywhere")]
    no_discovery: bool,
    /// Log more, to stderr: once for information, twice for debugging (also MDD_LOG)
    #[arg(long, short, global = true, action = ArgAction::Count, help_heading = "Everywhere")]
    pub(crate) verbose: u8,
    /// Log errors only
    #[arg(long, short, global = true, conflicts_with = "verbose", help_heading = "Everywhere")]
    pub(crate) quiet: bool,
}

impl Global {
    /// Whether an option asks for something that a running host may not have.
    pub(crate) fn wants_own_host(&self) -> bool {
        !self.plugins.is_empty() || !self.backend.is_empty() || self.no_discovery || self.config_file.is_some()
    }

    /// The user's file of settings.
    fn config_file(&self) -> Option<PathBuf> {
        let file = match &self.config_file {
            Some(file) => Some(file.clone()),
            None => settings::default_config_file(),
        };
        file.and_then(|file| std::path::absolute(file).ok())
    }

    /// The same options for a host that this process starts.
    pub(crate) fn for_child(&self) -> Vec<OsString> {
        let mut options: Vec<OsString> = Vec::new();
        // It works in another folder.
        let absolute = |folder: &PathBuf| std::path::absolute(folder).unwrap_or_else(|_| folder.clone()).into();
        for folder in &self.plugins {
            options.extend(["--plugins".into(), absolute(folder)]);
        }
        if let Some(folder) = &self.state_dir {
            options.extend(["--state-dir".into(), absolute(folder)]);
        }
        if let Some(file) = &self.config_file {
            options.extend(["--config".into(), absolute(file)]);
        }
        for named in &self.backend {
            options.extend(["--backend".into(), format!("{}={}", named.kind, named.endpoint).into()]);
        }
        if self.no_discovery {
            options.push("--no-discovery".into());
        }
        options.extend(std::iter::repeat_n("--verbose".into(), self.verbose.into()));
        options
    }

    pub(crate) fn settings(&self) -> anyhow::Result<Settings> {
        let state_folder = match &self.state_dir {
            Some(folder) => std::path::absolute(folder).context("--state-dir")?,
            None => {
                settings::default_state_folder().context("this user has no home folder; name one with --state-dir")?
            }
        };
        Ok(Settings {
            plugins: self.plugins.clone(),
            state_folder,
            config_file: self.config_file(),
            backends: self.backend.clone(),
            discovery: !self.no_discovery,
            environment: Environment::of_process(),
        })
    }
}

fn backend(text: &str) -> Result<Named, String> {
    let (kind, url) = text.split_once('=').ok_or("it takes the form KIND=URL, for example lamp=http://127.0.0.1:80")?;
    let endpoint = Endpoint::parse(url).map_err(|error| error.to_string())?;
    Ok(Named { kind: kind.trim().to_lowercase(), endpoint, origin: Origin::Flag })
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

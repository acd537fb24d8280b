//! Options that every command has.

use anyhow::Context as _;
use clap::{ArgAction, Args};
use mdd_core::{
    endpoint::Endpoint,
    events::Origin,
    settings::{self, Environment, Named, Settings},
};
use std::{ffi::OsString, path::PathBuf};

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
    /// Print one JSON object, as `mdd-host schema` describes it
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub(crate) json: bool,
    /// Log more, to stderr: once for information, twice for debugging (also MDD_LOG)
    #[arg(long, short, global = true, action = ArgAction::Count, help_heading = "Everywhere")]
    pub(crate) verbose: u8,
    /// Log errors only, and show no progress
    #[arg(long, short, global = true, conflicts_with = "verbose", help_heading = "Everywhere")]
    pub(crate) quiet: bool,
}

impl Global {
    /// Whether an option asks for something that a running host may not have.
    pub(crate) fn wants_own_host(&self) -> bool {
        !self.of_a_start().is_empty()
    }

    /// The options that were given and count only for a host that is started with them.
    pub(crate) fn of_a_start(&self) -> Vec<&'static str> {
        let given = [
            ("--plugins", !self.plugins.is_empty()),
            ("--backend", !self.backend.is_empty()),
            ("--no-discovery", self.no_discovery),
            ("--config", self.config_file.is_some()),
        ];
        given.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name).collect()
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

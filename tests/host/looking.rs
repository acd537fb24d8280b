//! A host that looks around by itself.

use mdd_core::{
    Host,
    events::{BackendView, StateName},
    settings::{Environment, Settings},
};
use mdd_tests::{eventually, plugins, provoked::Following};
use std::{fs, path::Path, time::Duration};
use tempfile::TempDir;

pub(crate) const SOON: Duration = Duration::from_secs(60);

/// Nobody names a service to it, unless its settings do.
pub(crate) struct Looking {
    _following: Following,
    pub(crate) host: Host,
    pub(crate) folder: TempDir,
    pub(crate) plugins: TempDir,
}

impl Looking {
    pub(crate) fn with(drivers: &[&str], settings: &str) -> Self {
        let (folder, plugins) = (tempfile::tempdir().unwrap(), plugins(drivers));
        fs::write(folder.path().join("config.toml"), settings).unwrap();
        let host = Self::start(folder.path(), plugins.path(), &[]);
        Self { _following: Following::of(&host), host, folder, plugins }
    }

    fn start(folder: &Path, plugins: &Path, environment: &[(&str, &str)]) -> Host {
        let variables = environment.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        Host::start(Settings {
            plugins: vec![plugins.to_owned()],
            state_folder: folder.to_owned(),
            config_file: Some(folder.join("config.toml")),
            backends: vec![],
            discovery: true,
            environment: variables.collect::<Environment>(),
        })
        .unwrap()
    }

    pub(crate) fn again(self) -> Self {
        self.again_with(&[])
    }

    pub(crate) fn again_with(self, environment: &[(&str, &str)]) -> Self {
        let Self { host, folder, plugins, _following } = self;
        drop((_following, host));
        let host = Self::start(folder.path(), plugins.path(), environment);
        Self { _following: Following::of(&host), host, folder, plugins }
    }

    pub(crate) async fn until(&self, wanted: impl Fn(&BackendView) -> bool) -> BackendView {
        eventually(&self.host, SOON, |snapshot| snapshot.backends.iter().find(|row| wanted(row)).cloned()).await
    }

    pub(crate) async fn connected(&self, kind: &str) -> BackendView {
        self.until(|row| row.kind == kind && row.state == StateName::Connected).await
    }
}

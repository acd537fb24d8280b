//! A host inside the test, and waiting for what it shows.

use crate::provoked::Following;
use mdd_core::{
    Host,
    endpoint::Endpoint,
    events::{BackendView, Origin, Snapshot},
    settings::{Environment, Named, Settings},
};
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A host with its own state folder, no discovery and an environment of the test's choice.
pub struct Running {
    /// The host.
    pub host: Host,
    state: TempDir,
    following: Following,
}

impl Running {
    /// Starts a host that knows the drivers of a folder and the named backends, `("kind", "http://…")`.
    ///
    /// # Panics
    /// When the host cannot be started.
    pub fn start(plugins: &Path, backends: &[(&str, &str)]) -> Self {
        Self::with(plugins, backends, &[])
    }

    /// The same with environment variables.
    ///
    /// # Panics
    /// When the host cannot be started.
    pub fn with(plugins: &Path, backends: &[(&str, &str)], environment: &[(&str, &str)]) -> Self {
        let state = tempfile::tempdir().expect("a temporary folder can be made");
        Self::within(state, plugins, backends, environment)
    }

    /// The next host with the same files.
    ///
    /// # Panics
    /// When the host cannot be started.
    #[must_use]
    pub fn restarted(self, plugins: &Path, backends: &[(&str, &str)]) -> Self {
        let Self { host, state, following } = self;
        drop(following);
        drop(host);
        Self::within(state, plugins, backends, &[])
    }

    fn within(state: TempDir, plugins: &Path, backends: &[(&str, &str)], environment: &[(&str, &str)]) -> Self {
        let named = |&(kind, url): &(&str, &str)| Named {
            kind: kind.to_owned(),
            endpoint: Endpoint::parse(url).expect("a test names good addresses"),
            origin: Origin::Flag,
        };
        let variables = environment.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        let settings = Settings {
            plugins: vec![plugins.to_owned()],
            state_folder: state.path().to_owned(),
            config_file: Some(state.path().join("config.toml")),
            backends: backends.iter().map(named).collect(),
            discovery: false,
            environment: variables.collect::<Environment>(),
        };
        let host = Host::start(settings).expect("a host can be started");
        Self { following: Following::of(&host), host, state }
    }

    /// The file of settings, which may not exist yet.
    pub fn config_file(&self) -> PathBuf {
        self.state.path().join("config.toml")
    }

    /// The only backend of a kind.
    ///
    /// # Panics
    /// When there is none.
    pub fn backend(&self, kind: &str) -> BackendView {
        let snapshot = self.host.snapshot();
        let found = snapshot.backends.into_iter().find(|backend| backend.kind == kind);
        found.unwrap_or_else(|| panic!("there is no {kind}"))
    }

    /// Waits until a backend is as wanted.
    ///
    /// # Panics
    /// When it is not within the time.
    pub async fn until(&self, kind: &str, within: Duration, wanted: impl Fn(&BackendView) -> bool) -> BackendView {
        let of_kind = |snapshot: &Snapshot| {
            snapshot.backends.iter().find(|backend| backend.kind == kind && wanted(backend)).cloned()
        };
        eventually(&self.host, within, of_kind).await
    }
}

/// Waits until `wanted` finds something in the snapshot.
///
/// # Panics
/// When it does not within the time; the last snapshot is shown.
pub async fn eventually<T>(host: &Host, within: Duration, wanted: impl Fn(&Snapshot) -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    let mut changes = host.changes();
    loop {
        let snapshot = host.snapshot();
        if let Some(found) = wanted(&snapshot) {
            return found;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let changed = tokio::time::timeout(left, changes.next()).await;
        assert!(changed.is_ok(), "not within {within:?}; the last snapshot: {snapshot:#?}");
    }
}

//! What the host has to keep in mind: settings, open projects, and what was found.

use super::Inner;
use crate::{
    config::{Config, UserFile},
    connection::{Configuration, Supervisor},
    discovery::is_here,
    endpoint::Endpoint,
    events::Origin,
    keyring::Keyring,
    plugins::LoadedDriver,
    settings::Settings,
    transport::Credential,
};
use mdd_driver_api::{manifest::Declaration, model::Identity};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// What a start waits for a keyring that has to be unlocked.
const KEYRING_PATIENCE: Duration = Duration::from_secs(2);

/// Everything that decides which backends there are.
pub(super) struct Book {
    pub(super) file: UserFile,
    pub(super) config: Arc<Config>,
    /// What was read from the keyring of the system.
    pub(super) keyring: Keyring,
    /// By the ids that clients have given them.
    pub(super) projects: BTreeMap<String, Project>,
    /// What projects remember, also of those that are closed.
    pub(super) remembered: BTreeMap<String, Value>,
    /// What was recognised without being named, by id.
    pub(super) finds: BTreeMap<String, Find>,
    /// What every supervised backend was last told.
    pub(super) told: BTreeMap<String, Told>,
    /// Rows of what nobody supervises.
    pub(super) rows: BTreeSet<String>,
    /// Ports that somebody holds whom no driver recognised, with what that is.
    pub(super) strangers: BTreeMap<u16, String>,
    /// Discovery has looked around once.
    pub(super) looked: bool,
    /// How many clients have their switch for the network off.
    pub(super) offline_clients: usize,
}

/// An open project.
#[derive(Debug, Clone, Default)]
pub(super) struct Project {
    /// What it names, by kind.
    pub(super) backends: Vec<(String, Endpoint)>,
}

/// A service that was recognised without being named.
pub(super) struct Find {
    pub(super) driver: Arc<LoadedDriver>,
    pub(super) endpoint: Endpoint,
    pub(super) origin: Origin,
    pub(super) identity: Identity,
    /// Why it is not known whether it is the user's.
    pub(super) doubt: Option<String>,
    /// Other ports of the same service.
    pub(super) also: BTreeSet<u16>,
    /// Another service has the same port at the loopback address of the other family.
    pub(super) apart: bool,
    pub(super) since: String,
}

impl Find {
    /// Whether somebody who names this place means the service that was found.
    pub(super) fn is_at(&self, place: &Endpoint) -> bool {
        if !self.endpoint.is_loopback() || !is_here(place) {
            return false;
        }
        // All addresses of this machine are one place, unless two services share the port.
        let is_ipv6 = |endpoint: &Endpoint| endpoint.ip().is_some_and(|ip| ip.is_ipv6());
        let is_same_port = self.endpoint.port() == place.port();
        (is_same_port && (!self.apart || is_ipv6(&self.endpoint) == is_ipv6(place)))
            || self.also.contains(&place.port())
    }
}

/// What a supervisor works with.
pub(super) struct Told {
    pub(super) settings: Value,
    pub(super) secrets: BTreeMap<String, Credential>,
    pub(super) is_trusted: bool,
    pub(super) enabled: bool,
}

impl Told {
    pub(super) fn configuration(&self) -> Configuration {
        let Self { settings, secrets, is_trusted, .. } = self;
        Configuration { settings: settings.clone(), secrets: secrets.clone(), is_trusted: *is_trusted }
    }

    pub(super) fn is_configured_like(&self, other: &Self) -> bool {
        (&self.settings, &self.secrets, self.is_trusted) == (&other.settings, &other.secrets, other.is_trusted)
    }
}

impl Book {
    pub(super) fn open(start: &Settings, declarations: &[Declaration]) -> Self {
        let file = UserFile::read(start.config_file.clone());
        let mut keyring = Keyring::default();
        let mut config = Config::resolve(start, &file, declarations, &[], &keyring);
        if !config.unread().is_empty() {
            // A backend that wants its key is better asked with it at once; a locked keyring is not waited for.
            keyring.read(config.unread());
            keyring.take_in(Instant::now() + KEYRING_PATIENCE);
            config = Config::resolve(start, &file, declarations, &[], &keyring);
        }
        for problem in config.problems() {
            tracing::warn!(source = problem.source, remedy = problem.remedy, "settings: {}", problem.observation);
        }
        Self {
            file,
            config: Arc::new(config),
            keyring,
            projects: BTreeMap::new(),
            remembered: BTreeMap::new(),
            finds: BTreeMap::new(),
            told: BTreeMap::new(),
            rows: BTreeSet::new(),
            strangers: BTreeMap::new(),
            looked: false,
            offline_clients: 0,
        }
    }
}

impl Book {
    /// Asks the keyring for what is not known.
    pub(super) fn read_keyring(&mut self) {
        self.keyring.read(self.config.unread());
    }
}

impl Inner {
    /// Whoever also needs the supervisors takes them second.
    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        // A panic in a holder leaves whole maps: each change is one insertion or removal.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn supervisors(&self) -> MutexGuard<'_, BTreeMap<String, Supervisor>> {
        // A panic in a holder leaves a whole map: each change is one insertion or removal.
        self.supervisors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn declarations(&self) -> Vec<Declaration> {
        self.drivers().iter().map(|driver| driver.manifest.driver.clone()).collect()
    }

    pub(super) fn driver_of(&self, kind: &str) -> Option<Arc<LoadedDriver>> {
        self.drivers().into_iter().find(|driver| driver.kind() == kind)
    }
}

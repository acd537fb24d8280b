//! A driver's object, made as the host makes it, for tests that talk to it themselves.

use crate::{built, provoked};
use mdd_core::{
    connection::Instance,
    endpoint::Endpoint,
    plugins::{self, DriverRuntime, LoadedDriver},
    transport::{Credential, Policy, Secret, Transport},
};
use mdd_driver_api::{
    DriverError, manifest,
    model::{self, Identity, Inspection, Sample},
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock},
};
use tempfile::TempDir;
use tokio::runtime::Handle;

/// The recipe that the ports of the tests follow.
const ZIP: &str = "zip/1";
const MADE: &str = "a shipped driver makes its object";

/// One driver object at one endpoint.
pub struct Subject {
    /// The object.
    pub instance: Instance,
    /// The network that it is reached by.
    pub transport: Transport,
    credentials: Vec<Credential>,
}

impl Subject {
    /// A candidate.
    ///
    /// # Panics
    /// When the driver cannot be loaded or the object cannot be made.
    pub fn of(kind: &str, url: &str) -> Self {
        Self::with(kind, url, Value::Null, None).expect(MADE)
    }

    /// A backend: it was identified, and there is no key.
    ///
    /// # Panics
    /// When the driver cannot be loaded or the object cannot be made.
    pub fn backend(kind: &str, url: &str) -> Self {
        Self::of(kind, url).promoted()
    }

    /// A backend with a key; where a kind has several secrets, each of them is that.
    ///
    /// # Panics
    /// When the driver cannot be loaded or the object cannot be made.
    pub fn with_key(kind: &str, url: &str, key: &str) -> Self {
        Self::with(kind, url, Value::Null, Some(key)).expect(MADE).promoted()
    }

    /// A candidate with settings, which may have a key.
    ///
    /// # Errors
    /// The driver's own.
    ///
    /// # Panics
    /// When the driver cannot be loaded.
    pub fn with(kind: &str, url: &str, settings: Value, key: Option<&str>) -> Result<Self, DriverError> {
        let driver = driver(kind);
        let endpoint = Endpoint::parse(url).expect("a test names good addresses");
        let mut instance = model::Instance::default();
        instance.backend_id = "test".to_owned();
        instance.endpoint = endpoint.to_string();
        instance.settings = settings;
        instance.features = vec![ZIP.to_owned()];
        let declaration = &driver.manifest.driver;
        instance.secrets = declaration.secrets.keys().map(|name| (name.clone(), key.is_some())).collect();
        let credentials = key.map(|key| {
            assert!(!declaration.secrets.is_empty(), "a kind with a key declares it");
            let credential = |(name, secret): (&String, &manifest::Secret)| {
                let (header, prefix) = (secret.header.clone(), secret.prefix.clone());
                Credential { name: name.clone(), header, prefix, value: Secret::new(key), source: "a test".to_owned() }
            };
            declaration.secrets.iter().map(credential).collect()
        });
        let transport = Transport::new(Handle::current()).expect("a transport can be made");
        let policy = Policy::candidate(endpoint, declaration.probe_posts.clone(), None);
        let instance = Instance::create(&driver, &transport, runtime(), policy, &instance)?;
        Ok(Self { instance, transport, credentials: credentials.unwrap_or_default() })
    }

    /// The same as a backend: it was identified.
    ///
    /// # Panics
    /// When its key cannot travel as the manifest says.
    #[must_use]
    pub fn promoted(self) -> Self {
        self.instance.promote(self.credentials.clone()).expect("the key can travel");
        self
    }

    /// Is it one of this driver's?
    ///
    /// # Errors
    /// The driver's own.
    pub async fn identify(&self) -> Result<Identity, DriverError> {
        noted(self.instance.identify().await)
    }

    /// The cheapest proof of life.
    ///
    /// # Errors
    /// The driver's own.
    pub async fn check(&self) -> Result<Sample, DriverError> {
        noted(self.instance.check().await)
    }

    /// What it can do and holds.
    ///
    /// # Errors
    /// The driver's own.
    pub async fn inspect(&self) -> Result<Inspection, DriverError> {
        noted(self.instance.inspect().await)
    }
}

/// Writes down the code of an error.
pub fn noted<T>(result: Result<T, DriverError>) -> Result<T, DriverError> {
    result.inspect_err(|error| provoked::code(&error.code))
}

/// Loaded once per process.
fn driver(kind: &str) -> Arc<LoadedDriver> {
    static COPIES: OnceLock<TempDir> = OnceLock::new();
    static LOADED: Mutex<BTreeMap<String, Arc<LoadedDriver>>> = Mutex::new(BTreeMap::new());
    let copies = COPIES.get_or_init(|| tempfile::tempdir().expect("a temporary folder can be made"));
    let mut loaded = LOADED.lock().expect("no holder panics");
    let load = || Arc::new(plugins::open(&built().driver(kind), copies.path()).expect("a shipped driver loads"));
    loaded.entry(kind.to_owned()).or_insert_with(load).clone()
}

fn runtime() -> &'static DriverRuntime {
    static RUNTIME: OnceLock<DriverRuntime> = OnceLock::new();
    RUNTIME.get_or_init(|| DriverRuntime::start().expect("the drivers' runtime starts"))
}

//! A driver's object, made as the host makes it.

use mdd_core::{
    connection::Instance,
    endpoint::Endpoint,
    plugins::{self, DriverRuntime, LoadedDriver},
    transport::{Credential, Policy, Secret, Transport},
};
use mdd_driver_api::{
    DriverError,
    model::{self, Identity, Inspection, Sample},
};
use mdd_tests::built;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock},
};
use tempfile::TempDir;
use tokio::runtime::Handle;

/// One driver object at one endpoint.
pub(crate) struct Subject {
    pub(crate) instance: Instance,
    credentials: Vec<Credential>,
}

impl Subject {
    /// A candidate.
    pub(crate) fn of(kind: &str, url: &str) -> Self {
        Self::with(kind, url, Value::Null, None).unwrap()
    }

    /// A backend: it was identified, and there is no key.
    pub(crate) fn backend(kind: &str, url: &str) -> Self {
        Self::of(kind, url).promoted()
    }

    /// A backend with a key.
    pub(crate) fn with_key(kind: &str, url: &str, key: &str) -> Self {
        Self::with(kind, url, Value::Null, Some(key)).unwrap().promoted()
    }

    pub(crate) fn with(kind: &str, url: &str, settings: Value, key: Option<&str>) -> Result<Self, DriverError> {
        let driver = driver(kind);
        let endpoint = Endpoint::parse(url).unwrap();
        let mut instance = model::Instance::default();
        instance.backend_id = "test".to_owned();
        instance.endpoint = endpoint.to_string();
        instance.settings = settings;
        let declaration = &driver.manifest.driver;
        instance.secrets = declaration.secrets.keys().map(|name| (name.clone(), key.is_some())).collect();
        let credentials = key.map(|key| {
            let (name, secret) = declaration.secrets.first_key_value().unwrap();
            let (header, prefix) = (secret.header.clone(), secret.prefix.clone());
            Credential { name: name.clone(), header, prefix, value: Secret::new(key) }
        });
        let transport = Transport::new(Handle::current()).unwrap();
        let policy = Policy::candidate(endpoint, declaration.probe_posts.clone(), None);
        let instance = Instance::create(&driver, &transport, runtime(), policy, &instance)?;
        Ok(Self { instance, credentials: credentials.into_iter().collect() })
    }

    pub(crate) fn promoted(self) -> Self {
        self.instance.promote(self.credentials.clone()).unwrap();
        self
    }

    pub(crate) async fn identify(&self) -> Result<Identity, DriverError> {
        self.instance.identify().await
    }

    pub(crate) async fn check(&self) -> Result<Sample, DriverError> {
        self.instance.check().await
    }

    pub(crate) async fn inspect(&self) -> Result<Inspection, DriverError> {
        self.instance.inspect().await
    }
}

/// Loaded once per process.
fn driver(kind: &str) -> Arc<LoadedDriver> {
    static COPIES: OnceLock<TempDir> = OnceLock::new();
    static LOADED: Mutex<BTreeMap<String, Arc<LoadedDriver>>> = Mutex::new(BTreeMap::new());
    let copies = COPIES.get_or_init(|| tempfile::tempdir().unwrap());
    let mut loaded = LOADED.lock().unwrap();
    let load = || Arc::new(plugins::open(&built().driver(kind), copies.path()).unwrap());
    loaded.entry(kind.to_owned()).or_insert_with(load).clone()
}

fn runtime() -> &'static DriverRuntime {
    static RUNTIME: OnceLock<DriverRuntime> = OnceLock::new();
    RUNTIME.get_or_init(|| DriverRuntime::start().unwrap())
}

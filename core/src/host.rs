//! The host: drivers, discovery and supervisors together.

mod change_of_drivers;

use crate::{
    connection::{Backend, Shared, Supervisor},
    diagnosis::{self, Reason},
    discovery::{Found, News, PortWatch, missing_view},
    events::{BackendView, Bus, Changes, Origin, Snapshot, StateName, Subscription},
    health::{HealthView, Records},
    jobs::{self, Jobs},
    plugins::{DriverRuntime, LoadedDriver, Plugins, Registry, SearchPath},
    rpc::{DriverView, Drivers},
    settings::{Named, Settings},
    transport::{Transport, TransportError},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};
use tokio::{
    runtime::Handle,
    sync::{mpsc, watch},
    task::{JoinHandle, spawn_blocking},
    time::{Instant, interval_at},
};

/// Why a host could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No more threads.
    #[error("the threads for drivers could not be started: {0}")]
    Threads(#[from] io::Error),
    /// No network stack.
    #[error("the network could not be prepared: {0}")]
    Transport(#[from] TransportError),
}

/// A running host. Dropping it ends all supervision.
pub struct Host {
    inner: Arc<Inner>,
    first_round: watch::Receiver<bool>,
    tasks: Vec<JoinHandle<()>>,
}

/// Between two times that the histories are written down: what a sudden end may cost.
const KEEP_EVERY: Duration = Duration::from_secs(60);

struct Inner {
    settings: Settings,
    shared: Shared,
    plugins: Plugins,
    jobs: Jobs,
    supervisors: Mutex<BTreeMap<String, Supervisor>>,
    started: SystemTime,
}

impl Host {
    /// Loads the drivers and starts to connect. Needs a tokio runtime, on which the network will run.
    ///
    /// # Errors
    /// When the system lacks what no host can do without; a bad driver or setting is no reason.
    pub fn start(settings: Settings) -> Result<Self, StartError> {
        let path = SearchPath::new(settings.plugins.clone());
        let plugins = Plugins::start(path, &settings.state_folder.join("drivers"));
        let shared = Shared {
            transport: Transport::new(Handle::current())?,
            runtime: DriverRuntime::start()?,
            bus: Arc::new(Bus::default()),
            records: Records::load(settings.state_folder.join("health.json")),
        };
        let drivers = plugins.active();
        let inner = Arc::new(Inner {
            jobs: carried(&settings, &shared, &drivers),
            plugins,
            settings,
            shared,
            supervisors: Mutex::default(),
            started: SystemTime::now(),
        });
        inner.supervise_named(&drivers);
        let mut tasks = vec![tokio::spawn(inner.clone().follow_plugins(drivers))];
        let (tell_first_round, first_round) = watch::channel(!inner.settings.discovery);
        if inner.settings.discovery {
            tasks.push(tokio::spawn(inner.clone().discover(tell_first_round)));
        }
        tasks.push(tokio::spawn(keep(inner.shared.records.clone())));
        Ok(Self { inner, first_round, tasks })
    }

    /// The files of the plugins folders, now.
    pub fn registry(&self) -> Arc<Registry> {
        self.inner.plugins.registry()
    }

    /// The same whenever that changes.
    pub fn registry_changes(&self) -> watch::Receiver<Arc<Registry>> {
        self.inner.plugins.changes()
    }

    /// Everything as it is now.
    pub fn snapshot(&self) -> Snapshot {
        self.inner.shared.bus.snapshot()
    }

    /// Tells of changes from now on.
    pub fn changes(&self) -> Changes {
        self.inner.shared.bus.changes()
    }

    /// A snapshot and all changes after it.
    pub fn subscribe(&self) -> Subscription {
        Subscription::new(&self.inner.shared.bus)
    }

    /// What is being carried, and has been.
    pub fn jobs(&self) -> &Jobs {
        &self.inner.jobs
    }

    /// When it started, RFC 3339 in UTC.
    pub fn started(&self) -> String {
        self.inner.started_text()
    }

    /// Jobs that are not over.
    pub fn open_jobs(&self) -> u32 {
        u32::try_from(self.jobs().open_count()).unwrap_or(u32::MAX)
    }

    /// Every file of the plugins folders and what it is used for.
    pub fn drivers(&self) -> Drivers {
        Drivers { drivers: self.registry().files().iter().map(DriverView::of).collect() }
    }

    /// One object for a report: versions, drivers, backends, without names of home folders and without secrets.
    pub fn diagnostics(&self) -> serde_json::Value {
        diagnosis::report(&self.snapshot(), &self.drivers(), &self.started())
    }

    /// What is kept of the health of one backend.
    pub fn health(&self, id: &str) -> Option<HealthView> {
        self.inner.shared.bus.backend(id)?;
        self.inner.shared.records.view(id)
    }

    /// Tries one backend at once; false when there is none of that id.
    pub fn try_now(&self, id: &str) -> bool {
        let supervisors = self.inner.supervisors();
        supervisors.get(id).map(Supervisor::try_now).is_some()
    }

    /// Tries at once whatever waits.
    pub fn refresh(&self) {
        for supervisor in self.inner.supervisors().values() {
            supervisor.try_now();
        }
    }

    /// Resolves once every backend has been tried and every default port been looked at.
    pub async fn settled(&self) {
        self.until(|snapshot| snapshot.backends.iter().all(has_settled)).await;
    }

    /// Resolves once there is a backend and all of them are connected and inspected.
    pub async fn ready(&self) {
        self.until(Snapshot::is_ready).await;
    }

    /// Resolves once discovery has looked around and the snapshot is as wanted.
    async fn until(&self, wanted: impl Fn(&Snapshot) -> bool) {
        let mut changes = self.changes();
        let mut first_round = self.first_round.clone();
        // An error means that discovery has ended, and with it the round.
        let _ended = first_round.wait_for(|over| *over).await;
        while !wanted(&self.snapshot()) {
            if !changes.next().await {
                return;
            }
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        self.inner.plugins.close();
        self.inner.jobs.close();
        self.inner.supervisors().clear();
        save(&self.inner.shared.records);
    }
}

async fn keep(records: Records) {
    let mut times = interval_at(Instant::now() + KEEP_EVERY, KEEP_EVERY);
    loop {
        times.tick().await;
        let records = records.clone();
        // A panic there is logged by its thread and costs this one copy.
        let _written = spawn_blocking(move || save(&records)).await;
    }
}

fn save(records: &Records) {
    if let Err(error) = records.save() {
        tracing::warn!(%error, "the history of the services could not be written down");
    }
}

fn carried(settings: &Settings, shared: &Shared, drivers: &[Arc<LoadedDriver>]) -> Jobs {
    let transport = shared.transport.clone();
    Jobs::start(jobs::Setup {
        folder: settings.state_folder.join("jobs"),
        bus: shared.bus.clone(),
        journal: Arc::new(jobs::Memory::default()),
        declarations: drivers.iter().map(|driver| driver.manifest.driver.clone()).collect(),
        random: Box::new(move || transport.random()),
        limits: jobs::Limits::default(),
    })
}

fn has_settled(backend: &BackendView) -> bool {
    let tried = backend.reason.as_ref().is_none_or(|reason| reason.code != "not-tried");
    backend.state != StateName::Connecting && tried
}

impl Inner {
    fn supervisors(&self) -> MutexGuard<'_, BTreeMap<String, Supervisor>> {
        // A panic in a holder leaves a whole map: each change is one insertion or removal.
        self.supervisors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn started_text(&self) -> String {
        humantime::format_rfc3339_seconds(self.started).to_string()
    }

    fn supervise_named(&self, drivers: &[Arc<LoadedDriver>]) {
        for driver in drivers {
            self.supervise_named_of(driver);
        }
        for named in &self.settings.backends {
            if !drivers.iter().any(|driver| driver.kind() == named.kind) {
                self.shared.bus.publish(self.without_driver(named), None);
            }
        }
    }

    fn supervise_named_of(&self, driver: &Arc<LoadedDriver>) {
        for named in self.settings.named(&driver.manifest.driver) {
            let backend = self.backend(driver, named.endpoint, named.origin);
            self.supervisors()
                .entry(backend.id())
                .or_insert_with(|| self.with_jobs(Supervisor::start(backend, &self.shared)));
        }
    }

    fn backend(&self, driver: &Arc<LoadedDriver>, endpoint: crate::endpoint::Endpoint, origin: Origin) -> Backend {
        Backend {
            driver: driver.clone(),
            endpoint,
            origin,
            settings: serde_json::Value::Object(serde_json::Map::new()),
            secrets: self.settings.secrets(&driver.manifest.driver),
        }
    }

    async fn discover(self: Arc<Self>, first_round: watch::Sender<bool>) {
        let (sender, mut news) = mpsc::channel(16);
        let ports = PortWatch::new(self.shared.clone(), self.plugins.clone());
        let inner = self.clone();
        let looking = ports.run(sender, move || inner.taken_ports());
        let listening = async {
            let mut strangers = BTreeMap::new();
            while let Some(news) = news.recv().await {
                self.learn(news, &mut strangers, &first_round);
            }
        };
        tokio::join!(looking, listening);
    }

    fn learn(&self, news: News, strangers: &mut BTreeMap<u16, String>, first_round: &watch::Sender<bool>) {
        match news {
            News::Found(found) => self.adopt(*found),
            News::Stranger { port, seen: Some(seen) } => {
                strangers.insert(port, seen);
            }
            News::Stranger { port, seen: None } => {
                strangers.remove(&port);
            }
            News::FirstRoundOver => {
                first_round.send_replace(true);
            }
        }
        if *first_round.borrow() {
            self.publish_missing(strangers);
        }
    }

    fn adopt(&self, found: Found) {
        let backend = self.backend(&found.driver, found.endpoint, Origin::DefaultPort);
        let mut supervisors = self.supervisors();
        tracing::info!(id = backend.id(), seen = found.identity.seen, "found");
        supervisors.entry(backend.id()).or_insert_with(|| {
            self.with_jobs(Supervisor::adopt(backend, &self.shared, found.instance, found.identity))
        });
    }

    /// Lets jobs go to a backend.
    fn with_jobs(&self, supervisor: Supervisor) -> Supervisor {
        let kind = supervisor.driver().kind();
        self.jobs.follow(supervisor.id(), kind, supervisor.link(), &self.shared.transport);
        supervisor
    }

    /// Ports of this machine that have a backend.
    fn taken_ports(&self) -> BTreeSet<u16> {
        let supervisors = self.supervisors();
        let endpoints = supervisors.values().map(Supervisor::endpoint);
        endpoints.filter(|endpoint| endpoint.is_loopback()).map(|endpoint| endpoint.port()).collect()
    }

    fn publish_missing(&self, strangers: &BTreeMap<u16, String>) {
        let known: BTreeSet<String> = self
            .shared
            .bus
            .snapshot()
            .backends
            .into_iter()
            .filter(|backend| backend.origin != Origin::Missing)
            .map(|backend| backend.kind)
            .collect();
        for driver in self.plugins.active() {
            let declaration = &driver.manifest.driver;
            if known.contains(driver.kind()) || declaration.default_ports.is_empty() {
                self.shared.bus.remove(driver.kind());
            } else {
                let since = self.started_text();
                self.shared.bus.publish(missing_view(declaration, strangers, since), None);
            }
        }
    }

    /// The row of a backend that was named and whose kind nobody drives.
    fn without_driver(&self, named: &Named) -> BackendView {
        let declaration = mdd_driver_api::manifest::Declaration {
            kind: named.kind.clone(),
            title: named.kind.clone(),
            icon: "ERROR".to_owned(),
            ..Default::default()
        };
        let since = self.started_text();
        let observation = format!("no file in the plugins folders drives {}", named.kind);
        BackendView {
            id: format!("{}@{}", named.kind, named.endpoint.place()),
            endpoint: Some(named.endpoint.to_string()),
            origin: named.origin,
            reason: Some(Reason::new("no-driver", observation, &declaration)),
            ..missing_view(&declaration, &BTreeMap::new(), since)
        }
    }
}

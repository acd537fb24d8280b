//! The host: drivers, discovery and supervisors together.

mod backends;
mod book;
mod change_of_drivers;
mod changes;
mod describe;
mod looking;
mod measures;
mod orders;
mod projects;
mod telling;
mod undriven;

pub use changes::ChangeError;
pub use orders::Offline;

use crate::{
    config::{Config, ConfigView},
    connection::{CHECK_EVERY, Shared, Supervisor, Tempo},
    diagnosis,
    discovery::Orders,
    events::{BackendView, Bus, Changes, Snapshot, StateName, Subscription},
    health::{HealthView, Records},
    jobs::{self, Jobs, Journal, Retention},
    metrics,
    plugins::{DriverRuntime, Gate, LoadedDriver, Meant, Plugins, Registry, SearchPath, Vetting},
    rpc::{Drivers, HostLock, ProjectBackend, ProjectOpened},
    settings::{JOURNAL, Settings},
    transport::{Transport, TransportError},
};
use book::Book;
use mdd_driver_api::manifest::Declaration;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};
use tokio::{
    runtime::Handle,
    sync::{mpsc, watch},
    task::JoinHandle,
    time::Instant,
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

struct Inner {
    settings: Settings,
    shared: Shared,
    plugins: Plugins,
    jobs: Jobs,
    book: Mutex<Book>,
    supervisors: Mutex<BTreeMap<String, Supervisor>>,
    orders: watch::Sender<Orders>,
    metrics_port: watch::Sender<u16>,
    started: SystemTime,
}

impl Host {
    /// Loads the drivers and starts to connect. Needs a tokio runtime, on which the network will run.
    ///
    /// # Errors
    /// When the system lacks what no host can do without; a bad driver or setting is no reason.
    pub fn start(settings: Settings) -> Result<Self, StartError> {
        Self::start_vetting(settings, Vetting::InProcess)
    }

    /// The same with drivers that are new being tried in another way first.
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub fn start_vetting(settings: Settings, vetting: Vetting) -> Result<Self, StartError> {
        Self::with_journal(settings, vetting, Arc::new(jobs::Memory::default()))
    }

    /// The same with jobs that outlive it. Whoever has the lock of a state folder has its journal, too: two hosts would
    /// each carry what is in it.
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub fn lasting(settings: Settings, vetting: Vetting, lock: &HostLock) -> Result<Self, StartError> {
        let journal = jobs::Sqlite::start(lock.folder().join(JOURNAL))?;
        let mut host = Self::with_journal(settings, vetting, Arc::new(journal))?;
        // Only one of a user's hosts can have the port.
        host.tasks.push(tokio::spawn(host.inner.clone().serve_metrics()));
        Ok(host)
    }

    fn with_journal(settings: Settings, vetting: Vetting, journal: Arc<dyn Journal>) -> Result<Self, StartError> {
        let (tell_misdeeds, misdeeds) = mpsc::unbounded_channel();
        let shared = Shared {
            transport: Transport::new(Handle::current())?,
            runtime: DriverRuntime::start_telling(tell_misdeeds)?,
            bus: Arc::new(Bus::default()),
            records: Records::load(settings.state_folder.join("health.json")),
            tempo: Tempo::new(CHECK_EVERY, Instant::now()),
        };
        let folders = settings.plugins.iter().cloned().chain(changes::plugins_of(&settings));
        let plugins =
            Plugins::start(SearchPath::new(folders), Gate::new(&settings.state_folder.join("drivers"), vetting));
        let drivers = plugins.active();
        let declarations: Vec<_> = drivers.iter().map(|driver| driver.manifest.driver.clone()).collect();
        let book = Book::open(&settings, &declarations);
        shared.tempo.change(book.config.check_every());
        let inner = Arc::new(Inner {
            jobs: carried(&settings, &shared, declarations, journal, book.config.retention()),
            orders: watch::Sender::new(Orders::of(&book)),
            metrics_port: watch::Sender::new(book.config.metrics_port()),
            book: Mutex::new(book),
            plugins,
            settings,
            shared,
            supervisors: Mutex::default(),
            started: SystemTime::now(),
        });
        inner.reconcile(&mut inner.book());
        let (tell_first_round, first_round) = watch::channel(!inner.orders.borrow().enabled);
        let tasks = vec![
            tokio::spawn(inner.clone().follow_plugins(drivers)),
            tokio::spawn(inner.clone().judge_drivers(misdeeds)),
            tokio::spawn(inner.clone().discover(tell_first_round)),
            tokio::spawn(inner.clone().keep_up()),
            tokio::spawn(telling::tell(inner.shared.bus.clone())),
            tokio::spawn(telling::keep(inner.shared.records.clone())),
        ];
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
        Drivers::of(&self.registry(), self.inner.plugins.search_path())
    }

    /// The hash of the driver that somebody names by a file, by the beginning of its hash, or by its kind.
    ///
    /// # Errors
    /// What cannot be found.
    pub fn hash_of_driver(&self, named: &str, meant: Meant) -> Result<String, String> {
        match self.inner.plugins.gate().hash_of(named)? {
            Some(sha256) => Ok(sha256),
            None => self.registry().hash_of_kind(named, meant),
        }
    }

    /// Lets a driver be used again.
    ///
    /// # Errors
    /// Nothing could be written down.
    pub fn trust_driver(&self, sha256: &str) -> io::Result<()> {
        self.and_look(self.inner.plugins.gate().trust(sha256))
    }

    /// Uses a driver no more.
    ///
    /// # Errors
    /// Nothing could be written down.
    pub fn quarantine_driver(&self, sha256: &str, reason: &str) -> io::Result<()> {
        self.and_look(self.inner.plugins.gate().quarantine(sha256, reason))
    }

    /// Forgets all that is known of a driver.
    ///
    /// # Errors
    /// Nothing could be written down.
    pub fn forget_driver(&self, sha256: &str) -> io::Result<()> {
        self.and_look(self.inner.plugins.gate().forget(sha256))
    }

    fn and_look(&self, decided: io::Result<()>) -> io::Result<()> {
        self.inner.plugins.look();
        decided
    }

    /// One object for a report: versions, drivers, backends, without names of home folders and without secrets.
    pub fn diagnostics(&self) -> serde_json::Value {
        diagnosis::report(&self.snapshot(), &self.drivers(), &self.started(), &self.inner.settings.log_file())
    }

    /// The figures of this host for monitoring systems.
    pub fn metrics(&self, format: metrics::Format) -> String {
        self.inner.metrics(format)
    }

    /// What is kept of the health of one backend.
    ///
    /// # Errors
    /// There is none of that id, or nothing is known of it yet.
    pub fn health(&self, id: &str) -> Result<HealthView, ChangeError> {
        let known = self.inner.shared.bus.backend(id).and_then(|_| self.inner.shared.records.view(id));
        known.ok_or_else(|| self.inner.no_backend(id))
    }

    /// Tries one backend at once.
    ///
    /// # Errors
    /// There is none of that id, or nothing of it can be tried.
    pub fn try_now(&self, id: &str) -> Result<(), ChangeError> {
        let tried = self.inner.supervisors().get(id).map(Supervisor::try_now);
        tried.ok_or_else(|| self.inner.nothing_to_try(id))
    }

    /// Variables that a client has otherwise than this host, by their fingerprints.
    pub fn environment_differs(&self, client: Option<&BTreeMap<String, String>>) -> Vec<String> {
        client.map(|client| self.inner.settings.environment.differing(client)).unwrap_or_default()
    }

    /// Fingerprints of the variables that drivers and settings name beside those of ours.
    pub fn environment_of_others(&self) -> BTreeMap<String, String> {
        let names = self.settings().variables_of_others();
        self.inner.settings.environment.fingerprints_of(names)
    }

    /// The settings that count now.
    pub fn settings(&self) -> Arc<Config> {
        self.inner.book().config.clone()
    }

    /// Every setting with who set it; with what an open project adds, if one is named.
    pub fn config(&self, project: Option<&str>) -> ConfigView {
        self.inner.config_view(project)
    }

    /// Writes a setting into the user's file and applies it; null takes it out.
    ///
    /// # Errors
    /// A key or value that does not exist, or a file that cannot be changed.
    pub fn set_config(&self, key: &str, value: &Value) -> Result<ConfigView, ChangeError> {
        self.inner.set_config(key, value)
    }

    /// Names a backend in the user's file.
    ///
    /// # Errors
    /// A kind or address that cannot be, or a file that cannot be changed.
    pub fn add_backend(&self, kind: &str, url: &str) -> Result<(), ChangeError> {
        self.inner.add_backend(kind, url)
    }

    /// Gives a backend another address.
    ///
    /// # Errors
    /// The same.
    pub fn move_backend(&self, id: &str, url: &str) -> Result<(), ChangeError> {
        self.inner.move_backend(id, url)
    }

    /// Takes a backend out of the user's file.
    ///
    /// # Errors
    /// One that is not in it.
    pub fn remove_backend(&self, id: &str) -> Result<(), ChangeError> {
        self.inner.remove_backend(id)
    }

    /// Switches a backend on or off.
    ///
    /// # Errors
    /// An unknown one, or a file that cannot be changed.
    pub fn switch_backend(&self, id: &str, on: bool) -> Result<(), ChangeError> {
        self.inner.switch_backend(id, on)
    }

    /// Lets jobs for its kind go to this backend when it can take them.
    ///
    /// # Errors
    /// The same.
    pub fn default_backend(&self, id: &str) -> Result<(), ChangeError> {
        self.inner.default_backend(id)
    }

    /// Gives the user's word for a service that was found.
    ///
    /// # Errors
    /// The same.
    pub fn accept_backend(&self, id: &str) -> Result<(), ChangeError> {
        self.inner.accept_backend(id)
    }

    /// Takes in the backends that a project names.
    ///
    /// # Errors
    /// What is no address, or too many of them.
    pub fn open_project(
        &self,
        id: &str,
        backends: &[ProjectBackend],
        remembered: Value,
    ) -> Result<ProjectOpened, ChangeError> {
        self.inner.open_project(id, backends, remembered)
    }

    /// Forgets them.
    pub fn close_project(&self, id: &str) {
        self.inner.close_project(id);
    }

    /// Gives the user's word for a backend of an open project.
    ///
    /// # Errors
    /// One that the project does not name, or a file that cannot be changed.
    pub fn accept_project(&self, id: &str, backend: &str) -> Result<(), ChangeError> {
        self.inner.accept_project(id, backend)
    }

    /// Looks around again and tries at once whatever waits.
    pub fn refresh(&self) {
        self.inner.orders.send_modify(|orders| orders.rounds += 1);
        self.inner.book().keyring.read_again();
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
        telling::save(&self.inner.shared.records);
    }
}

fn carried(
    settings: &Settings,
    shared: &Shared,
    declarations: Vec<Declaration>,
    journal: Arc<dyn Journal>,
    retention: Retention,
) -> Jobs {
    let transport = shared.transport.clone();
    Jobs::start(jobs::Setup {
        folder: settings.jobs_folder(),
        bus: shared.bus.clone(),
        journal,
        declarations,
        random: Box::new(move || transport.random()),
        limits: jobs::Limits { retention, ..jobs::Limits::default() },
    })
}

fn has_settled(backend: &BackendView) -> bool {
    let tried = backend.reason.as_ref().is_none_or(|reason| reason.code != "not-tried");
    backend.state != StateName::Connecting && tried
}

/// Between two looks whether what was found is where it was named.
const COMPARE_EVERY: Duration = Duration::from_millis(500);
/// Between two looks whether the user's file was edited by hand, in the former.
const REREAD_EVERY: u32 = 4;

impl Inner {
    /// The drivers that are in use now, in the order in which a candidate is shown to them.
    fn drivers(&self) -> Vec<Arc<LoadedDriver>> {
        self.plugins.active()
    }

    fn started_text(&self) -> String {
        humantime::format_rfc3339_seconds(self.started).to_string()
    }

    fn tell_config(&self, book: &Book) {
        let config = &book.config;
        self.shared.tempo.change(config.check_every());
        self.jobs.keep(config.retention());
        self.metrics_port.send_if_modified(|port| std::mem::replace(port, config.metrics_port()) != *port);
        self.tell_scout(book);
    }

    /// Sees what happens outside of the host's own doing.
    async fn keep_up(self: Arc<Self>) {
        let mut looks = tokio::time::interval(COMPARE_EVERY);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut changes = self.shared.bus.changes();
        for look in 0_u32.. {
            looks.tick().await;
            self.follow_keyring();
            if look.is_multiple_of(REREAD_EVERY) {
                self.reread_config();
            }
            if changes.has_changed() {
                self.compare_places();
            }
        }
    }
}

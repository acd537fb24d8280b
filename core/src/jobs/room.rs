//! What all jobs share.

use super::{
    Limits, Setup, carrier,
    declarations::Declarations,
    dispatch::Dispatcher,
    folder::JobFolder,
    job::Job,
    journal::{Journal, JournalError},
    notices::Notices,
    record::Record,
    retention::{self, Retention},
    store::Store,
    waiting::Waiting,
};
use crate::{connection::Backoff, events::Bus};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::{
    runtime::Handle,
    sync::{Notify, watch},
    task::JoinSet,
    time::{Instant, sleep},
};
use tracing::Instrument as _;

/// What all jobs share.
pub(super) struct Room {
    pub(super) io: Handle,
    pub(super) bus: Arc<Bus>,
    pub(super) journal: Arc<dyn Journal>,
    pub(super) declarations: Arc<Declarations>,
    pub(super) dispatcher: Arc<Dispatcher>,
    pub(super) waiting: Waiting,
    pub(super) notices: Notices,
    pub(super) store: Store,
    pub(super) limits: Limits,
    /// How long jobs that are over are kept.
    pub(super) retention: watch::Sender<Retention>,
    /// A job is over.
    pub(super) ended: Arc<Notify>,
    /// Where the folders of jobs are.
    pub(super) folder: PathBuf,
    random: Box<dyn Fn() -> u64 + Send + Sync>,
    jobs: Mutex<BTreeMap<String, Entry>>,
    /// Number of the last job that was accepted.
    last_number: AtomicU64,
    /// Number of the last driver's object that was met.
    last_instance: AtomicU64,
    /// Whether the journal was read.
    restored: watch::Sender<bool>,
    /// `None` once the host ends.
    tasks: Mutex<Option<JoinSet<()>>>,
}

/// What an id stands for.
#[derive(Clone)]
pub(super) enum Entry {
    /// A job that is being accepted; the channel ends when that is decided.
    Admitting(watch::Receiver<()>),
    Job(Arc<Job>),
}

impl Room {
    pub(super) fn new(setup: Setup) -> Arc<Self> {
        let Setup { folder, bus, journal, declarations, random, limits } = setup;
        let declarations = Arc::new(Declarations::new(declarations));
        let dispatcher = Arc::new(Dispatcher::default());
        let waiting = Waiting::new(dispatcher.clone(), bus.clone(), declarations.clone());
        let notices = Notices::new(bus.clone(), declarations.clone());
        let store = Store::new(bus.clone());
        let room = Arc::new(Self {
            io: Handle::current(),
            bus,
            journal,
            declarations,
            dispatcher,
            waiting,
            notices,
            store,
            retention: watch::Sender::new(limits.retention),
            limits,
            ended: Arc::default(),
            folder,
            random,
            jobs: Mutex::default(),
            last_number: AtomicU64::new(0),
            last_instance: AtomicU64::new(0),
            restored: watch::Sender::new(false),
            tasks: Mutex::new(Some(JoinSet::new())),
        });
        let (restoring, explaining, telling, watching) = (room.clone(), room.clone(), room.clone(), room.clone());
        let (weak, ended, setting) = (Arc::downgrade(&room), room.ended.clone(), room.retention.subscribe());
        room.spawn(retention::keep(weak, ended, setting));
        room.spawn(async move { watching.watch_journal().await });
        room.spawn(async move { restoring.restore().await });
        room.spawn(async move { explaining.waiting.run().await });
        room.spawn(async move { telling.notices.run().await });
        room
    }

    /// Reads the journal. Nothing waits for it but jobs.
    async fn restore(self: Arc<Self>) {
        let mut backoff = Backoff::default();
        let records = loop {
            match self.journal.load().await {
                Ok(records) => break records,
                Err(error) => {
                    tracing::error!(%error, "the journal cannot be read");
                    self.store.degraded(&error);
                    sleep(backoff.next(self.random())).await;
                }
            }
        };
        self.store.works();
        let room = self.clone();
        let recalling = tokio::task::spawn_blocking(move || room.recall(records)).await;
        let (bound, free): (Vec<_>, Vec<_>) =
            recalling.unwrap_or_default().into_iter().partition(|(_, backend)| backend.is_some());
        // Those that a backend may have keep their slots: the others come after them.
        for (job, backend) in bound.into_iter().chain(free) {
            job.publish(&self.bus);
            self.jobs().insert(job.ticket.id.clone(), Entry::Job(job.clone()));
            if !job.is_over() {
                self.carry(job, backend.as_deref());
            }
        }
        self.restored.send_replace(true);
    }

    /// The jobs of earlier processes, each with the backend that may have it.
    fn recall(&self, mut records: Vec<Record>) -> Vec<(Arc<Job>, Option<String>)> {
        records.sort_by_key(|record| record.ticket.number);
        let last = records.last().map_or(0, |record| record.ticket.number);
        self.last_number.fetch_max(last, Ordering::SeqCst);
        let recall = |mut record: Record| {
            for checkpoint in [&mut record.course.checkpoint, &mut record.course.prepared].into_iter().flatten() {
                checkpoint.noted.get_or_insert_with(Instant::now);
            }
            let folder = JobFolder::at(self.folder.join(&record.ticket.folder));
            let backend = record.course.bound_to().map(str::to_owned);
            let job = Job::new(record, folder);
            job.recall();
            (Arc::new(job), backend)
        };
        records.into_iter().map(recall).collect()
    }

    /// Tells how the journal is.
    async fn watch_journal(&self) {
        let mut condition = self.journal.condition();
        while condition.changed().await.is_ok() {
            let now = condition.borrow_and_update().clone();
            self.store.is(now);
        }
    }

    /// Resolves once the jobs of earlier processes are known.
    ///
    /// # Errors
    /// They cannot be read now.
    pub(super) async fn restored(&self) -> Result<(), JournalError> {
        let mut restored = self.restored.subscribe();
        tokio::select! {
            biased;
            // It cannot fail: the sender lives in this room.
            _ = restored.wait_for(|restored| *restored) => Ok(()),
            error = self.store.until_degraded() => Err(error),
        }
    }

    /// Carries a job until it is over. `backend` is the one that may have it already.
    pub(super) fn carry(self: &Arc<Self>, job: Arc<Job>, backend: Option<&str>) {
        let slot = backend.map(|backend| self.dispatcher.hold(backend, &job.ticket.kind));
        let span = tracing::error_span!("job", id = job.ticket.id);
        self.spawn(carrier::carry(self.clone(), job, slot).instrument(span));
    }

    /// Runs a task until the host ends. False when it is ending already.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(tasks) = tasks.as_mut() else { return false };
        while tasks.try_join_next().is_some() {}
        tasks.spawn_on(task, &self.io);
        true
    }

    /// Ends every task: running jobs are detached.
    pub(super) fn close(&self) {
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(tasks);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    pub(super) fn jobs(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        // A panic in a holder leaves a whole map: each change is one insertion or removal.
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every job that was accepted.
    pub(super) fn all(&self) -> Vec<Arc<Job>> {
        let accepted = |entry: &Entry| match entry {
            Entry::Job(job) => Some(job.clone()),
            Entry::Admitting(_) => None,
        };
        self.jobs().values().filter_map(accepted).collect()
    }

    /// The job of that id.
    pub(super) fn job(&self, id: &str) -> Option<Arc<Job>> {
        match self.jobs().get(id) {
            Some(Entry::Job(job)) => Some(job.clone()),
            Some(Entry::Admitting(_)) | None => None,
        }
    }

    pub(super) fn next_number(&self) -> u64 {
        self.last_number.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(super) fn next_instance(&self) -> u64 {
        self.last_instance.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(super) fn random(&self) -> u64 {
        (self.random)()
    }

    /// A lowercase UUID of version 4.
    pub(super) fn uuid(&self) -> String {
        let (high, low) = (self.random(), self.random());
        let (high, low) = (high & !0xf000 | 0x4000, low & !(0b11 << 62) | 0b10 << 62);
        let (a, b, c) = (high >> 32, high >> 16 & 0xffff, high & 0xffff);
        let (d, e) = (low >> 48, low & 0xffff_ffff_ffff);
        format!("{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}")
    }
}

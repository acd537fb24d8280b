//! A job's port that writes everything down and can be told to refuse or to wait.

use mdd_core::{
    jobs::recipes,
    transport::{Policy, Transport},
};
use mdd_driver_api::{
    DriverError, ErrorKind, Stage,
    abi::{Body, Checkpoint, Event, EventKind, FfiFuture, Fut, HttpRequest, J, JobPort, JobPortArc, RVec, unsupported},
    guard::Wall,
    model::{Recipe, ResultMeta, Resume, Saved},
};
use serde_json::Value;
use std::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};
use tempfile::TempDir;
use tokio::sync::watch;

/// Called at a checkpoint, before it is written.
type Hook = Box<dyn Fn(Stage) -> Result<(), DriverError> + Send + Sync>;

/// One job, as the host would keep it.
#[derive(Clone)]
pub(crate) struct Port(Arc<Inner>);

struct Inner {
    transport: Transport,
    policy: Policy,
    folder: TempDir,
    cancelled: watch::Sender<bool>,
    /// While this is set, checkpoints are not written.
    held: watch::Sender<bool>,
    hook: Hook,
    notes: Mutex<Notes>,
    changes: watch::Sender<()>,
    downloads: AtomicU32,
}

/// What a driver told.
#[derive(Debug, Default, Clone)]
pub(crate) struct Notes {
    /// Checkpoints that were to be written.
    asked: Vec<Stage>,
    pub(crate) checkpoints: Vec<Noted>,
    /// Step, total and what is worked on.
    pub(crate) progress: Vec<(f64, f64, String)>,
    /// Media type and bytes.
    pub(crate) previews: Vec<(String, Vec<u8>)>,
    /// Place and length.
    pub(crate) queue: Vec<(u32, u32)>,
    pub(crate) log: Vec<String>,
    pub(crate) text: String,
    /// How many pieces it came in.
    pub(crate) pieces: usize,
    pub(crate) results: Vec<Saved>,
}

/// A checkpoint with its time.
#[derive(Debug, Clone)]
pub(crate) struct Noted {
    pub(crate) stage: Stage,
    pub(crate) remote_id: String,
    pub(crate) state: Value,
    at: Instant,
}

impl Noted {
    /// As it comes back.
    pub(crate) fn resume(&self, same_boot: Option<bool>) -> Resume {
        let mut resume = Resume::default();
        resume.stage = self.stage.0;
        resume.remote_id.clone_from(&self.remote_id);
        resume.state = self.state.clone();
        resume.age_ms = u64::try_from(self.at.elapsed().as_millis()).unwrap();
        resume.same_boot = same_boot;
        resume
    }
}

impl Port {
    pub(crate) fn new(transport: &Transport, policy: &Policy, hook: Hook) -> Self {
        Self(Arc::new(Inner {
            transport: transport.clone(),
            policy: policy.clone(),
            folder: tempfile::tempdir().unwrap(),
            cancelled: watch::Sender::new(false),
            held: watch::Sender::new(false),
            hook,
            notes: Mutex::default(),
            changes: watch::Sender::new(()),
            downloads: AtomicU32::new(0),
        }))
    }

    pub(crate) fn object(&self) -> JobPortArc {
        JobPortArc::of(self.clone())
    }

    pub(crate) fn notes(&self) -> Notes {
        self.lock().clone()
    }

    pub(crate) fn cancel(&self) {
        self.0.cancelled.send_replace(true);
    }

    /// Waits until the driver has told something.
    pub(crate) async fn until<T>(&self, wanted: impl Fn(&Notes) -> Option<T>) -> T {
        let mut changes = self.0.changes.subscribe();
        let waiting = async {
            loop {
                if let Some(found) = wanted(&self.lock()) {
                    return found;
                }
                changes.changed().await.unwrap();
            }
        };
        let found = tokio::time::timeout(crate::PATIENCE, waiting).await;
        found.unwrap_or_else(|_| panic!("it was not told in time: {:?}", self.notes()))
    }

    pub(crate) async fn until_stage(&self, stage: Stage) -> Noted {
        self.until(|notes| notes.checkpoints.iter().rev().find(|noted| noted.stage == stage).cloned()).await
    }

    /// Waits until that checkpoint is to be written.
    pub(crate) async fn until_asked(&self, stage: Stage) {
        self.until(|notes| notes.asked.contains(&stage).then_some(())).await;
    }

    /// Holds checkpoints back.
    pub(crate) fn hold(&self) {
        self.0.held.send_replace(true);
    }

    /// Lets them be written.
    pub(crate) fn release(&self) {
        self.0.held.send_replace(false);
    }

    /// The bytes of a result.
    pub(crate) fn read(&self, saved: &Saved) -> Vec<u8> {
        std::fs::read(self.0.folder.path().join(&saved.name)).unwrap()
    }

    fn change(&self, change: impl FnOnce(&mut Notes)) {
        change(&mut self.lock());
        self.0.changes.send_replace(());
    }

    fn lock(&self) -> MutexGuard<'_, Notes> {
        self.0.notes.lock().unwrap()
    }
}

fn text(payload: &str) -> String {
    serde_json::from_str(payload).unwrap()
}

impl JobPort for Port {
    fn emit(&self, event: Event) -> bool {
        let Event { kind, step, total, payload, blob } = event;
        self.change(|notes| match kind {
            EventKind::PROGRESS => notes.progress.push((step, total, text(&payload))),
            EventKind::PREVIEW => notes.previews.push((text(&payload), blob.into_vec())),
            EventKind::QUEUE => notes.queue.push((step as u32, total as u32)),
            EventKind::LOG => notes.log.push(text(&payload)),
            other => panic!("{other:?} is no event of a job"),
        });
        true
    }

    fn append(&self, bytes: RVec<u8>) -> Fut<()> {
        let port = self.clone();
        Wall::of_host().future(async move {
            port.change(|notes| {
                notes.text.push_str(std::str::from_utf8(&bytes).unwrap());
                notes.pieces += 1;
            });
            Ok(())
        })
    }

    fn checkpoint(&self, checkpoint: Checkpoint) -> Fut<()> {
        let port = self.clone();
        Wall::of_host().future(async move {
            (port.0.hook)(checkpoint.stage)?;
            port.change(|notes| notes.asked.push(checkpoint.stage));
            port.0.held.subscribe().wait_for(|&held| !held).await.unwrap();
            let noted = Noted {
                stage: checkpoint.stage,
                remote_id: checkpoint.remote_id.into(),
                state: serde_json::from_str(&checkpoint.state).unwrap(),
                at: Instant::now(),
            };
            port.change(|notes| notes.checkpoints.push(noted));
            Ok(())
        })
    }

    fn download(&self, request: HttpRequest, meta: J<ResultMeta>) -> Fut<J<Saved>> {
        let port = self.clone();
        Wall::of_host().future(async move {
            let meta = meta.decode()?;
            let number = port.0.downloads.fetch_add(1, Ordering::Relaxed);
            let mut saved = Saved::default();
            saved.name = format!("{number}-{}", meta.name);
            saved.role = meta.role;
            let to = std::fs::File::create(port.0.folder.path().join(&saved.name)).unwrap();
            let downloaded = port.0.transport.download(&port.0.policy, request, to, u64::MAX).await?;
            (saved.bytes, saved.sha256) = (downloaded.bytes, downloaded.sha256);
            port.change(|notes| notes.results.push(saved.clone()));
            J::encode(&saved)
        })
    }

    fn put(&self, _meta: J<ResultMeta>, _body: Body) -> Fut<J<Saved>> {
        unsupported("put")
    }

    /// Out of nothing but what the recipe itself holds.
    fn derive(&self, recipe: J<Recipe>) -> Fut<J<Saved>> {
        let port = self.clone();
        Wall::of_host().future(async move {
            let recipe = recipe.decode()?;
            assert!(recipe.inputs.is_empty(), "{recipe:?}");
            let number = port.0.downloads.fetch_add(1, Ordering::Relaxed);
            let path = port.0.folder.path().join(format!("{number}-derived"));
            let limits = recipes::Limits { max_bytes: 1 << 20, let_go: Arc::default() };
            recipes::make(&recipe, &[], &mut std::fs::File::create(&path).unwrap(), &limits)?;
            let mut saved = Saved::default();
            saved.handle = format!("derived/{number}");
            saved.bytes = path.metadata().unwrap().len();
            port.0.policy.add_file(saved.handle.as_str(), path);
            J::encode(&saved)
        })
    }

    fn cancelled(&self) -> FfiFuture<()> {
        let mut cancelled = self.0.cancelled.subscribe();
        Wall::of_host().signal(async move {
            let _set = cancelled.wait_for(|&cancelled| cancelled).await;
        })
    }

    fn is_cancelled(&self) -> bool {
        *self.0.cancelled.borrow()
    }
}

/// A journal that cannot be written.
pub(crate) fn unwritable() -> DriverError {
    DriverError::new(ErrorKind::HOST, "the journal is full")
}

//! A job as its driver sees it: one port for each run, which closes when the host lets the run go.

use super::{
    course::{Misstep, Step},
    dispatch::Access,
    job::{Job, StepError},
    machine::Moment,
    record::{Checkpoint, now_ms},
    room::Room,
    runner::Runner,
    saving::{self, Saving},
};
use mdd_driver_api::{
    DriverError, ErrorKind,
    abi::{self, Body, Event, FfiFuture, Fut, HttpRequest, J, JobPort, JobPortArc, RVec, SegmentKind},
    guard::{self, Held, Wall},
    model::{Recipe, ResultMeta, Saved},
};
use std::sync::{Arc, Weak};
use tokio::{sync::watch, task::JoinHandle, time::Instant};

/// Most of a driver's own data in a checkpoint, in bytes.
const MAX_STATE: usize = 64 * 1024;

/// The port of one run.
#[derive(Clone)]
pub(super) struct Port(Arc<Held<Arc<Parts>>>);

/// What a port works with.
pub(super) struct Parts {
    pub(super) room: Arc<Room>,
    pub(super) job: Arc<Job>,
    /// Number of the run.
    pub(super) run: u64,
    /// Where it runs.
    pub(super) backend: String,
    /// Not owned: a driver that keeps its port would keep itself.
    pub(super) runner: Weak<dyn Runner>,
    /// The life of the backend in which the run began, and its boot as far as it was known then.
    pub(super) epoch: u64,
    pub(super) boot: Option<String>,
    /// What the backend does now.
    pub(super) now: watch::Receiver<Option<Access>>,
    pub(super) saving: Arc<Saving>,
}

impl Port {
    /// Opens the port of a run.
    pub(super) fn open(parts: Parts) -> JobPortArc {
        JobPortArc::of(Self(Arc::new(Held::new(Wall::of_host(), Arc::new(parts)))))
    }

    fn parts(&self) -> Arc<Parts> {
        self.0.get().clone()
    }

    /// Runs `work` on the host's runtime, until it is done or the driver drops it.
    fn on_host<T, W>(&self, work: impl FnOnce(Arc<Parts>) -> W + Send + 'static) -> Fut<T>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, DriverError>> + Send + 'static,
    {
        let parts = self.parts();
        Wall::of_host().future(async move {
            parts.check_open()?;
            let io = parts.room.io.clone();
            let mut task = Aborting(io.spawn(work(parts)));
            (&mut task.0).await.unwrap_or_else(|error| Err(fault(format!("the host failed: {error}"))))
        })
    }
}

impl Parts {
    pub(super) fn is_open(&self) -> bool {
        self.job.is_open(self.run)
    }

    fn check_open(&self) -> Result<(), DriverError> {
        if self.is_open() { Ok(()) } else { Err(let_go()) }
    }

    /// Takes a step of this run.
    pub(super) async fn step(&self, step: Step) -> Result<(), DriverError> {
        let taken = self.job.step(&self.room, Some(self.run), step).await;
        taken.map_err(|error| match error {
            StepError::Misstep(Misstep::Cancelled) => cancelled(),
            StepError::Misstep(misstep) => DriverError::new(ErrorKind::PROTOCOL, misstep.to_string()),
            StepError::Journal(error) => fault(error.to_string()).with_code("store-degraded"),
            StepError::LetGo => let_go(),
        })?;
        // Written, but whoever asked may have been let go meanwhile: it must not send.
        self.check_open()
    }

    async fn checkpoint(&self, checkpoint: abi::Checkpoint) -> Result<(), DriverError> {
        let abi::Checkpoint { stage, remote_id, state } = checkpoint;
        if remote_id.len() + state.len() > MAX_STATE {
            return Err(DriverError::new(ErrorKind::LIMIT, format!("a checkpoint has at most {MAX_STATE} bytes")));
        }
        let state = match state.is_empty() {
            true => serde_json::Value::Null,
            false => J::from_text(state).decode()?,
        };
        self.step(Step::Reached(Checkpoint {
            stage: stage.0,
            remote_id: remote_id.into(),
            state,
            backend: self.backend.clone(),
            boot: self.boot(),
            at_ms: now_ms(),
            moment: Moment::now(),
            noted: Some(Instant::now()),
        }))
        .await
    }

    /// The boot of the life in which the run began, also when it became known only later.
    fn boot(&self) -> Option<String> {
        let now = self.now.borrow();
        let same = now.as_ref().filter(|now| now.epoch == self.epoch);
        same.map_or_else(|| self.boot.clone(), |now| now.boot.clone())
    }

    async fn append(&self, bytes: &[u8]) -> Result<(), DriverError> {
        self.job.text.append(bytes).await?;
        self.job.news.touch();
        Ok(())
    }
}

impl JobPort for Port {
    fn emit(&self, event: Event) -> bool {
        let parts = self.parts();
        let taken = guard::catch(move || {
            let is_open = parts.is_open();
            if is_open {
                parts.job.news.take(event);
            }
            is_open
        });
        taken.unwrap_or(false)
    }

    fn append(&self, bytes: RVec<u8>) -> Fut<()> {
        self.on_host(|parts| async move {
            let io = parts.room.io.clone();
            // Half a piece of text would be worse than one too many.
            let writing = io.spawn(async move { parts.append(&bytes).await });
            writing.await.unwrap_or_else(|error| Err(fault(error.to_string())))
        })
    }

    fn checkpoint(&self, checkpoint: abi::Checkpoint) -> Fut<()> {
        self.on_host(|parts| async move { parts.checkpoint(checkpoint).await })
    }

    fn download(&self, request: HttpRequest, meta: J<ResultMeta>) -> Fut<J<Saved>> {
        self.on_host(|parts| async move {
            let saved = saving::download(&parts, request, &meta.decode()?).await?;
            J::encode(&saved)
        })
    }

    fn put(&self, meta: J<ResultMeta>, body: Body) -> Fut<J<Saved>> {
        self.on_host(|parts| async move {
            let readable = |kind| matches!(kind, SegmentKind::BYTES | SegmentKind::FILE);
            if let Some(other) = body.iter().find(|segment| !readable(segment.kind)) {
                return Err(DriverError::unsupported(&format!("a result out of {:?}", other.kind)));
            }
            let saved = saving::put(&parts, &meta.decode()?, body).await?;
            J::encode(&saved)
        })
    }

    fn derive(&self, recipe: J<Recipe>) -> Fut<J<Saved>> {
        self.on_host(|parts| async move {
            let saved = saving::derive(&parts, recipe.decode()?).await?;
            J::encode(&saved)
        })
    }

    fn cancelled(&self) -> FfiFuture<()> {
        let parts = self.parts();
        Wall::of_host().signal(async move {
            parts.job.cancelled().await;
        })
    }

    fn is_cancelled(&self) -> bool {
        let parts = self.parts();
        guard::catch(move || parts.job.is_cancelled()).unwrap_or(false)
    }
}

/// A task that is aborted when nobody waits for it.
struct Aborting<T>(JoinHandle<T>);

impl<T> Drop for Aborting<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub(super) fn fault(text: String) -> DriverError {
    DriverError::new(ErrorKind::HOST, text)
}

fn cancelled() -> DriverError {
    DriverError::new(ErrorKind::CANCELLED, "the job was cancelled").without_effect()
}

fn let_go() -> DriverError {
    DriverError::new(ErrorKind::CANCELLED, "the host has let this run go")
}

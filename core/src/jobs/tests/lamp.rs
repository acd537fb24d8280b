//! A scripted backend: a test is told of every run and plays the driver.

use super::bench::{settle, within};
use crate::{
    jobs::runner::{Downloading, Runner, Running},
    transport::Downloaded,
};
use futures_util::FutureExt as _;
use mdd_driver_api::{
    DriverError, ErrorKind, Stage,
    abi::{self, Event, EventKind, HttpRequest, J, JobPortArc, RString, RVec, Segment},
    model::{Attempt, Outcome, OutcomeStatus, Recipe, ResultMeta, Saved},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::{Notify, mpsc, oneshot};

/// A connected backend.
pub(super) struct Lamp {
    pub(super) backend: String,
    pub(super) instance: u64,
    pub(super) slots: Option<u32>,
    pub(super) load: u32,
    pub(super) runner: Arc<Scripted>,
    pub(super) runs: Runs,
}

/// The runs that a test was not told of yet.
pub(super) type Runs = tokio::sync::Mutex<mpsc::UnboundedReceiver<Run>>;

impl Lamp {
    /// The next run of a job.
    pub(super) async fn run(&self) -> Run {
        within(self.next_run()).await
    }

    /// The same, however long it takes.
    pub(super) async fn next_run(&self) -> Run {
        self.runs.lock().await.recv().await.unwrap()
    }

    /// Whether no job comes without further ado.
    pub(super) async fn is_idle(&self) -> bool {
        settle().await;
        self.runs.lock().await.recv().now_or_never().is_none()
    }
}

/// What a test has to say of a backend's driver.
pub(super) struct Scripted {
    runs: mpsc::UnboundedSender<Run>,
    pub(super) files: Mutex<BTreeMap<String, PathBuf>>,
    /// Bodies of answers, by target.
    pub(super) bodies: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl Scripted {
    pub(super) fn new() -> (Arc<Self>, Runs) {
        let (sender, runs) = mpsc::unbounded_channel();
        (Arc::new(Self { runs: sender, files: Mutex::default(), bodies: Mutex::default() }), runs.into())
    }

    /// The service has something to download.
    pub(super) fn serve(&self, target: &str, body: &str) {
        self.bodies.lock().unwrap().insert(target.to_owned(), body.as_bytes().to_vec());
    }
}

impl Runner for Scripted {
    fn run(&self, attempt: &Attempt, port: JobPortArc) -> Running {
        let (end, ended) = oneshot::channel();
        let gone = Arc::new((AtomicBool::new(false), Notify::new()));
        let running = InRun(gone.clone());
        // A test that does not ask any more lets it run for ever.
        let _unasked = self.runs.send(Run { attempt: attempt.clone(), port, end, gone });
        Box::pin(async move {
            let _running = running;
            match ended.await {
                Ok(result) => result,
                Err(_) => std::future::pending().await,
            }
        })
    }

    fn offer(&self, handle: &str, path: &Path) {
        self.files.lock().unwrap().insert(handle.to_owned(), path.to_owned());
    }

    fn withdraw(&self, handle: &str) {
        self.files.lock().unwrap().remove(handle);
    }

    fn download(&self, request: HttpRequest, mut to: File, max_bytes: u64) -> Downloading {
        let body = self.bodies.lock().unwrap().get(request.target.as_str()).cloned();
        Box::pin(async move {
            let body = body.ok_or_else(|| DriverError::new(ErrorKind::REJECTED, "HTTP 404").with_status(404))?;
            assert!(body.len() as u64 <= max_bytes);
            to.write_all(&body).unwrap();
            let sha256 = crate::jobs::folder::hex(&Sha256::digest(&body));
            Ok(Downloaded { bytes: body.len() as u64, sha256 })
        })
    }
}

struct InRun(Arc<(AtomicBool, Notify)>);

impl Drop for InRun {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::SeqCst);
        self.0.1.notify_one();
    }
}

/// A run, seen from the driver.
pub(super) struct Run {
    pub(super) attempt: Attempt,
    pub(super) port: JobPortArc,
    end: oneshot::Sender<Result<Outcome, DriverError>>,
    gone: Arc<(AtomicBool, Notify)>,
}

impl Run {
    pub(super) async fn checkpoint(&self, stage: Stage, state: &str) -> Result<(), DriverError> {
        let state = RString::from(json!(state).to_string());
        self.port.checkpoint(abi::Checkpoint { stage, remote_id: "remote".into(), state }).await.into_result()
    }

    pub(super) async fn append(&self, text: &str) -> Result<(), DriverError> {
        self.port.append(RVec::from(text.as_bytes().to_vec())).await.into_result()
    }

    pub(super) fn progress(&self, step: f64) -> bool {
        self.emit(EventKind::PROGRESS, step, "\"KSampler\"", Vec::new())
    }

    pub(super) fn preview(&self, bytes: &str) -> bool {
        self.emit(EventKind::PREVIEW, 0.0, "\"image/png\"", bytes.as_bytes().to_vec())
    }

    pub(super) fn emit(&self, kind: EventKind, step: f64, payload: &str, blob: Vec<u8>) -> bool {
        self.port.emit(Event { kind, step, total: 20.0, payload: payload.into(), blob: blob.into() })
    }

    pub(super) async fn put(&self, name: &str, segments: Vec<Segment>) -> Result<Saved, DriverError> {
        let meta = J::encode(&ResultMeta::new(name, "image"))?;
        self.port.put(meta, segments.into()).await.into_result()?.decode()
    }

    pub(super) async fn derive(&self, recipe: &Recipe) -> Result<Saved, DriverError> {
        self.port.derive(J::encode(recipe)?).await.into_result()?.decode()
    }

    pub(super) async fn download(&self, target: &str, name: &str) -> Result<Saved, DriverError> {
        let request = HttpRequest {
            method: "GET".into(),
            target: target.into(),
            headers: RVec::new(),
            body: RVec::new(),
            head_ms: 0,
            idle_ms: 0,
            total_ms: 0,
            max_bytes: 0,
            ext: RString::new(),
        };
        let meta = J::encode(&ResultMeta::new(name, "image"))?;
        self.port.download(request, meta).await.into_result()?.decode()
    }

    /// Stage and state of the checkpoint that it began with, and whether the service still ran as then.
    pub(super) fn resumed(&self) -> Option<(Stage, Value, Option<bool>)> {
        let resume = self.attempt.checkpoint.as_ref()?;
        Some((Stage(resume.stage), resume.state.clone(), resume.same_boot))
    }

    pub(super) fn is_over(&self) -> bool {
        self.gone.0.load(Ordering::SeqCst)
    }

    /// Resolves when the host has dropped the run.
    pub(super) async fn dropped(&self) {
        within(async {
            while !self.is_over() {
                self.gone.1.notified().await;
            }
        })
        .await;
    }

    pub(super) fn end(self, status: OutcomeStatus) {
        self.end_with(Ok(Outcome::new(status)));
    }

    pub(super) fn fail(self, kind: ErrorKind, text: &str) {
        self.end_with(Err(DriverError::new(kind, text)));
    }

    pub(super) fn end_with(self, result: Result<Outcome, DriverError>) {
        assert!(self.try_end(result), "the host has let it go");
    }

    /// False when the host has let it go.
    pub(super) fn try_end(self, result: Result<Outcome, DriverError>) -> bool {
        self.end.send(result).is_ok()
    }
}

//! A room with scripted backends: a test is told of every run and plays the driver.

use crate::{
    events::{Bus, JobState, JobView},
    jobs::{
        FileSource, Jobs, Journal, JournalError, Limits, Memory, Record, Setup, Submission, Target, Written,
        dispatch::Report,
        record::Course,
        runner::{Downloading, Runner, Running},
    },
    transport::Downloaded,
};
use futures_util::{FutureExt as _, future::BoxFuture};
use mdd_driver_api::{
    DriverError, ErrorKind, Stage,
    abi::{self, Event, EventKind, HttpRequest, J, JobPortArc, RString, RVec, Segment},
    manifest::Declaration,
    model::{Attempt, Outcome, OutcomeStatus, ResultMeta, Saved},
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
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Notify, mpsc, oneshot};

/// Nothing takes longer. The clock of these tests is paused, so that this is no time at all.
const LONG: Duration = Duration::from_secs(3600);

/// A kind that takes any payload and any files.
pub(super) fn lamp() -> Declaration {
    serde_json::from_value(json!({
        "kind": "lamp",
        "title": "Lamp",
        "operations": {"shine": {"parameters": {"type": "object"}, "files": ["*"], "results": ["image"]}},
        "errors": {"lamp.dark": {"meaning": "No bulb."}},
    }))
    .unwrap()
}

/// A room and its surroundings.
pub(super) struct Bench {
    pub(super) jobs: Jobs,
    pub(super) bus: Arc<Bus>,
    pub(super) journal: Arc<Flaky>,
    pub(super) state: Arc<tempfile::TempDir>,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with(Arc::default(), Arc::new(tempfile::tempdir().unwrap()))
    }

    fn with(journal: Arc<Flaky>, state: Arc<tempfile::TempDir>) -> Self {
        let bus = Arc::new(Bus::default());
        let random = AtomicU64::new(0);
        let jobs = Jobs::start(Setup {
            folder: state.path().join("jobs"),
            bus: bus.clone(),
            journal: journal.clone(),
            declarations: vec![lamp()],
            random: Box::new(move || random.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst)),
            limits: Limits::default(),
        });
        Self { jobs, bus, journal, state }
    }

    /// Ends the process and begins the next one with the same journal and folder.
    pub(super) fn restart(self) -> Self {
        self.jobs.close();
        Self::with(self.journal.clone(), self.state.clone())
    }

    /// Connects a backend that takes so many jobs at once.
    pub(super) fn connect(&self, backend: &str, slots: u32) -> Lamp {
        self.connect_as(backend, Some(slots), None, 0)
    }

    /// The same with everything that a supervisor may tell.
    pub(super) fn connect_as(&self, backend: &str, slots: Option<u32>, boot: Option<&str>, load: u32) -> Lamp {
        let (sender, runs) = mpsc::unbounded_channel();
        let runner = Arc::new(Scripted { runs: sender, files: Mutex::default(), bodies: Mutex::default() });
        let instance = self.jobs.0.next_instance();
        let lamp = Lamp { backend: backend.to_owned(), instance, slots, load, runner, runs: runs.into() };
        self.tell(&lamp, boot);
        lamp
    }

    /// Tells of the same driver's object again.
    pub(super) fn tell(&self, lamp: &Lamp, boot: Option<&str>) {
        let report = Report {
            runner: Some(lamp.runner.clone()),
            instance: lamp.instance,
            slots: lamp.slots,
            boot: boot.map(str::to_owned),
            load: lamp.load,
        };
        self.jobs.0.dispatcher.update(&lamp.backend, "lamp", report);
    }

    /// The backend is not connected any more.
    pub(super) fn disconnect(&self, lamp: &Lamp) {
        let report = Report { runner: None, instance: lamp.instance, slots: None, boot: None, load: 0 };
        self.jobs.0.dispatcher.update(&lamp.backend, "lamp", report);
    }

    /// Submits a job for any lamp.
    pub(super) async fn submit(&self, id: &str) -> JobView {
        self.jobs.submit(submission(id)).await.unwrap()
    }

    /// Resolves when the job is as wanted.
    pub(super) async fn until(&self, id: &str, wanted: impl Fn(&JobView) -> bool) -> JobView {
        let mut changes = self.bus.changes();
        within(async {
            loop {
                match self.jobs.show(id) {
                    Some(view) if wanted(&view) => return view,
                    _ => assert!(changes.next().await),
                }
            }
        })
        .await
    }

    pub(super) async fn over(&self, id: &str) -> JobView {
        within(self.jobs.wait(id)).await.unwrap()
    }

    pub(super) fn state(&self, id: &str) -> JobState {
        self.jobs.show(id).unwrap().state
    }

    pub(super) fn folder(&self, id: &str) -> PathBuf {
        PathBuf::from(self.jobs.show(id).unwrap().folder)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.jobs.close();
    }
}

pub(super) fn submission(id: &str) -> Submission {
    Submission {
        id: id.to_owned(),
        target: Target::Kind("lamp".to_owned()),
        operation: None,
        payload: json!({}),
        files: Vec::new(),
    }
}

pub(super) fn file(name: &str, path: &Path) -> FileSource {
    FileSource { name: name.to_owned(), path: path.to_owned() }
}

/// Runs `work`, which must come to an end.
pub(super) async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, work).await.expect("it comes to an end")
}

/// Lets everything happen that needs no time to pass.
pub(super) async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// A connected backend.
pub(super) struct Lamp {
    backend: String,
    instance: u64,
    slots: Option<u32>,
    load: u32,
    pub(super) runner: Arc<Scripted>,
    runs: tokio::sync::Mutex<mpsc::UnboundedReceiver<Run>>,
}

impl Lamp {
    /// The next run of a job.
    pub(super) async fn run(&self) -> Run {
        within(async { self.runs.lock().await.recv().await.unwrap() }).await
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
        self.runs.send(Run { attempt: attempt.clone(), port, end, gone }).ok().unwrap();
        Box::pin(async move {
            let _running = running;
            ended.await.unwrap()
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
        self.end.send(result).ok().unwrap();
    }
}

/// A journal in memory that can be told to fail.
#[derive(Default)]
pub(super) struct Flaky {
    inner: Memory,
    pub(super) fails: AtomicBool,
}

impl Flaky {
    fn checked(&self) -> Result<(), JournalError> {
        match self.fails.load(Ordering::SeqCst) {
            true => Err(JournalError("no space left on device".to_owned())),
            false => Ok(()),
        }
    }

    pub(super) async fn record(&self, id: &str) -> Option<Record> {
        self.inner.load().await.unwrap().into_iter().find(|record| record.ticket.id == id)
    }
}

impl Journal for Flaky {
    fn load(&self) -> BoxFuture<'_, Result<Vec<Record>, JournalError>> {
        Box::pin(async {
            self.checked()?;
            self.inner.load().await
        })
    }

    fn admit<'a>(&'a self, record: &'a Record) -> Written<'a> {
        Box::pin(async {
            self.checked()?;
            self.inner.admit(record).await
        })
    }

    fn note<'a>(&'a self, id: &'a str, course: &'a Course) -> Written<'a> {
        Box::pin(async {
            self.checked()?;
            self.inner.note(id, course).await
        })
    }

    fn forget<'a>(&'a self, id: &'a str) -> Written<'a> {
        Box::pin(async {
            self.checked()?;
            self.inner.forget(id).await
        })
    }
}

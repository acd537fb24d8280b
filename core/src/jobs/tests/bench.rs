//! A room with scripted backends: a test is told of every run and plays the driver.

use super::{
    flaky::Flaky,
    lamp::{Lamp, Scripted},
};
use crate::{
    events::{Bus, JobState, JobView},
    jobs::{FileSource, Jobs, Limits, Setup, Submission, Target, dispatch::Report},
};
use mdd_driver_api::manifest::Declaration;
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

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
        let (runner, runs) = Scripted::new();
        let instance = self.jobs.0.next_instance();
        let lamp = Lamp { backend: backend.to_owned(), instance, slots, load, runner, runs };
        self.tell(&lamp, boot);
        lamp
    }

    /// Tells of the same driver's object again.
    pub(super) fn tell(&self, lamp: &Lamp, boot: Option<&str>) {
        let report = Report {
            runner: Some(lamp.runner.clone()),
            instance: lamp.instance,
            answers: true,
            slots: lamp.slots,
            boot: boot.map(str::to_owned),
            load: lamp.load,
            is_idle: Some(lamp.load == 0),
        };
        self.jobs.0.dispatcher.update(&lamp.backend, "lamp", report);
    }

    /// The backend is not connected any more.
    pub(super) fn disconnect(&self, lamp: &Lamp) {
        let report = Report {
            runner: None,
            instance: lamp.instance,
            answers: false,
            slots: None,
            boot: None,
            load: 0,
            is_idle: None,
        };
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

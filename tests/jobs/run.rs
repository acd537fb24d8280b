//! One attempt at a job, run as the host runs it.

use crate::{
    PATIENCE,
    port::{Noted, Port},
};
use mdd_driver_api::{
    DriverError, Stage,
    model::{Attempt, JobFile, Outcome, Resume},
};
use mdd_tests::{Subject, noted, provoked};
use serde_json::Value;
use std::{
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};
use tokio::{task::JoinHandle, time::timeout};

/// An attempt with the id that nobody else in this process has.
pub(crate) fn attempt(operation: &str, payload: Value) -> Attempt {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let mut attempt = Attempt::default();
    attempt.job = format!("job-{number}");
    attempt.attempt = format!("{number:08x}-1111-4111-8111-111111111111");
    attempt.operation = operation.to_owned();
    attempt.payload = payload;
    attempt
}

/// A run in the background.
pub(crate) struct Run {
    pub(crate) attempt: Attempt,
    pub(crate) port: Port,
    task: JoinHandle<Result<Outcome, DriverError>>,
}

impl Run {
    pub(crate) fn start(subject: &Subject, attempt: Attempt) -> Self {
        Self::hooked(subject, attempt, |_| Ok(()))
    }

    /// With what a checkpoint meets.
    pub(crate) fn hooked(
        subject: &Subject,
        attempt: Attempt,
        hook: impl Fn(Stage) -> Result<(), DriverError> + Send + Sync + 'static,
    ) -> Self {
        let port = Port::new(&subject.transport, subject.instance.policy(), Box::new(hook));
        Self::on(port, subject, attempt)
    }

    /// Cancelled before it began.
    pub(crate) fn cancelled(subject: &Subject, attempt: Attempt) -> Self {
        let port = Port::new(&subject.transport, subject.instance.policy(), Box::new(|_| Ok(())));
        port.cancel();
        Self::on(port, subject, attempt)
    }

    /// No checkpoint is written until the port is released.
    pub(crate) fn held(subject: &Subject, attempt: Attempt) -> Self {
        let port = Port::new(&subject.transport, subject.instance.policy(), Box::new(|_| Ok(())));
        port.hold();
        Self::on(port, subject, attempt)
    }

    fn on(port: Port, subject: &Subject, attempt: Attempt) -> Self {
        let task = tokio::spawn(subject.instance.run(&attempt, port.object()));
        Self { attempt, port, task }
    }

    /// Its end.
    pub(crate) async fn end(self) -> Result<Outcome, DriverError> {
        let Self { port, task, .. } = self;
        let end = timeout(PATIENCE, task).await;
        let end = end.unwrap_or_else(|_| panic!("it did not end in time: {:?}", port.notes())).expect("it is no panic");
        if let Ok(outcome) = &end {
            outcome.problem.iter().for_each(|problem| provoked::code(&problem.code));
        }
        noted(end)
    }

    /// The outcome, with what was told.
    pub(crate) async fn outcome(self) -> (Outcome, Port) {
        let port = self.port.clone();
        (self.end().await.unwrap(), port)
    }

    pub(crate) async fn error(self) -> DriverError {
        self.end().await.unwrap_err()
    }

    /// Lets go of it in the middle, as a host does that ends.
    pub(crate) async fn detach(self) -> Attempt {
        self.task.abort();
        let _gone = self.task.await;
        self.attempt
    }
}

/// The same attempt from a checkpoint on.
pub(crate) fn resumed(mut attempt: Attempt, noted: &Noted, same_boot: Option<bool>) -> Attempt {
    attempt.checkpoint = Some(noted.resume(same_boot));
    attempt
}

/// The same attempt from a checkpoint that nobody has seen being written.
pub(crate) fn resumed_at(
    mut attempt: Attempt,
    stage: Stage,
    state: Value,
    age_ms: u64,
    same_boot: Option<bool>,
) -> Attempt {
    let mut resume = Resume::default();
    resume.stage = stage.0;
    resume.remote_id.clone_from(&attempt.attempt);
    (resume.state, resume.age_ms, resume.same_boot) = (state, age_ms, same_boot);
    attempt.checkpoint = Some(resume);
    attempt
}

/// Adds a file of the job, which is written below `folder`.
pub(crate) fn add_file(subject: &Subject, folder: &Path, attempt: &mut Attempt, name: &str, bytes: &[u8]) {
    let path = folder.join(format!("{}-{name}", attempt.job));
    std::fs::write(&path, bytes).unwrap();
    let mut file = JobFile::default();
    file.name = name.to_owned();
    file.handle = format!("{}/{name}", attempt.attempt);
    file.bytes = bytes.len() as u64;
    file.media_type = "image/png".to_owned();
    subject.instance.policy().add_file(file.handle.as_str(), path);
    attempt.files.push(file);
}

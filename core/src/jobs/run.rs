//! One run of a job: what its driver is told, and what is open for it meanwhile.

use super::{
    job::Job,
    record::{Course, FileRecord},
    room::Room,
    runner::Runner,
    saving::Saving,
};
use mdd_driver_api::model::{Attempt, JobFile, Resume};
use std::sync::Arc;

/// What the driver is told.
pub(super) fn attempt(job: &Job, course: &Course, backend: &str, boot: Option<&str>) -> Attempt {
    let mut attempt = Attempt::default();
    attempt.job.clone_from(&job.ticket.id);
    attempt.attempt.clone_from(&course.attempt_id);
    attempt.operation.clone_from(&job.ticket.operation);
    attempt.payload.clone_from(&job.ticket.payload);
    let file = |record: &FileRecord| {
        let mut file = JobFile::default();
        file.name.clone_from(&record.name);
        file.handle = job.handle(record);
        file.bytes = record.bytes;
        file.media_type.clone_from(&record.media_type);
        file.sha256.clone_from(&record.sha256);
        file
    };
    attempt.files = job.ticket.files.iter().map(file).collect();
    // What was prepared on one backend is nothing to another.
    let checkpoint = course.checkpoint.as_ref().filter(|checkpoint| checkpoint.backend == backend);
    attempt.checkpoint = checkpoint.map(|checkpoint| {
        let mut resume = Resume::default();
        resume.stage = checkpoint.stage;
        resume.remote_id.clone_from(&checkpoint.remote_id);
        resume.state.clone_from(&checkpoint.state);
        resume.age_ms = u64::try_from(checkpoint.age().as_millis()).unwrap_or(u64::MAX);
        resume.same_boot = checkpoint.same_boot(boot);
        resume
    });
    attempt
}

/// What a run needs while it is open. Dropping it lets the run go.
pub(super) struct OpenRun {
    job: Arc<Job>,
    runner: Arc<dyn Runner>,
    /// Its number.
    pub(super) run: u64,
    /// What it has saved so far.
    pub(super) saving: Arc<Saving>,
}

impl OpenRun {
    pub(super) fn new(room: &Room, job: &Arc<Job>, runner: &Arc<dyn Runner>, backend: &str) -> Self {
        for file in &job.ticket.files {
            runner.offer(&job.handle(file), &job.folder.files().join(&file.file));
        }
        let run = job.open_run(&room.bus, backend);
        Self { run, job: job.clone(), runner: runner.clone(), saving: Arc::default() }
    }
}

impl Drop for OpenRun {
    fn drop(&mut self) {
        self.job.close_run(self.run);
        for file in &self.job.ticket.files {
            self.runner.withdraw(&self.job.handle(file));
        }
        self.saving.offers.close(self.runner.as_ref());
    }
}

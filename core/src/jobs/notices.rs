//! Tells people which jobs have ended: one sentence for one job, and one sentence for many that end together.

use super::declarations::Declarations;
use crate::events::{Bus, JobState, JobView, Notice, NoticeSeverity};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};
use tokio::{sync::Notify, time::sleep};

/// Jobs that end within this time are told of together.
const TOGETHER: Duration = Duration::from_secs(1);

/// Jobs that have ended and were not told of.
pub(super) struct Notices {
    bus: Arc<Bus>,
    declarations: Arc<Declarations>,
    ended: Mutex<Vec<JobView>>,
    fresh: Notify,
}

impl Notices {
    pub(super) fn new(bus: Arc<Bus>, declarations: Arc<Declarations>) -> Self {
        Self { bus, declarations, ended: Mutex::default(), fresh: Notify::new() }
    }

    /// A job is over. Whoever cancelled it knows.
    pub(super) fn ended(&self, job: JobView) {
        if job.state != JobState::Cancelled {
            self.ended.lock().unwrap_or_else(PoisonError::into_inner).push(job);
            self.fresh.notify_one();
        }
    }

    /// Tells of what ends.
    pub(super) async fn run(&self) {
        loop {
            self.fresh.notified().await;
            sleep(TOGETHER).await;
            let ended = std::mem::take(&mut *self.ended.lock().unwrap_or_else(PoisonError::into_inner));
            for (kind, jobs) in by_kind(ended) {
                self.bus.notify(Notice {
                    at: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
                    severity: jobs.iter().map(|job| severity(job.state)).max().unwrap_or_default(),
                    backend: backend_of(&jobs),
                    text: format!("{}: {}", self.declarations.of(&kind).title, sentence(&jobs)),
                });
            }
        }
    }
}

fn by_kind(jobs: Vec<JobView>) -> BTreeMap<String, Vec<JobView>> {
    let mut kinds: BTreeMap<String, Vec<JobView>> = BTreeMap::new();
    for job in jobs {
        kinds.entry(job.kind.clone()).or_default().push(job);
    }
    kinds
}

/// The backend of all of them, if it is one.
fn backend_of(jobs: &[JobView]) -> Option<String> {
    let first = jobs.first()?.backend.clone();
    first.filter(|first| jobs.iter().all(|job| job.backend.as_ref() == Some(first)))
}

fn sentence(jobs: &[JobView]) -> String {
    if let [job] = jobs {
        let why = job.reason.as_ref().map(|reason| format!(": {}", reason.observation)).unwrap_or_default();
        return format!("job {} {}{why}", job.id, words(job.state));
    }
    let mut counts: Vec<(JobState, usize)> = Vec::new();
    for job in jobs {
        match counts.iter_mut().find(|(state, _)| *state == job.state) {
            Some((_, count)) => *count += 1,
            None => counts.push((job.state, 1)),
        }
    }
    let parts: Vec<String> = counts.into_iter().map(|(state, count)| format!("{count} {}", words(state))).collect();
    format!("{} jobs: {}", jobs.len(), parts.join(", "))
}

fn severity(state: JobState) -> NoticeSeverity {
    match state {
        JobState::Failed | JobState::Lost | JobState::Held => NoticeSeverity::Problem,
        JobState::Unknown => NoticeSeverity::Attention,
        JobState::Done
        | JobState::Cancelled
        | JobState::Queued
        | JobState::Submitting
        | JobState::Running
        | JobState::Fetching => NoticeSeverity::Info,
    }
}

fn words(state: JobState) -> &'static str {
    match state {
        JobState::Done => "done",
        JobState::Failed => "failed",
        JobState::Cancelled => "cancelled",
        JobState::Lost => "lost",
        JobState::Unknown => "of unknown outcome",
        JobState::Held => "held",
        JobState::Queued | JobState::Submitting | JobState::Running | JobState::Fetching => "open",
    }
}

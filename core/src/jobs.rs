//! Jobs: accepted once, sent to a backend that is connected and has room, carried by its driver, and never forgotten.
//!
//! A job goes through `admission`, where it gets a folder and an entry in the [`Journal`]. From then on one task, its
//! `carrier`, waits for a slot of the `dispatch`er, runs the driver with a `port` for that run, and reads from the
//! `verdict` what its end means. `course` is the state machine: every step is durable before it is announced.

#![forbid(unsafe_code)]

mod admission;
mod carrier;
mod course;
mod declarations;
mod dispatch;
mod error;
mod folder;
mod job;
mod journal;
mod left;
mod machine;
mod media;
mod names;
mod news;
mod notices;
mod offers;
mod pace;
mod port;
pub mod recipes;
mod record;
mod retention;
mod room;
mod run;
mod runner;
mod saving;
mod schema;
mod store;
mod submission;
mod text;
mod verdict;
mod view;
mod waiting;

pub use error::JobError;
pub use journal::{Condition, Journal, JournalError, Memory, SetAside, Sqlite, Written};
pub use left::left_in;
pub use machine::Moment;
pub use record::{Checkpoint, Course, FileRecord, Record, SavedResult, Ticket};
pub use retention::Retention;
pub(crate) use schema::at as check_schema;
pub use submission::{FileSource, Submission, SubmitError, Target};

use crate::{
    connection::Link,
    events::{Bus, JobState, JobView},
    transport::Transport,
};
use course::Step;
use dispatch::Report;
use job::{Job, StepError};
use mdd_driver_api::manifest::Declaration;
use room::Room;
use runner::{Driven, Runner};
use std::{io, path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::watch;

/// What jobs are started with.
pub struct Setup {
    /// Where the folders of jobs are.
    pub folder: PathBuf,
    /// Where views go.
    pub bus: Arc<Bus>,
    /// Where jobs are written down.
    pub journal: Arc<dyn Journal>,
    /// What the kinds declare.
    pub declarations: Vec<Declaration>,
    /// Random numbers, uniform over all of `u64`.
    pub random: Box<dyn Fn() -> u64 + Send + Sync>,
    /// What a job may take.
    pub limits: Limits,
}

/// What a job may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest result, in bytes.
    pub result_bytes: u64,
    /// How long a job that was sent may take to end after it was cancelled.
    pub cancel_grace: Duration,
    /// How long a service that does not tell may go on with work that nobody wants any more.
    pub linger: Duration,
    /// How long jobs that are over are kept.
    pub retention: Retention,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            result_bytes: 8 << 30,
            cancel_grace: Duration::from_secs(10),
            linger: Duration::from_secs(300),
            retention: Retention::default(),
        }
    }
}

/// All jobs of a host. Cloning is cheap; [`close`](Self::close) ends them.
#[derive(Clone)]
pub struct Jobs(Arc<Room>);

impl Jobs {
    /// Starts to carry jobs, those of the journal first. Needs a tokio runtime, on which everything runs.
    pub fn start(setup: Setup) -> Self {
        Self(Room::new(setup))
    }

    /// Lets jobs go to a backend, as long as its supervisor lives.
    pub fn follow(&self, backend: &str, kind: &str, mut link: watch::Receiver<Link>, transport: &Transport) {
        let (room, transport) = (self.0.clone(), transport.clone());
        let (backend, kind) = (backend.to_owned(), kind.to_owned());
        self.0.spawn(async move {
            let mut last = Link::default();
            let mut instance = 0;
            loop {
                let next = link.borrow_and_update().clone();
                let is_same = match (&last.instance, &next.instance) {
                    (Some(last), Some(next)) => Arc::ptr_eq(last, next),
                    (None, _) | (_, None) => false,
                };
                if !is_same {
                    instance = room.next_instance();
                }
                room.dispatcher.update(&backend, &kind, report(&next, instance, &transport));
                // Holding on to it keeps its address from being that of the next one.
                last = next;
                if link.changed().await.is_err() {
                    return room.dispatcher.leave(&backend, instance);
                }
            }
        });
    }

    /// The kinds from now on: drivers come and go while a host runs.
    pub fn declare(&self, declarations: impl IntoIterator<Item = Declaration>) {
        self.0.declarations.set(declarations);
    }

    /// Lets jobs for a kind go to this backend when it can take them, or to whichever has the least to do.
    pub fn prefer(&self, kind: &str, backend: Option<String>) {
        self.0.dispatcher.prefer(kind, backend);
    }

    /// How long jobs that are over are kept from now on.
    pub fn keep(&self, retention: Retention) {
        self.0.retention.send_if_modified(|known| std::mem::replace(known, retention) != retention);
    }

    /// Jobs that a connected backend has.
    pub fn under_way(&self, backend: &str) -> u32 {
        self.0.dispatcher.under_way(backend)
    }

    /// Gives a backend no more jobs, or again; what it has it finishes.
    pub fn drain(&self, backend: &str, drains: bool) {
        self.0.dispatcher.drain(backend, drains);
    }

    /// Accepts a job once it is durable, and says how it stands. The same submission again is the same job.
    ///
    /// # Errors
    /// Whatever is wrong with the submission; nothing of it is kept then.
    pub async fn submit(&self, submission: Submission) -> Result<JobView, SubmitError> {
        if self.0.is_closed() {
            return Err(SubmitError::Closed);
        }
        Ok(admission::submit(&self.0, submission).await?.view())
    }

    /// Resolves once the jobs of earlier processes are known.
    ///
    /// # Errors
    /// They cannot be read now.
    pub async fn restored(&self) -> Result<(), JobError> {
        Ok(self.0.restored().await?)
    }

    /// Every job, in the order of submission.
    pub fn list(&self) -> Vec<JobView> {
        let mut jobs = self.0.all();
        jobs.sort_by_key(|job| job.ticket.number);
        jobs.iter().map(|job| job.view()).collect()
    }

    /// How many jobs are not over.
    pub fn open_count(&self) -> usize {
        self.0.all().iter().filter(|job| !job.is_over()).count()
    }

    /// One job as it is now.
    pub fn show(&self, id: &str) -> Option<JobView> {
        self.0.job(id).map(|job| job.view())
    }

    /// Resolves once the job is over.
    ///
    /// # Errors
    /// No such job.
    pub async fn wait(&self, id: &str) -> Result<JobView, JobError> {
        Ok(self.job(id).await?.over().await)
    }

    /// Cancels a job and waits until it is over: at once when it was never sent, else when its driver says so or the
    /// grace has passed. Dropping the future does not take it back. A job that is over stays as it is.
    ///
    /// # Errors
    /// No such job.
    pub async fn cancel(&self, id: &str) -> Result<JobView, JobError> {
        let job = self.job(id).await?;
        if !job.is_over() {
            job.set_cancelled(true);
            job.nudge.notify_waiters();
            match job.step(&self.0, None, Step::CancelAsked).await {
                Ok(_) | Err(StepError::Misstep(_) | StepError::LetGo) => {}
                // It is cancelled all the same; only another process would not know.
                Err(StepError::Journal(error)) => tracing::warn!(job = id, %error, "a cancel is not durable"),
            }
        }
        Ok(job.over().await)
    }

    /// Tries at once what waits, and looks again at what is over without being done, from where it was left: whatever may
    /// have been sent is looked for and not sent again.
    ///
    /// # Errors
    /// No such job, or it is done.
    pub async fn retry(&self, id: &str) -> Result<JobView, JobError> {
        let job = self.job(id).await?;
        job.nudge.notify_waiters();
        if job.is_over() {
            self.reopen(&job, Step::Reopened).await?;
        }
        Ok(job.view())
    }

    /// Sends a job that is over without being done again, as another attempt.
    ///
    /// # Errors
    /// No such job, or it is open or done.
    pub async fn resubmit(&self, id: &str) -> Result<JobView, JobError> {
        let job = self.job(id).await?;
        if !job.is_over() {
            return Err(JobError::Open(id.to_owned()));
        }
        self.reopen(&job, Step::Resubmitted(self.0.uuid())).await?;
        Ok(job.view())
    }

    /// Forgets a job that is over. What it made stays in its folder, unless `results` says otherwise.
    ///
    /// # Errors
    /// No such job, or it is open; a folder that cannot be removed, when the job is already forgotten.
    pub async fn discard(&self, id: &str, results: bool) -> Result<(), JobError> {
        let job = self.job(id).await?;
        if !job.is_over() {
            return Err(JobError::Open(id.to_owned()));
        }
        self.0.journal.forget(id).await?;
        self.0.jobs().remove(id);
        self.0.bus.remove_job(id);
        let folder = job.folder.clone();
        let removing = tokio::task::spawn_blocking(move || folder.discard(results));
        removing.await.map_err(io::Error::other).flatten().map_err(JobError::Folder)
    }

    /// Ends everything: running jobs are detached, and nothing more is accepted.
    pub fn close(&self) {
        self.0.close();
    }

    async fn job(&self, id: &str) -> Result<Arc<Job>, JobError> {
        self.0.restored().await?;
        self.0.job(id).ok_or_else(|| JobError::Unknown(id.to_owned()))
    }

    async fn reopen(&self, job: &Arc<Job>, step: Step) -> Result<(), JobError> {
        if job.view().state == JobState::Done {
            return Err(JobError::Done(job.ticket.id.clone()));
        }
        let sends_again = matches!(step, Step::Resubmitted(_));
        job.set_cancelled(false);
        let course = match job.step(&self.0, None, step).await {
            Ok(course) => course,
            // Somebody else has reopened it.
            Err(StepError::Misstep(_) | StepError::LetGo) => return Ok(()),
            Err(StepError::Journal(error)) => return Err(error.into()),
        };
        if sends_again {
            job.clear_text(&self.0.bus).await;
        }
        self.0.carry(job.clone(), course.bound_to());
        Ok(())
    }
}

fn report(link: &Link, instance: u64, transport: &Transport) -> Report {
    let driven = link.instance.as_ref().map(|object| {
        let driven = Driven { instance: object.clone(), transport: transport.clone() };
        Arc::new(driven) as Arc<dyn Runner>
    });
    Report {
        runner: driven,
        instance,
        answers: link.answers,
        slots: link.inventory.as_ref().map(|inventory| inventory.slots),
        boot: link.boot.clone(),
        is_idle: link.queue.map(|queue| queue.running == 0 && queue.pending.unwrap_or(0) == 0),
        load: link.queue.map_or(0, |queue| queue.running + queue.pending.unwrap_or(0)),
    }
}

#[cfg(test)]
mod tests;

//! Two calls on one stream: the one that works, and the one that tells how far it is.

use super::{
    ABORT, PROCESS, STATUS,
    talk::{Talk, drain, says_nothing},
};
use mdd_driver_api::{DriverError, Either, ErrorKind, Job, Result, Stage, race};
use mdd_gradio::{
    course::{Course, Ending, Step},
    line::Line,
};
use serde_json::Value;
use std::time::Duration;

/// An abort that comes before the work has begun may be forgotten: it is a mark that the work clears when it begins.
const ABORT_AGAIN: Duration = Duration::from_secs(1);

/// A job that works.
pub(super) struct Working<'a> {
    talk: &'a Talk<'a>,
    job: &'a Job,
    line: Line,
    work: Course,
    status: Option<Course>,
}

impl<'a> Working<'a> {
    /// Starts to listen to work that was posted.
    pub(super) async fn listen(talk: &'a Talk<'a>, job: &'a Job, event: &str) -> Result<Self> {
        // Without it there is no progress, and the work goes on all the same.
        let status = match talk.function(STATUS) {
            Ok(function) => talk.session.join(function.index, &Talk::states(&function), None).await.ok(),
            Err(_) => None,
        };
        let line = talk.session.listen().await.map_err(says_nothing)?;
        let status = status.map(|event| Course::of(&event));
        Ok(Self { talk, job, line, work: Course::of(event), status })
    }

    /// Follows it to its end; a cancel is passed on until it is.
    pub(super) async fn follow(mut self, event: &str, state: &Value) -> Result<Ending> {
        let (talk, job) = (self.talk, self.job);
        let host = talk.app.host();
        let mut abort_at = None;
        loop {
            let step = match abort_at {
                None => match race(job.cancelled(), self.next()).await {
                    Either::First(()) => {
                        abort_at = Some(host.now());
                        continue;
                    }
                    Either::Second(step) => step?,
                },
                Some(at) => match race(host.sleep(at.saturating_sub(host.now())), self.next()).await {
                    Either::First(()) => {
                        abort(talk, job).await;
                        abort_at = Some(host.now() + ABORT_AGAIN);
                        continue;
                    }
                    Either::Second(step) => step?,
                },
            };
            match step {
                Step::Over(ending) => {
                    drain(self.talk.app.host(), self.line).await;
                    return Ok(ending);
                }
                Step::Started => self.job.checkpoint(Stage::RUNNING, event, state).await?,
                Step::Queued { place, length } => drop(self.job.queued(place, length)),
                Step::Progress(progress) => drop(self.job.progress(progress.step, progress.total, &progress.detail)),
                Step::Log(log) => drop(self.job.note(&log.in_words())),
                Step::Wanted => {}
            }
        }
    }

    /// The next word on either. Dropping the future loses none.
    async fn next(&mut self) -> Result<Step> {
        loop {
            let Some(message) = self.line.next().await.map_err(says_nothing)? else {
                return Ok(self.work.cut());
            };
            let status = self.status.as_ref().and_then(|course| course.take(message.clone()));
            // Only of its progress anything is wanted: it ends and fails by itself.
            if let Some(progress @ Step::Progress(_)) = status {
                return Ok(progress);
            }
            if let Some(step) = self.work.take(message) {
                return Ok(step);
            }
        }
    }
}

/// WanGP's own way: Gradio's would only end the stream, and leave the session marked as busy.
async fn abort(talk: &Talk<'_>, job: &Job) {
    let aborted = async {
        let function = talk.function(ABORT)?;
        talk.session.join(function.index, &Talk::states(&function), None).await
    };
    if let Err(error) = aborted.await {
        job.note(&format!("the job could not be stopped: {error}"));
    }
}

/// Posts the work: this is what starts it.
pub(super) async fn post(talk: &Talk<'_>) -> Result<String> {
    let function = talk.function(PROCESS)?;
    talk.session.join(function.index, &Talk::states(&function), None).await
}

/// An end that nobody can tell more of.
pub(super) fn lost(text: String) -> DriverError {
    DriverError::new(ErrorKind::TRANSPORT, text)
}

//! Carries a job. The server gives it an id and keeps it until it is restarted, whoever is connected meanwhile.

use super::{
    Mcp,
    snapshot::{End, Item, Snapshot},
    tool::{Told, is_busy, is_unknown_job},
};
use crate::{
    generation::{Generation, upload_name},
    problem::{self, refused},
};
use mdd_driver_api::{
    DriverError, Effect, Either, ErrorKind, Job, Result, Stage,
    model::{Attempt, Outcome, OutcomeStatus, Problem, Saved},
    race,
};
use serde_json::json;
use std::{collections::BTreeMap, time::Duration};

/// Between two looks at a job. One costs the server some 10 ms.
const PAUSE: Duration = Duration::from_secs(1);
/// So many of the newest events tell how far it is; there may be console lines among them.
const EVENTS: u32 = 40;
/// When a server that works on something is asked again, in milliseconds.
const BUSY_PAUSE: u64 = 2_000;

/// One call of `run`.
pub(super) struct Run<'a> {
    mcp: &'a Mcp,
    job: Job,
    attempt: Attempt,
    /// Where the job's files are in the gallery.
    media: BTreeMap<String, String>,
}

impl<'a> Run<'a> {
    pub(super) fn new(mcp: &'a Mcp, job: Job, attempt: Attempt) -> Self {
        Self { mcp, job, attempt, media: BTreeMap::new() }
    }

    pub(super) async fn carry(mut self, generation: &Generation) -> Result<Outcome> {
        let Some(left) = self.attempt.checkpoint.take() else {
            return self.send(generation).await;
        };
        if left.state["v"].as_u64().is_some_and(|version| version > 1) {
            return Err(DriverError::unsupported("a checkpoint of a newer driver"));
        }
        match Stage(left.stage) {
            stage if stage.0 >= Stage::ACKED.0 && !left.remote_id.is_empty() => self.follow(&left.remote_id).await,
            stage if stage.0 >= Stage::SENT.0 => {
                // Nobody but the one who has sent it knows its id.
                let text = "the connection ended before the server told the job's id, which nobody else can ask for";
                Ok(over(OutcomeStatus::Unknown, Problem::new(problem::ANSWER_LOST, text)))
            }
            _ => {
                self.media = serde_json::from_value(left.state["media"].clone()).unwrap_or_default();
                self.send(generation).await
            }
        }
    }

    async fn send(&mut self, generation: &Generation) -> Result<Outcome> {
        let job = self.job.clone();
        match race(job.cancelled(), self.bring_files(generation)).await {
            Either::First(()) => return Ok(Outcome::new(OutcomeStatus::Cancelled)),
            Either::Second(brought) => brought.map_err(DriverError::without_effect)?,
        }
        let settings = generation.with_files(&self.media);
        if let Err(error) = self.checkpoint(Stage::SENT, "").await {
            // The host may have been quicker to see that nobody wants it any more.
            let is_cancelled = self.job.is_cancelled();
            return if is_cancelled { Ok(Outcome::new(OutcomeStatus::Cancelled)) } else { Err(error.without_effect()) };
        }
        // Not raced with a cancel: only the answer tells what there is to cancel.
        let told = match self.mcp.call("wangp_generate", &json!({"source": settings})).await {
            Ok(told) => told,
            Err(error) => return unheard(error),
        };
        match told {
            Told::Done(told) => match Snapshot::read(&told) {
                Some(snapshot) => {
                    self.checkpoint(Stage::ACKED, &snapshot.id).await?;
                    match snapshot.end {
                        Some(end) => self.ended(&snapshot.id, end).await,
                        None => self.follow(&snapshot.id).await,
                    }
                }
                None => {
                    let text = "it took the job and did not tell its id";
                    Ok(over(OutcomeStatus::Unknown, Problem::new(problem::ANSWER_LOST, text)))
                }
            },
            Told::Refused(text) if is_busy(&text) => {
                let mut busy = DriverError::new(ErrorKind::BUSY, "it works on another job and takes one at a time");
                busy.retry_after_ms = BUSY_PAUSE;
                Err(busy.with_code(problem::BUSY).without_effect())
            }
            Told::Refused(text) => Err(refused(problem::REFUSED, text)),
        }
    }

    /// Uploads what is not there yet.
    async fn bring_files(&mut self, generation: &Generation) -> Result<()> {
        if generation.files.is_empty() {
            return Ok(());
        }
        if !self.media.is_empty() {
            let there = self.mcp.gallery().await?;
            self.media.retain(|_, id| there.contains(id));
        }
        for (number, file) in (1..).zip(&generation.files) {
            if !self.media.contains_key(&file.name) {
                let name = upload_name(&self.attempt.attempt, number, file);
                let id = self.mcp.upload(file, &name).await?;
                self.media.insert(file.name.clone(), id);
            }
        }
        self.checkpoint(Stage::PREPARED, "").await
    }

    /// Looks at it until it has ended.
    async fn follow(&self, id: &str) -> Result<Outcome> {
        let (mut is_running, mut cancel_sent) = (false, false);
        loop {
            let (tool, arguments) = match self.job.is_cancelled() && !cancel_sent {
                true => ("wangp_cancel_job", json!({"job_id": id})),
                false => ("wangp_get_job", json!({"job_id": id, "event_limit": EVENTS})),
            };
            let told = self.mcp.call(tool, &arguments).await.map_err(says_nothing)?;
            cancel_sent |= tool == "wangp_cancel_job";
            let snapshot = match told {
                Told::Done(told) => Snapshot::read(&told)
                    .ok_or_else(|| DriverError::new(ErrorKind::TRANSPORT, "it told of something else than the job"))?,
                Told::Refused(text) if is_unknown_job(&text) => {
                    let text = "it does not know the job any more, as after a restart";
                    return Ok(over(OutcomeStatus::Lost, Problem::new(problem::JOB_LOST, text)));
                }
                Told::Refused(text) => return Err(DriverError::new(ErrorKind::TRANSPORT, text)),
            };
            if let Some(end) = snapshot.end {
                return self.ended(id, end).await;
            }
            if let Some(progress) = snapshot.progress {
                if !is_running {
                    is_running = true;
                    self.checkpoint(Stage::RUNNING, id).await?;
                }
                self.job.progress(progress.step, progress.total, &progress.detail);
            }
            match cancel_sent {
                true => self.mcp.host.sleep(PAUSE).await,
                // A cancel does not wait for the next look.
                false => drop(race(self.job.cancelled(), self.mcp.host.sleep(PAUSE)).await),
            }
        }
    }

    async fn ended(&self, id: &str, end: End) -> Result<Outcome> {
        match end {
            End::Failed(problem) => Ok(over(OutcomeStatus::Failed, problem)),
            End::Stopped if self.job.is_cancelled() => Ok(Outcome::new(OutcomeStatus::Cancelled)),
            End::Stopped => {
                let text = "it was stopped at the service";
                Ok(over(OutcomeStatus::Cancelled, Problem::new(problem::STOPPED, text)))
            }
            // It was quicker than the cancel; what it made stays where the service keeps it.
            End::Done { .. } if self.job.is_cancelled() => Ok(Outcome::new(OutcomeStatus::Cancelled)),
            End::Done { items, strays } => self.fetch(id, &items, strays).await,
        }
    }

    async fn fetch(&self, id: &str, items: &[Item], strays: usize) -> Result<Outcome> {
        self.checkpoint(Stage::FETCHING, id).await?;
        let mut results: Vec<Saved> = Vec::new();
        let mut problem = None;
        for item in items {
            match race(self.job.cancelled(), self.mcp.fetch(&self.job, item)).await {
                Either::First(()) => return Ok(Outcome::new(OutcomeStatus::Cancelled)),
                Either::Second(fetched) => match fetched? {
                    Ok(saved) => results.push(saved),
                    Err(lost) => problem = Some(lost),
                },
            }
        }
        if strays > 0 {
            let text = format!("{strays} of the files that it made are not in its gallery");
            problem = problem.or(Some(Problem::new(problem::MISSING_RESULT, text)));
        }
        let status = if problem.is_none() { OutcomeStatus::Done } else { OutcomeStatus::Failed };
        let mut outcome = Outcome::new(status);
        (outcome.results, outcome.problem) = (results, problem);
        Ok(outcome)
    }

    async fn checkpoint(&self, stage: Stage, id: &str) -> Result<()> {
        self.job.checkpoint(stage, id, &json!({"v": 1, "media": self.media})).await
    }
}

/// Not a byte of the answer to a submission came.
fn unheard(error: DriverError) -> Result<Outcome> {
    match (error.effect, error.kind) {
        // Nothing was sent. The code is ours, so that it is known whose word that is.
        (Effect::NONE, ErrorKind::TRANSPORT | ErrorKind::TIMEOUT) => Err(error.with_code(problem::NOT_SENT)),
        (Effect::NONE, _) => Err(error),
        _ => Ok(over(OutcomeStatus::Unknown, Problem::new(problem::ANSWER_LOST, error.message.as_str()))),
    }
}

/// A question that failed says nothing of the job, not even if it was never sent.
fn says_nothing(mut error: DriverError) -> DriverError {
    error.effect = Effect::UNKNOWN;
    if !matches!(error.kind, ErrorKind::TIMEOUT | ErrorKind::AUTH | ErrorKind::HOST) {
        error.kind = ErrorKind::TRANSPORT;
    }
    error
}

fn over(status: OutcomeStatus, problem: Problem) -> Outcome {
    let mut outcome = Outcome::new(status);
    outcome.problem = Some(problem);
    outcome
}

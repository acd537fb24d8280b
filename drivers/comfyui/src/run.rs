//! Carries one attempt at a job: prepares, sends, follows and fetches. What queue and history mean for it is decided in
//! [`Tracker`].

mod fetch;
mod follow;
mod prepare;

use crate::{
    ComfyUi, history,
    mailbox::Mailbox,
    meter::Meter,
    problem,
    queue::{self, Place},
    state::State,
    submission::{self, Submission},
    tracker::{Sighting, Tracker},
};
use mdd_driver_api::{
    DriverError, Effect, Either, ErrorKind, Job, Request, Result, Stage,
    model::{Attempt, Outcome, OutcomeStatus},
    race,
};
use serde_json::Value;
use std::time::Duration;

/// Everybody's workflows are in the queue, and everything about a job is in its history.
const LONGEST: u64 = 64 << 20;
/// A server that loads a model may be silent for a while.
const PATIENCE: Duration = Duration::from_secs(10);

/// One call of `run`.
pub(crate) struct Run<'a> {
    comfy: &'a ComfyUi,
    job: Job,
    attempt: Attempt,
    /// The server's id of the job, which we choose.
    id: String,
    state: State,
    /// Open before anything is sent, so that the first event is heard.
    mailbox: Mailbox,
}

impl<'a> Run<'a> {
    pub(crate) fn new(comfy: &'a ComfyUi, attempt: Attempt, job: Job) -> Result<Self> {
        let checkpoint = attempt.checkpoint.as_ref();
        let remote_id = checkpoint.map(|checkpoint| checkpoint.remote_id.as_str()).filter(|id| !id.is_empty());
        let id = remote_id.unwrap_or(&attempt.attempt).to_owned();
        Ok(Self {
            comfy,
            job,
            state: checkpoint.map(State::read).transpose()?.unwrap_or_default(),
            mailbox: comfy.lines.mailboxes.open(&id, Meter::of(&attempt.payload)),
            id,
            attempt,
        })
    }

    pub(crate) async fn carry(mut self) -> Result<Outcome> {
        let sent = self.attempt.checkpoint.take().filter(|checkpoint| checkpoint.stage >= Stage::SENT.0);
        match sent {
            None => self.send().await,
            // The server may have forgotten the job by now, but not its files.
            Some(checkpoint) if checkpoint.stage >= Stage::FETCHING.0 && self.state.harvest.is_some() => {
                self.fetch().await
            }
            Some(checkpoint) => self.follow(Tracker::resumed(&checkpoint, self.comfy.host.now())).await,
        }
    }

    async fn send(&mut self) -> Result<Outcome> {
        let job = self.job.clone();
        let request = match race(job.cancelled(), self.prepare()).await {
            Either::First(()) => return Ok(cancelled(false)),
            // Nothing was sent that starts work.
            Either::Second(prepared) => prepared.map_err(DriverError::without_effect)?,
        };
        if let Err(error) = self.checkpoint(Stage::SENT).await {
            // The host may have been quicker to see that nobody wants it any more.
            return if job.is_cancelled() { Ok(cancelled(false)) } else { Err(error.without_effect()) };
        }
        if job.is_cancelled() {
            return Ok(cancelled(false));
        }
        // Not raced with a cancel: only the answer tells what there is to cancel.
        match submission::read(self.comfy.host.send(request).await) {
            Submission::Accepted(left_out) => left_out.iter().for_each(|left_out| {
                self.job.note(left_out);
            }),
            Submission::Raised if self.look().await? == Sighting::Absent => {
                let text =
                    "it could not make anything of the workflow, and said only that it \"got itself in trouble\"";
                return Err(problem::refused(problem::BAD_WORKFLOW, text).with_status(500));
            }
            Submission::Raised => {
                self.job.note("it said that it \"got itself in trouble\", and has taken the job nevertheless");
            }
            Submission::Refused(error) | Submission::Unclear(error) => return Err(error),
        }
        self.checkpoint(Stage::ACKED).await?;
        self.follow(Tracker::acked(self.comfy.host.now())).await
    }

    /// Reads queue and history, in this order: that is how jobs move.
    async fn look(&self) -> Result<Sighting> {
        if let Some(place) = queue::find(&self.read("/queue").await?, &self.id)? {
            if let Place::Waiting { place, length } = place {
                self.job.queued(place, length);
            }
            return Ok(Sighting::At(place));
        }
        let history = self.read(&format!("/history/{}", self.id)).await?;
        Ok(history::find(&history, &self.id)?.map_or(Sighting::Absent, Sighting::Over))
    }

    async fn read(&self, target: &str) -> Result<Value> {
        let request = Request::get(target).head_within(PATIENCE).total_within(3 * PATIENCE).max_bytes(LONGEST);
        let answer = self.comfy.host.send(request).await.and_then(|answer| answer.success()?.json());
        answer.map_err(says_nothing)
    }

    async fn checkpoint(&self, stage: Stage) -> Result<()> {
        let id = if stage == Stage::PREPARED { "" } else { &self.id };
        self.job.checkpoint(stage, id, &self.state.to_json()).await
    }
}

/// A request that failed once the job may be at the server says nothing of the job, not even if it was refused before a
/// byte was sent: whoever took that for its absence would send it twice.
fn says_nothing(mut error: DriverError) -> DriverError {
    error.effect = Effect::UNKNOWN;
    if !matches!(error.kind, ErrorKind::TIMEOUT | ErrorKind::AUTH | ErrorKind::HOST) {
        error.kind = ErrorKind::TRANSPORT;
    }
    error
}

fn cancelled(still_running: bool) -> Outcome {
    let mut outcome = Outcome::new(OutcomeStatus::Cancelled);
    outcome.remote_still_running = still_running;
    outcome
}

#[cfg(test)]
mod tests {
    use super::says_nothing;
    use mdd_driver_api::{DriverError, Effect, ErrorKind};

    #[test]
    fn a_failed_look_is_no_absence() {
        for (kind, expected) in [
            (ErrorKind::TRANSPORT, ErrorKind::TRANSPORT),
            (ErrorKind::TIMEOUT, ErrorKind::TIMEOUT),
            (ErrorKind::PROTOCOL, ErrorKind::TRANSPORT),
            (ErrorKind::REJECTED, ErrorKind::TRANSPORT),
            (ErrorKind::BUSY, ErrorKind::TRANSPORT),
            (ErrorKind::LIMIT, ErrorKind::TRANSPORT),
            (ErrorKind::AUTH, ErrorKind::AUTH),
        ] {
            let error = says_nothing(DriverError::new(kind, "x").without_effect());
            assert_eq!((error.kind, error.effect), (expected, Effect::UNKNOWN));
        }
    }
}

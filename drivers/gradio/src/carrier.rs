//! Carries a job that is one call: sends it, follows it, and brings its files home, under the laws of `run`.

mod fetch;
mod left;
mod state;

pub use fetch::Fetched;
pub use left::Left;

use crate::{
    app::App,
    call::Call,
    config::{Config, Function},
    course::{Ending, Step},
    input::Input,
    problem,
    session::{Stop, fresh_hash},
};
use mdd_driver_api::{
    DriverError, Effect, Either, ErrorKind, Job, Result, Stage,
    model::{Outcome, OutcomeStatus, Problem, Resume},
    race,
};
use serde_json::Value;
use state::State;
use std::{sync::Arc, time::Duration};

/// A server that says that it stops a call says so on its stream at once, if it does at all; the host waits for 10 s.
const STOPPING: Duration = Duration::from_secs(4);

/// One call of `run`.
pub struct Carrier<'a> {
    app: &'a App,
    job: Job,
    checkpoint: Option<Resume>,
    state: State,
}

/// What came of the call.
#[derive(Debug, Clone)]
pub enum Called {
    /// The values of its outputs.
    Done(Vec<Value>),
    /// It came to another end.
    Over(Outcome),
}

impl<'a> Carrier<'a> {
    /// Reads what an earlier run has left.
    ///
    /// # Errors
    /// `UNSUPPORTED` for what a newer driver has written.
    pub fn new(app: &'a App, job: Job, mut checkpoint: Option<Resume>) -> Result<Self> {
        let checkpoint = checkpoint.take().filter(|checkpoint| checkpoint.stage >= Stage::SENT.0);
        let state = checkpoint.as_ref().map(State::read).transpose()?.unwrap_or_default();
        Ok(Self { app, job, checkpoint, state })
    }

    /// Calls the function and follows it to its end.
    ///
    /// # Errors
    /// As the laws of `run` say. What breaks after it was sent is `TRANSPORT`: whoever comes next finds out what is known.
    pub async fn call(&mut self, config: Arc<Config>, function: &Function, data: &[Input]) -> Result<Called> {
        let hash = fresh_hash(self.app);
        let start = self.app.memory().boot.clone();
        let opening = Call::open(self.app, config.clone(), function, &hash);
        let mut call = match race(self.job.cancelled(), opening).await {
            Either::First(()) => return Ok(Called::Over(cancelled(false))),
            Either::Second(call) => call.map_err(DriverError::without_effect)?,
        };
        // Until the server takes the data, nothing can start.
        loop {
            match race(self.job.cancelled(), call.next()).await {
                Either::First(()) => return Ok(Called::Over(cancelled(false))),
                Either::Second(Ok(Step::Wanted)) => break,
                Either::Second(Ok(Step::Over(ending))) => {
                    return self.ended(ending).map_err(DriverError::without_effect);
                }
                Either::Second(Ok(step)) => self.tell(&step),
                Either::Second(Err(error)) => return Err(error.without_effect()),
            }
        }
        match race(self.job.cancelled(), self.app.is_same_start(&config, start.as_deref())).await {
            Either::First(()) => return Ok(Called::Over(cancelled(false))),
            Either::Second(Ok(true)) => {}
            Either::Second(Ok(false)) => {
                let text = "it was restarted just now";
                let error = problem::NOT_ACCEPTED.error(self.app.kind(), ErrorKind::TRANSPORT, text);
                return Err(error.without_effect());
            }
            Either::Second(Err(error)) => return Err(error.without_effect()),
        }
        self.state.boot.clone_from(&self.app.memory().boot);
        if let Err(error) = self.checkpoint(Stage::SENT, "").await {
            // The host may have been quicker to see that nobody wants it any more.
            let error = error.without_effect();
            return if self.job.is_cancelled() { Ok(Called::Over(cancelled(false))) } else { Err(error) };
        }
        if self.job.is_cancelled() {
            return Ok(Called::Over(cancelled(false)));
        }
        let _working = self.app.work();
        // Not raced with a cancel: only the answer tells what there is to cancel.
        call.send(data).await?;
        if call.is_acknowledged() {
            self.checkpoint(Stage::ACKED, call.remote_id()).await?;
        }
        self.follow(call).await
    }

    async fn follow(&mut self, mut call: Call<'a>) -> Result<Called> {
        let mut is_running = false;
        loop {
            let step = match race(self.job.cancelled(), call.next()).await {
                Either::First(()) => return Ok(Called::Over(stop(self.app, call, is_running).await)),
                Either::Second(step) => step.map_err(says_nothing)?,
            };
            match step {
                Step::Over(ending) => return self.ended(ending),
                Step::Started if !is_running => {
                    is_running = true;
                    self.checkpoint(Stage::RUNNING, call.remote_id()).await?;
                }
                step => self.tell(&step),
            }
        }
    }

    fn tell(&self, step: &Step) {
        match step {
            Step::Queued { place, length } => {
                self.job.queued(*place, *length);
            }
            Step::Progress(progress) => {
                self.job.progress(progress.step, progress.total, &progress.detail);
            }
            Step::Log(log) => {
                self.job.note(&log.in_words());
            }
            Step::Wanted | Step::Started | Step::Over(_) => {}
        }
    }

    fn ended(&self, ending: Ending) -> Result<Called> {
        let kind = self.app.kind();
        Ok(match ending {
            Ending::Done(values) => Called::Done(values),
            Ending::Failed(text) => Called::Over(self.failed(text.as_deref())),
            Ending::Cancelled => {
                let problem = problem::STOPPED.problem(kind, "it was stopped at the service");
                Called::Over(over(OutcomeStatus::Cancelled, problem))
            }
            Ending::QueueFull => {
                let text = "its queue is full";
                return Err(problem::QUEUE_FULL.error(kind, ErrorKind::BUSY, text).without_effect());
            }
            Ending::Lost(text) => return Err(DriverError::new(ErrorKind::TRANSPORT, text)),
        })
    }

    /// The service tried and could not.
    pub fn failed(&self, text: Option<&str>) -> Outcome {
        let said = text.map(|text| mdd_driver_api::text::printable(text, 400)).filter(|text| !text.is_empty());
        let text = said.unwrap_or_else(|| "it failed and gave no reason; its own window tells more".to_owned());
        over(OutcomeStatus::Failed, problem::FAILED.problem(self.app.kind(), text))
    }

    async fn checkpoint(&self, stage: Stage, remote_id: &str) -> Result<()> {
        self.job.checkpoint(stage, remote_id, &self.state.to_json()).await
    }
}

/// Ends a call that was sent. A function that is no generator runs on to its end whatever the server says.
async fn stop(app: &App, mut call: Call<'_>, is_running: bool) -> Outcome {
    let goes_on = is_running && !call.can_be_stopped();
    match call.cancel().await {
        Ok(Stop::Taken) => {
            let ending = async {
                // What breaks now is the end of it, too.
                while let Ok(step) = call.next().await
                    && !matches!(step, Step::Over(_))
                {}
            };
            race(ending, app.host().sleep(STOPPING)).await;
            cancelled(goes_on)
        }
        Ok(Stop::Impossible) => cancelled(goes_on),
        // What waits is taken out of the queue when its stream is closed.
        Err(_) => cancelled(is_running),
    }
}

/// A failure once the call may be at the server says nothing of it, not even if a byte was never sent.
fn says_nothing(mut error: DriverError) -> DriverError {
    error.effect = Effect::UNKNOWN;
    if !matches!(error.kind, ErrorKind::TIMEOUT | ErrorKind::AUTH | ErrorKind::HOST) {
        error.kind = ErrorKind::TRANSPORT;
    }
    error
}

/// Cancelled, as asked.
pub fn cancelled(still_running: bool) -> Outcome {
    let mut outcome = Outcome::new(OutcomeStatus::Cancelled);
    outcome.remote_still_running = still_running;
    outcome
}

/// An end with a reason.
pub fn over(status: OutcomeStatus, problem: Problem) -> Outcome {
    let mut outcome = Outcome::new(status);
    outcome.problem = Some(problem);
    outcome
}

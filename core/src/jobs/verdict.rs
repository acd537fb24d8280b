//! What the end of a run means for its job: the laws of `run`, from the host's side.

use super::{course::Ending, record::Course};
use crate::{diagnosis::Reason, events::JobState};
use mdd_driver_api::{
    DriverError, Effect, ErrorKind, Stage,
    manifest::Declaration,
    model::{Outcome, OutcomeStatus},
};
use std::time::Duration;

/// What happens next.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    /// It is over.
    End(Ending),
    /// It is run again.
    Again { from: Start, after: Pause, reason: Reason },
    /// The driver's object is gone; a new one goes on from the last checkpoint.
    Panic(Reason),
}

/// Where the next run begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// At the last checkpoint.
    Checkpoint,
    /// Before it was sent; the attempt does not count.
    Prepared,
    /// Before it was sent, as another attempt: this one was sent and provably never arrived.
    Fresh,
}

/// What the next run waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pause {
    /// For a while, longer each time.
    Backoff,
    /// At least as long as the service asks.
    Busy(Duration),
    /// For the user.
    User,
}

/// The run of a job has ended by itself. `resumed` says whether it began at a checkpoint that may have been sent.
pub(super) fn verdict(
    result: &Result<Outcome, DriverError>,
    course: &Course,
    resumed: bool,
    declaration: &Declaration,
) -> Verdict {
    match result {
        Ok(outcome) => Verdict::End(of_outcome(outcome, course, declaration)),
        Err(error) => of_error(error, course, resumed, declaration),
    }
}

fn of_outcome(outcome: &Outcome, course: &Course, declaration: &Declaration) -> Ending {
    let problem = outcome.problem.as_ref().map(|problem| Reason::of_problem(problem, declaration));
    let or_else = |code: &str, observation: &str| {
        Some(problem.clone().unwrap_or_else(|| Reason::new(code, observation, declaration)))
    };
    let (state, reason) = match outcome.status {
        OutcomeStatus::Done => (JobState::Done, problem.clone()),
        OutcomeStatus::Failed => (JobState::Failed, or_else("job-failed", "the service could not do it")),
        OutcomeStatus::Cancelled if course.cancel_asked => (JobState::Cancelled, problem.clone()),
        OutcomeStatus::Cancelled => (JobState::Cancelled, or_else("job-cancelled", "it was cancelled at the service")),
        OutcomeStatus::Lost => (JobState::Lost, or_else("job-lost", "the service had it and has it no more")),
        // A newer driver may know more ends than this host.
        _ => (JobState::Unknown, or_else("job-unknown", "what became of it cannot be known")),
    };
    let named = outcome.results.iter().map(|saved| saved.name.clone()).collect::<Vec<_>>();
    let results = (state == JobState::Done && !named.is_empty()).then_some(named);
    Ending { remote_still_running: outcome.remote_still_running, results, ..Ending::new(state, reason) }
}

fn of_error(error: &DriverError, course: &Course, resumed: bool, declaration: &Declaration) -> Verdict {
    let reason = Reason::of_error(error, declaration);
    let end = |state| Verdict::End(Ending::new(state, Some(reason.clone())));
    let again = |from, after| Verdict::Again { from, after, reason: reason.clone() };
    let absent = is_proven_absent(error, course);
    let asked_for = Duration::from_millis(error.retry_after_ms);
    match error.kind {
        ErrorKind::TRANSPORT | ErrorKind::TIMEOUT | ErrorKind::HOST if absent => again(Start::Fresh, Pause::Backoff),
        ErrorKind::TRANSPORT | ErrorKind::TIMEOUT | ErrorKind::HOST => again(Start::Checkpoint, Pause::Backoff),
        ErrorKind::BUSY if absent => again(Start::Prepared, Pause::Busy(asked_for)),
        ErrorKind::BUSY => again(Start::Checkpoint, Pause::Busy(asked_for)),
        ErrorKind::AUTH | ErrorKind::CONFIG if absent => again(Start::Prepared, Pause::User),
        ErrorKind::AUTH | ErrorKind::CONFIG => again(Start::Checkpoint, Pause::User),
        ErrorKind::PANIC => Verdict::Panic(reason),
        ErrorKind::CANCELLED => end(JobState::Cancelled),
        // A driver that cannot read what another version of it has written knows nothing of the job.
        ErrorKind::UNSUPPORTED if resumed => end(JobState::Unknown),
        // Refused, misunderstood, or too large: the same again would end the same. A newer driver may know more kinds.
        _ => end(JobState::Failed),
    }
}

/// Whether the driver has proven that a job that was sent and never acknowledged did not arrive (law 4).
///
/// The transport says "no effect" of one request that failed, such as the question whether the job is there. Its codes
/// have no dot; a driver's own are `<kind>.<name>`.
fn is_proven_absent(error: &DriverError, course: &Course) -> bool {
    let says_the_driver = error.code.is_empty() || error.code.contains('.');
    error.effect == Effect::NONE && says_the_driver && Stage(course.stage()) == Stage::SENT
}

#[cfg(test)]
mod tests;

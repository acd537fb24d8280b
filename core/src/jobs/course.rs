//! The life of a job: every step that it can take, and the one place where its state changes.

use super::record::{Checkpoint, Course, SavedResult};
use crate::{diagnosis::Reason, events::JobState};
use mdd_driver_api::Stage;

/// A step in the life of a job.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// The driver wrote down where it stands.
    Reached(Checkpoint),
    /// A result is in the folder.
    Saved(SavedResult),
    /// The user wants it to end.
    CancelAsked,
    /// The service proved not to have it, or refused to take it now: back to before it was sent. `fresh` is the id of a
    /// new attempt; without one the attempt does not count.
    Back { fresh: Option<String>, struck: bool },
    /// The driver went down with it.
    Struck,
    /// It is over.
    Ended(Ending),
    /// The user wants a job that is over to be looked at again, from where it was left.
    Reopened,
    /// The user wants a job that is over to be sent again, with the id of the new attempt.
    Resubmitted(String),
}

/// How a job ends.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ending {
    /// A final state.
    pub(super) state: JobState,
    pub(super) reason: Option<Reason>,
    pub(super) remote_still_running: bool,
    /// Names of the results that count, where that is not all of them.
    pub(super) results: Option<Vec<String>>,
    /// The backend that has it then.
    pub(super) backend: Option<String>,
}

impl Ending {
    pub(super) fn new(state: JobState, reason: Option<Reason>) -> Self {
        Self { state, reason, remote_still_running: false, results: None, backend: None }
    }
}

/// Why a step cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Misstep {
    #[error("the job is over")]
    Over,
    #[error("the job is not over")]
    NotOver,
    #[error("the job was sent already, so it cannot go back to stage {0}")]
    Backwards(u32),
    #[error("stage {0} is not known")]
    UnknownStage(u32),
    #[error("the job was cancelled before it was sent")]
    Cancelled,
}

impl Course {
    /// The only place where a job's state changes.
    pub(super) fn take(&mut self, step: Step, now_ms: u64) -> Result<(), Misstep> {
        match (&step, self.state.is_final()) {
            (Step::Reopened | Step::Resubmitted(_), false) => return Err(Misstep::NotOver),
            (Step::Reopened | Step::Resubmitted(_), true) | (_, false) => {}
            (_, true) => return Err(Misstep::Over),
        }
        let next = match step {
            Step::Reached(checkpoint) => {
                self.reach(checkpoint)?;
                state_of(self.stage())
            }
            Step::Saved(result) => {
                self.results.push(result);
                self.state
            }
            Step::CancelAsked => {
                self.cancel_asked = true;
                self.state
            }
            Step::Back { fresh, struck } => {
                self.go_back(fresh);
                self.strikes += u32::from(struck);
                JobState::Queued
            }
            Step::Struck => {
                self.strikes += 1;
                self.state
            }
            Step::Ended(ending) => self.end(ending),
            Step::Reopened => {
                self.forgive();
                state_of(self.stage())
            }
            Step::Resubmitted(attempt_id) => {
                self.forgive();
                self.prepared = None;
                self.results.clear();
                self.go_back(Some(attempt_id));
                JobState::Queued
            }
        };
        if next != self.state {
            tracing::debug!(from = ?self.state, to = ?next, attempt = self.attempt, "job");
            self.state = next;
            self.since_ms = now_ms;
        }
        Ok(())
    }

    /// The stage of an attempt never goes back; whoever would send twice is told so.
    fn reach(&mut self, mut checkpoint: Checkpoint) -> Result<(), Misstep> {
        let before = self.stage();
        match Stage(checkpoint.stage) {
            Stage::PREPARED | Stage::SENT if checkpoint.stage < before => {
                return Err(Misstep::Backwards(checkpoint.stage));
            }
            Stage::SENT if self.cancel_asked && before < Stage::SENT.0 => return Err(Misstep::Cancelled),
            Stage::PREPARED => self.prepared = Some(checkpoint.clone()),
            Stage::SENT | Stage::ACKED | Stage::RUNNING | Stage::FETCHING => {}
            Stage(unknown) => return Err(Misstep::UnknownStage(unknown)),
        }
        checkpoint.stage = checkpoint.stage.max(before);
        self.checkpoint = Some(checkpoint);
        Ok(())
    }

    fn go_back(&mut self, fresh: Option<String>) {
        self.checkpoint = self.prepared.clone();
        if let Some(attempt_id) = fresh {
            self.attempt += 1;
            self.attempt_id = attempt_id;
        }
    }

    fn end(&mut self, ending: Ending) -> JobState {
        let Ending { state, reason, remote_still_running, results, backend } = ending;
        self.reason = reason;
        self.ended_on = backend;
        self.remote_still_running = remote_still_running;
        if let Some(names) = results {
            self.results.retain(|result| names.contains(&result.name));
        }
        state
    }

    fn forgive(&mut self) {
        self.reason = None;
        self.ended_on = None;
        self.remote_still_running = false;
        self.cancel_asked = false;
        self.strikes = 0;
    }
}

/// What a stage is called for people.
fn state_of(stage: u32) -> JobState {
    match Stage(stage) {
        Stage::SENT => JobState::Submitting,
        Stage::ACKED | Stage::RUNNING => JobState::Running,
        Stage::FETCHING => JobState::Fetching,
        _ => JobState::Queued,
    }
}

#[cfg(test)]
mod tests {
    use super::{Ending, Misstep, Step};
    use crate::{
        events::JobState,
        jobs::record::{Checkpoint, Course},
    };
    use serde_json::json;

    fn at(stage: u32, state: &str) -> Step {
        Step::Reached(Checkpoint {
            stage,
            remote_id: String::new(),
            state: json!(state),
            backend: "lamp@1".to_owned(),
            boot: None,
            at_ms: 0,
            moment: None,
            noted: None,
        })
    }

    fn course(stages: &[u32]) -> Course {
        let mut course = Course::new("first".to_owned(), 0);
        for &stage in stages {
            course.take(at(stage, "x"), 1).unwrap();
        }
        course
    }

    #[test]
    fn stages_are_states() {
        let states = [
            (1, JobState::Queued),
            (2, JobState::Submitting),
            (3, JobState::Running),
            (4, JobState::Running),
            (5, JobState::Fetching),
        ];
        for (stage, state) in states {
            assert_eq!(course(&[stage]).state, state, "{stage}");
        }
    }

    #[test]
    fn what_was_sent_is_not_sent_again() {
        for (before, stage) in [(2, 1), (3, 1), (3, 2), (5, 2)] {
            let mut course = course(&[before]);
            assert_eq!(course.take(at(stage, "y"), 2), Err(Misstep::Backwards(stage)), "{before} to {stage}");
            assert_eq!(course.stage(), before);
        }
    }

    #[test]
    fn a_later_stage_stays_while_its_data_goes_on() {
        let mut course = course(&[5]);
        course.take(at(4, "newer"), 2).unwrap();
        assert_eq!((course.stage(), course.state), (5, JobState::Fetching));
        assert_eq!(course.checkpoint.unwrap().state, json!("newer"));
    }

    #[test]
    fn unknown_stages_are_refused() {
        for stage in [0, 6, u32::MAX] {
            assert_eq!(course(&[]).take(at(stage, "x"), 1), Err(Misstep::UnknownStage(stage)));
        }
    }

    #[test]
    fn going_back_restores_what_was_prepared() {
        let mut course = course(&[]);
        course.take(at(1, "uploads"), 1).unwrap();
        course.take(at(2, "sent"), 2).unwrap();
        course.take(Step::Back { fresh: None, struck: false }, 3).unwrap();
        assert_eq!((course.attempt, course.attempt_id.as_str(), course.state), (1, "first", JobState::Queued));
        course.take(at(2, "sent"), 4).unwrap();
        course.take(Step::Back { fresh: Some("second".to_owned()), struck: true }, 5).unwrap();
        assert_eq!((course.attempt, course.attempt_id.as_str(), course.strikes), (2, "second", 1));
        assert_eq!(course.checkpoint.unwrap().state, json!("uploads"));
    }

    #[test]
    fn a_cancelled_job_is_not_sent() {
        let mut unsent = course(&[1]);
        unsent.take(Step::CancelAsked, 2).unwrap();
        assert_eq!(unsent.take(at(2, "x"), 3), Err(Misstep::Cancelled));
        let mut sent = course(&[2]);
        sent.take(Step::CancelAsked, 2).unwrap();
        sent.take(at(2, "x"), 3).unwrap();
        sent.take(at(3, "x"), 4).unwrap();
    }

    #[test]
    fn over_is_over_until_the_user_says_otherwise() {
        let mut course = course(&[1, 2, 3]);
        assert_eq!(course.take(Step::Reopened, 2), Err(Misstep::NotOver));
        course.take(Step::Ended(Ending::new(JobState::Unknown, None)), 3).unwrap();
        for step in [at(4, "x"), Step::CancelAsked, Step::Ended(Ending::new(JobState::Done, None))] {
            assert_eq!(course.take(step, 4), Err(Misstep::Over));
        }
        assert_eq!((course.state, course.since_ms), (JobState::Unknown, 3));
        course.take(Step::Reopened, 5).unwrap();
        assert_eq!((course.state, course.attempt), (JobState::Running, 1));
        course.take(Step::Ended(Ending::new(JobState::Lost, None)), 6).unwrap();
        course.take(Step::Resubmitted("second".to_owned()), 7).unwrap();
        assert_eq!((course.state, course.attempt, course.checkpoint), (JobState::Queued, 2, None));
    }
}

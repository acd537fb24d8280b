//! Each law that the host keeps, by its table.

use super::{Pause, Start, Verdict, verdict};
use crate::{
    events::JobState,
    jobs::{
        course::Step,
        record::{Checkpoint, Course},
    },
};
use mdd_driver_api::{
    DriverError, ErrorKind,
    manifest::Declaration,
    model::{Outcome, OutcomeStatus, Problem, Saved},
};
use std::time::Duration;

fn lamp() -> Declaration {
    serde_json::from_str(r#"{"kind": "lamp", "title": "Lamp", "errors": {"lamp.dark": {"meaning": "No bulb."}}}"#)
        .unwrap()
}

/// A job at that stage, 0 for none.
fn at(stage: u32) -> Course {
    let mut course = Course::new("first".to_owned(), 0);
    if stage > 0 {
        let checkpoint = Checkpoint {
            stage,
            remote_id: String::new(),
            state: serde_json::Value::Null,
            backend: "lamp@1".to_owned(),
            boot: None,
            at_ms: 0,
            moment: None,
            noted: None,
        };
        course.take(Step::Reached(checkpoint), 0).unwrap();
    }
    course
}

#[derive(Debug, PartialEq)]
enum Next {
    End(JobState),
    Again(Start, Pause),
    Panic,
}

fn judged(error: DriverError, stage: u32, resumed: bool) -> Next {
    match verdict(&Err(error), &at(stage), resumed, &lamp()) {
        Verdict::End(ending) => Next::End(ending.state),
        Verdict::Again { from, after, .. } => Next::Again(from, after),
        Verdict::Panic(_) => Next::Panic,
    }
}

#[test]
fn law_5_every_kind_of_error_has_its_consequence() {
    use Next::{Again, End};
    use Pause::{Backoff, Busy, User};
    let table = [
        (ErrorKind::TRANSPORT, Again(Start::Checkpoint, Backoff)),
        (ErrorKind::TIMEOUT, Again(Start::Checkpoint, Backoff)),
        (ErrorKind::HOST, Again(Start::Checkpoint, Backoff)),
        (ErrorKind::BUSY, Again(Start::Checkpoint, Busy(Duration::ZERO))),
        (ErrorKind::AUTH, Again(Start::Checkpoint, User)),
        (ErrorKind::CONFIG, Again(Start::Checkpoint, User)),
        (ErrorKind::REJECTED, End(JobState::Failed)),
        (ErrorKind::PROTOCOL, End(JobState::Failed)),
        (ErrorKind::LIMIT, End(JobState::Failed)),
        (ErrorKind::UNSUPPORTED, End(JobState::Failed)),
        (ErrorKind::CANCELLED, End(JobState::Cancelled)),
        (ErrorKind::PANIC, Next::Panic),
        (ErrorKind(99), End(JobState::Failed)),
    ];
    for (kind, next) in table {
        for stage in 0..=5 {
            assert_eq!(judged(DriverError::new(kind, "x"), stage, false), next, "{kind:?} at {stage}");
        }
    }
}

#[test]
fn law_4_only_what_was_sent_and_never_acknowledged_is_sent_again() {
    for code in ["", "lamp.never-arrived"] {
        let error = || DriverError::new(ErrorKind::TRANSPORT, "it is not there").with_code(code).without_effect();
        for stage in 0..=5 {
            let from = if stage == 2 { Start::Fresh } else { Start::Checkpoint };
            assert_eq!(judged(error(), stage, true), Next::Again(from, Pause::Backoff), "{stage}");
        }
    }
}

#[test]
fn law_3_a_question_that_had_no_effect_proves_no_absence() {
    for code in ["connection-refused", "connect-timeout", "unreachable", "name-not-found"] {
        let refused = DriverError::new(ErrorKind::TRANSPORT, "x").with_code(code).without_effect();
        assert_eq!(judged(refused, 2, true), Next::Again(Start::Checkpoint, Pause::Backoff));
    }
}

#[test]
fn a_refusal_without_effect_does_not_count() {
    let error = |kind| {
        let mut error = DriverError::new(kind, "x").without_effect();
        error.retry_after_ms = 1500;
        error
    };
    let busy = Pause::Busy(Duration::from_millis(1500));
    assert_eq!(judged(error(ErrorKind::BUSY), 2, false), Next::Again(Start::Prepared, busy));
    assert_eq!(judged(error(ErrorKind::BUSY), 1, false), Next::Again(Start::Checkpoint, busy));
    assert_eq!(judged(error(ErrorKind::BUSY), 3, false), Next::Again(Start::Checkpoint, busy));
    assert_eq!(judged(error(ErrorKind::AUTH), 2, false), Next::Again(Start::Prepared, Pause::User));
    for kind in [ErrorKind::REJECTED, ErrorKind::PROTOCOL, ErrorKind::UNSUPPORTED] {
        assert_eq!(judged(error(kind), 2, false), Next::End(JobState::Failed));
    }
}

#[test]
fn an_unreadable_checkpoint_leaves_the_outcome_open() {
    assert_eq!(judged(DriverError::unsupported("version 9"), 3, true), Next::End(JobState::Unknown));
}

#[test]
fn outcomes_are_states_with_their_reason() {
    let table = [
        (OutcomeStatus::Done, JobState::Done, None),
        (OutcomeStatus::Failed, JobState::Failed, Some("job-failed")),
        (OutcomeStatus::Cancelled, JobState::Cancelled, Some("job-cancelled")),
        (OutcomeStatus::Lost, JobState::Lost, Some("job-lost")),
        (OutcomeStatus::Unknown, JobState::Unknown, Some("job-unknown")),
    ];
    for (status, state, code) in table {
        let mut outcome = Outcome::new(status);
        outcome.remote_still_running = true;
        let Verdict::End(ending) = verdict(&Ok(outcome.clone()), &at(4), false, &lamp()) else { panic!("it is over") };
        assert_eq!((ending.state, ending.remote_still_running), (state, true));
        assert_eq!(ending.reason.as_ref().map(|reason| reason.code.as_str()), code);
        outcome.problem = Some(Problem::new("lamp.dark", "it is dark"));
        let Verdict::End(ending) = verdict(&Ok(outcome), &at(4), false, &lamp()) else { panic!("it is over") };
        assert_eq!(ending.reason.unwrap().meaning, "No bulb.");
    }
}

#[test]
fn a_cancel_that_was_asked_for_needs_no_reason() {
    let mut course = at(4);
    course.take(Step::CancelAsked, 0).unwrap();
    let result = Ok(Outcome::new(OutcomeStatus::Cancelled));
    let Verdict::End(ending) = verdict(&result, &course, false, &lamp()) else { panic!("it is over") };
    assert_eq!((ending.state, ending.reason), (JobState::Cancelled, None));
}

#[test]
fn only_a_finished_job_names_its_results() {
    let saved = |name: &str| {
        let mut saved = Saved::default();
        saved.name = name.to_owned();
        saved
    };
    for (status, expected) in [(OutcomeStatus::Done, Some(vec!["a.png".to_owned()])), (OutcomeStatus::Failed, None)] {
        let mut outcome = Outcome::new(status);
        outcome.results = vec![saved("a.png")];
        let Verdict::End(ending) = verdict(&Ok(outcome), &at(5), false, &lamp()) else { panic!("it is over") };
        assert_eq!(ending.results, expected);
    }
}

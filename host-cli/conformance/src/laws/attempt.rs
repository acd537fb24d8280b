//! An attempt of a job: run, let go of, gone on with, and what came of it.

use crate::{
    bench::{Bench, Ended, LONG_MS, Object, Place},
    clock::Driven,
    job::{Journal, Noted, Port},
    service::Question,
};
use mdd_driver_api::{
    DriverError, Effect, Stage,
    model::{Attempt, Outcome, OutcomeStatus, Resume},
};
use mdd_replay::{JobScript, Script};
use std::sync::Arc;

pub(super) type Result<T = ()> = std::result::Result<T, String>;

/// One run and what came of it.
pub(super) struct Ran {
    pub(super) ended: Ended<Outcome>,
    pub(super) port: Port,
    pub(super) questions: Vec<Question>,
}

impl Ran {
    pub(super) fn is_done(&self) -> bool {
        self.status() == Some(OutcomeStatus::Done)
    }

    pub(super) fn status(&self) -> Option<OutcomeStatus> {
        match &self.ended {
            Driven::Ready(Ok(outcome)) => Some(outcome.status),
            _ => None,
        }
    }

    pub(super) fn error(&self) -> Option<&DriverError> {
        match &self.ended {
            Driven::Ready(Err(error)) => Some(error),
            _ => None,
        }
    }

    /// Whether it says that the work is provably not there.
    pub(super) fn is_without_effect(&self) -> bool {
        self.error()
            .is_some_and(|error| error.effect == Effect::NONE && (error.code.is_empty() || error.code.contains('.')))
    }

    pub(super) fn sent(&self) -> Option<&Question> {
        self.questions.iter().find(|question| question.starts())
    }
}

/// Runs an attempt to its end.
pub(super) fn run(place: &Place<'_>, object: &Object<'_>, attempt: &Attempt, journal: Journal) -> Ran {
    run_until(place, object, attempt, journal, LONG_MS, || false)
}

pub(super) fn run_until(
    place: &Place<'_>,
    object: &Object<'_>,
    attempt: &Attempt,
    journal: Journal,
    within_ms: u64,
    stop: impl FnMut() -> bool,
) -> Ran {
    let from = place.service.len();
    let port = object.port(journal);
    let ended = object.run(attempt, &port, within_ms, stop);
    Ran { ended, port, questions: place.questions(from) }
}

/// The checkpoints of a run that goes well.
pub(super) fn checkpoints(bench: &Bench<'_>, script: &Arc<Script>, job: &JobScript) -> Result<Vec<Noted>> {
    let place = bench.place(script);
    let object = place.backend()?;
    let ran = run(&place, &object, &place.attempt(job), Journal::Works);
    let noted = ran.port.notes().checkpoints.clone();
    Ok(noted)
}

/// Runs until that checkpoint is durable, and lets go.
pub(super) fn left_at(place: &Place<'_>, object: &Object<'_>, job: &JobScript, stage: Stage) -> Option<Noted> {
    let ran = run(place, object, &place.attempt(job), Journal::Halts(stage));
    let notes = ran.port.notes();
    notes.checkpoints.iter().rev().find(|noted| noted.stage == stage).cloned()
}

/// Goes on from a checkpoint with a new object, as after a restart of the host.
pub(super) fn resumed(place: &Place<'_>, job: &JobScript, resume: Resume) -> Result<Ran> {
    let object = place.backend()?;
    Ok(resumed_by(place, &object, job, resume))
}

pub(super) fn resumed_by(place: &Place<'_>, object: &Object<'_>, job: &JobScript, resume: Resume) -> Ran {
    let mut attempt = place.attempt(job);
    attempt.checkpoint = Some(resume);
    run(place, object, &attempt, Journal::Works)
}

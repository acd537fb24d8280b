//! The laws of `run` for a job that was begun before.

use super::{
    Ground, Verdict,
    attempt::{Result, checkpoints, left_at, resumed, resumed_by, run},
    with_jobs,
};
use crate::{
    bench::{Bench, Place, in_words},
    clock::Driven,
    job::Journal,
    report::Finding,
    service::{Fault, Scope},
};
use mdd_driver_api::{
    Stage,
    model::{Detach, OutcomeStatus, Resume},
};
use mdd_replay::{Effect, JobScript, Script};
use serde_json::json;
use std::sync::Arc;

/// Each checkpoint of a good run from `SENT` on, at a service that goes on as it was.
pub(super) fn never_sends_twice(bench: &Bench<'_>) -> Finding {
    with_jobs(bench, Ground::Carried, |bench, script, job| sends_once(bench, script, job).into())
}

pub(super) fn sends_once(bench: &Bench<'_>, script: &Arc<Script>, job: &JobScript) -> Result {
    for stage in stages_from_sent(bench, script, job)? {
        let place = bench.place(script);
        let Some(noted) = left_at(&place, &place.backend()?, job, stage) else { continue };
        let ran = resumed(&place, job, noted.resume(place.clock.now_ms(), Some(true)))?;
        if let Some(question) = ran.sent() {
            return Err(format!("resumed from {stage:?}: {question} was sent again"));
        }
    }
    // The acknowledgement was cut: the service has it.
    let place = bench.place(script);
    let object = place.backend()?;
    place.service.set(Scope::Starting, Fault::Cuts);
    let ran = run(&place, &object, &place.attempt(job), Journal::Works);
    match ran.questions.iter().filter(|question| question.starts()).nth(1) {
        Some(question) => Err(format!("{question} was sent again after its answer was cut")),
        None => Ok(()),
    }
}

fn stages_from_sent(bench: &Bench<'_>, script: &Arc<Script>, job: &JobScript) -> Result<Vec<Stage>> {
    let mut stages: Vec<Stage> = checkpoints(bench, script, job)?.iter().map(|noted| noted.stage).collect();
    stages.retain(|stage| stage.0 >= Stage::SENT.0);
    stages.dedup();
    Ok(stages)
}

pub(super) fn failed_reads(bench: &Bench<'_>) -> Finding {
    with_jobs(bench, Ground::SentOnce, |bench, script, job| {
        let mut asks = false;
        let mut check = || {
            for stage in stages_from_sent(bench, script, job)? {
                for fault in [Fault::Refuses, Fault::Hangs, Fault::Cuts, Fault::Status(503), Fault::Garbage] {
                    let place = bench.place(script);
                    let Some(noted) = left_at(&place, &place.backend()?, job, stage) else { continue };
                    let object = place.backend()?;
                    place.service.set(Scope::Everything, fault);
                    let ran = resumed_by(&place, &object, job, noted.resume(place.clock.now_ms(), Some(true)));
                    if ran.questions.is_empty() {
                        // It cannot look, and so says that it does not know.
                        continue;
                    }
                    asks = true;
                    let said = match &ran.ended {
                        Driven::Ready(Ok(outcome)) => matches!(outcome.status, OutcomeStatus::Unknown),
                        Driven::Ready(Err(_)) => !ran.is_without_effect(),
                        Driven::Quiet | Driven::Late | Driven::Stopped => true,
                    };
                    if !said {
                        return Err(format!("resumed from {stage:?}, {fault:?}: {}", in_words(&ran.ended)));
                    }
                }
            }
            Ok(())
        };
        match check() {
            Ok(()) if !asks => Verdict::DoesNotApply("it asks nothing when it goes on from a checkpoint".to_owned()),
            result => result.into(),
        }
    })
}

pub(super) fn absence(bench: &Bench<'_>) -> Finding {
    with_jobs(bench, Ground::SentOnce, |bench, script, job| {
        let check = || {
            // It never arrived.
            let place = bench.place(script);
            let Some(noted) = left_at(&place, &place.backend()?, job, Stage::SENT) else {
                return Err("no checkpoint(SENT) was written".to_owned());
            };
            let ran = resumed(&place, job, noted.resume(place.clock.now_ms(), Some(true)))?;
            let answered = ran.questions.iter().filter(|question| question.is_answered).count();
            let is_open = matches!(ran.status(), Some(OutcomeStatus::Unknown)) || ran.error().is_some();
            if !is_open || ran.status() == Some(OutcomeStatus::Lost) {
                return Err(format!("sent, never arrived: {}", in_words(&ran.ended)));
            }
            if ran.is_without_effect() && answered < 2 {
                return Err(format!("sent, never arrived: without effect after {answered} answers"));
            }
            // It arrived, and its acknowledgement was cut.
            let place = bench.place(script);
            let object = place.backend()?;
            place.service.set(Scope::Starting, Fault::Cuts);
            let ran = run(&place, &object, &place.attempt(job), Journal::Works);
            let noted = ran.port.notes().checkpoints.last().cloned();
            drop((ran, object));
            place.service.mend();
            // What it has cancelled itself is rightly not there.
            let is_cancelled = place.questions(0).iter().any(|question| question.effect == Some(Effect::Cancels));
            let Some(noted) = noted.filter(|_| !is_cancelled) else { return Ok(()) };
            let ran = resumed(&place, job, noted.resume(place.clock.now_ms(), Some(true)))?;
            if ran.is_without_effect() {
                return Err(format!("sent, and at work there: {}", in_words(&ran.ended)));
            }
            Ok(())
        };
        check().into()
    })
}

pub(super) fn lost(bench: &Bench<'_>) -> Finding {
    with_jobs(bench, Ground::SentOnce, |bench, script, job| {
        let stages = match stages_from_sent(bench, script, job) {
            Ok(stages) => stages,
            Err(seen) => return Verdict::Broken(seen),
        };
        let stages: Vec<Stage> = stages.into_iter().filter(|stage| stage.0 >= Stage::ACKED.0).collect();
        if stages.is_empty() {
            return Verdict::DoesNotApply("it writes no checkpoint after SENT".to_owned());
        }
        let check = || {
            for stage in stages {
                let place = bench.place(script);
                let Some(noted) = left_at(&place, &place.backend()?, job, stage) else { continue };
                place.service.restart();
                let ran = resumed(&place, job, noted.resume(place.clock.now_ms(), Some(false)))?;
                let is_said = match ran.status() {
                    Some(OutcomeStatus::Lost | OutcomeStatus::Unknown) => true,
                    // Results may outlive the process that made them.
                    Some(OutcomeStatus::Done) => stage.0 >= Stage::FETCHING.0,
                    // It was over when its results were fetched, or when the connection to it was let go of.
                    Some(OutcomeStatus::Failed) => stage.0 >= Stage::FETCHING.0 || ends_with_its_connection(&place),
                    _ => false,
                };
                if !is_said {
                    return Err(format!("resumed from {stage:?} after a restart: {}", in_words(&ran.ended)));
                }
            }
            Ok(())
        };
        check().into()
    })
}

fn ends_with_its_connection(place: &Place<'_>) -> bool {
    let inspection = place.backend().map(|object| object.inspect());
    matches!(inspection, Ok(Driven::Ready(Ok(inspection))) if inspection.detach == Detach::Kills)
}

pub(super) fn foreign_checkpoints(bench: &Bench<'_>) -> Finding {
    with_jobs(bench, Ground::SentOnce, |bench, script, job| {
        let check = || {
            for state in [json!(null), json!({"v": 999_999, "a": []}), json!("text"), json!([1])] {
                for stage in [Stage::SENT, Stage::ACKED, Stage::RUNNING, Stage::FETCHING, Stage(77)] {
                    let place = bench.place(script);
                    let mut resume = Resume::default();
                    (resume.stage, resume.state) = (stage.0, state.clone());
                    let ran = resumed(&place, job, resume)?;
                    if let Some(question) = ran.sent() {
                        return Err(format!("{question} was sent from {stage:?} with the state {state}"));
                    }
                    if ran.is_done() || matches!(ran.ended, Driven::Quiet | Driven::Late) {
                        return Err(format!("{stage:?} with the state {state}: {}", in_words(&ran.ended)));
                    }
                }
            }
            Ok(())
        };
        check().into()
    })
}

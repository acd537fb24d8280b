//! The laws of `run`.

use super::{Verdict, with_jobs};
use crate::{
    bench::{Bench, Ended, LONG_MS, Object, Place, in_words},
    clock::Driven,
    job::{Journal, Noted, Port},
    report::Finding,
    service::{Fault, Question, Scope, Seen},
};
use mdd_driver_api::{
    DriverError, Effect, ErrorKind, Stage,
    model::{Attempt, Detach, Outcome, OutcomeStatus, Resume, Saved},
};
use mdd_replay::{Effect as Does, JobScript, Piece, Script};
use serde_json::json;
use std::sync::Arc;

/// How long a cancel, and a poll without news, may take, in milliseconds.
const CANCEL_MS: u64 = 60_000;
const POLLED_MS: u64 = 120_000;
/// At work for that long before it is let go of, in milliseconds.
const AT_WORK_MS: u64 = 500;

type Result<T = ()> = std::result::Result<T, String>;

/// One run and what came of it.
struct Ran {
    ended: Ended<Outcome>,
    port: Port,
    questions: Vec<Question>,
}

impl Ran {
    fn is_done(&self) -> bool {
        self.status() == Some(OutcomeStatus::Done)
    }

    fn status(&self) -> Option<OutcomeStatus> {
        match &self.ended {
            Driven::Ready(Ok(outcome)) => Some(outcome.status),
            _ => None,
        }
    }

    fn error(&self) -> Option<&DriverError> {
        match &self.ended {
            Driven::Ready(Err(error)) => Some(error),
            _ => None,
        }
    }

    /// Whether it says that the work is provably not there.
    fn is_without_effect(&self) -> bool {
        self.error()
            .is_some_and(|error| error.effect == Effect::NONE && (error.code.is_empty() || error.code.contains('.')))
    }

    fn sent(&self) -> Option<&Question> {
        self.questions.iter().find(|question| question.starts())
    }
}

/// Runs an attempt to its end.
fn run(place: &Place<'_>, object: &Object<'_>, attempt: &Attempt, journal: Journal) -> Ran {
    run_until(place, object, attempt, journal, LONG_MS, || false)
}

fn run_until(
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
fn checkpoints(bench: &Bench<'_>, script: &Arc<Script>, job: &JobScript) -> Result<Vec<Noted>> {
    let place = bench.place(script);
    let object = place.backend()?;
    let ran = run(&place, &object, &place.attempt(job), Journal::Works);
    let noted = ran.port.notes().checkpoints.clone();
    Ok(noted)
}

/// Runs until that checkpoint is durable, and lets go.
fn left_at(place: &Place<'_>, object: &Object<'_>, job: &JobScript, stage: Stage) -> Option<Noted> {
    let ran = run(place, object, &place.attempt(job), Journal::Halts(stage));
    let notes = ran.port.notes();
    notes.checkpoints.iter().rev().find(|noted| noted.stage == stage).cloned()
}

/// Goes on from a checkpoint with a new object, as after a restart of the host.
fn resumed(place: &Place<'_>, job: &JobScript, resume: Resume) -> Result<Ran> {
    let object = place.backend()?;
    Ok(resumed_by(place, &object, job, resume))
}

fn resumed_by(place: &Place<'_>, object: &Object<'_>, job: &JobScript, resume: Resume) -> Ran {
    let mut attempt = place.attempt(job);
    attempt.checkpoint = Some(resume);
    run(place, object, &attempt, Journal::Works)
}

pub(super) fn carries_its_job(bench: &Bench<'_>) -> Finding {
    with_jobs(bench, |bench, script, job| {
        let check = || {
            let place = bench.place(script);
            let object = place.backend()?;
            let ran = run(&place, &object, &place.attempt(job), Journal::Works);
            let Driven::Ready(Ok(outcome)) = &ran.ended else { return Err(in_words(&ran.ended)) };
            if outcome.status != OutcomeStatus::Done {
                return Err(in_words(&ran.ended));
            }
            if ran.sent().is_none() {
                return Err("it is done although nothing that starts work was sent".to_owned());
            }
            let notes = ran.port.notes();
            // What it names, or else all that it has saved.
            let named = |saved: &&Saved| {
                outcome.results.is_empty() || outcome.results.iter().any(|result| result.name == saved.name)
            };
            let mut roles: Vec<&str> = notes.results.values().filter(named).map(|saved| saved.role.as_str()).collect();
            let mut wanted: Vec<&str> = job.results.iter().map(String::as_str).collect();
            roles.sort_unstable();
            wanted.sort_unstable();
            if roles != wanted {
                return Err(format!("its results are {roles:?} and not {wanted:?}"));
            }
            let text = String::from_utf8_lossy(&notes.text).into_owned();
            let text = outcome.text.clone().unwrap_or(text);
            match &job.text {
                Some(wanted) if *wanted != text => Err(format!("its text is {text:?} and not {wanted:?}")),
                _ => Ok(()),
            }
        };
        check().into()
    })
}

pub(super) fn checkpoint_before_sending(bench: &Bench<'_>) -> Finding {
    with_jobs(bench, |bench, script, job| {
        let check = || {
            let place = bench.place(script);
            let object = place.backend()?;
            run(&place, &object, &place.attempt(job), Journal::Works);
            let mut is_durable = false;
            for seen in place.service.ledger() {
                match seen {
                    Seen::Durable(stage) => is_durable |= stage.0 >= Stage::SENT.0,
                    Seen::Asked(question) if question.starts() && !is_durable => {
                        return Err(format!("{question} was sent before checkpoint(SENT) was durable"));
                    }
                    Seen::Asked(_) | Seen::CheckpointAsked(_) => {}
                }
            }
            Ok(())
        };
        check().into()
    })
}

pub(super) fn refused_checkpoint(bench: &Bench<'_>) -> Finding {
    with_jobs(bench, |bench, script, job| {
        let check = || {
            let place = bench.place(script);
            let object = place.backend()?;
            let ran = run(&place, &object, &place.attempt(job), Journal::Refuses(Stage::SENT));
            match ran.sent() {
                Some(question) => Err(format!("{question} was sent although checkpoint(SENT) had failed")),
                None if ran.is_done() => Err("it is done".to_owned()),
                None => Ok(()),
            }
        };
        check().into()
    })
}

pub(super) fn detaches(bench: &Bench<'_>) -> Finding {
    with_jobs(bench, |bench, script, job| {
        let check = || {
            // Let go of at each step that a whole run takes.
            let place = bench.place(script);
            let object = place.backend()?;
            let from = place.service.len();
            run(&place, &object, &place.attempt(job), Journal::Works);
            let steps = place.service.len() - from;
            for step in 1..=steps {
                let place = bench.place(script);
                let object = place.backend()?;
                let from = place.service.len();
                place.service.never_end();
                // As long as it was before the run was dropped.
                let mut dropped_at = 0;
                let stop = || {
                    dropped_at = place.service.len();
                    dropped_at >= from + step
                };
                run_until(&place, &object, &place.attempt(job), Journal::Works, AT_WORK_MS, stop);
                drop(object);
                if let Some(question) = place.questions(dropped_at).into_iter().next() {
                    return Err(format!("{question} was asked when the run was dropped"));
                }
            }
            Ok(())
        };
        check().into()
    })
}

pub(super) fn cancels(bench: &Bench<'_>) -> Finding {
    with_jobs(bench, |bench, script, job| {
        let check = || {
            let place = bench.place(script);
            let object = place.backend()?;
            place.service.never_end();
            let from = place.service.len();
            let port = object.port(Journal::Works);
            let mut cancelled_at = None;
            let mut stop = || {
                let has_begun = place.questions(from).iter().any(Question::starts);
                let now = place.clock.now_ms();
                if cancelled_at.is_none() && has_begun {
                    cancelled_at = Some(now);
                    port.cancel();
                }
                cancelled_at.is_some_and(|at| now > at + CANCEL_MS)
            };
            let ended = object.run(&place.attempt(job), &port, LONG_MS, &mut stop);
            match &ended {
                Driven::Ready(Ok(outcome)) if outcome.status == OutcomeStatus::Cancelled => {}
                Driven::Ready(Err(error)) if error.kind == ErrorKind::CANCELLED => {}
                other => return Err(format!("cancelled at work: {}", in_words(other))),
            }
            let can_cancel = script.exchanges.iter().any(|exchange| exchange.effect == Some(Does::Cancels));
            let has_cancelled = place.questions(from).iter().any(|question| question.effect == Some(Does::Cancels));
            if can_cancel && !has_cancelled {
                return Err("cancelled at work: the service was not told".to_owned());
            }
            Ok(())
        };
        check().into()
    })
}

pub(super) fn cancelled_at_entry(bench: &Bench<'_>) -> Finding {
    with_jobs(bench, |bench, script, job| {
        let check = || {
            let place = bench.place(script);
            let object = place.backend()?;
            let from = place.service.len();
            let port = object.port(Journal::Works);
            port.cancel();
            let ended = object.run(&place.attempt(job), &port, LONG_MS, || false);
            if let Some(question) = place.questions(from).iter().find(|question| question.starts()) {
                return Err(format!("{question} was sent"));
            }
            match ended {
                Driven::Ready(Ok(outcome)) if outcome.status == OutcomeStatus::Cancelled => Ok(()),
                Driven::Ready(Err(error)) if error.kind == ErrorKind::CANCELLED => Ok(()),
                other => Err(in_words(&other)),
            }
        };
        check().into()
    })
}

/// Each checkpoint of a good run from `SENT` on, at a service that goes on as it was.
pub(super) fn never_sends_twice(bench: &Bench<'_>) -> Finding {
    with_jobs(bench, |bench, script, job| {
        let check = || {
            let stages = stages_from_sent(bench, script, job)?;
            for stage in stages {
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
        };
        check().into()
    })
}

fn stages_from_sent(bench: &Bench<'_>, script: &Arc<Script>, job: &JobScript) -> Result<Vec<Stage>> {
    let mut stages: Vec<Stage> = checkpoints(bench, script, job)?.iter().map(|noted| noted.stage).collect();
    stages.retain(|stage| stage.0 >= Stage::SENT.0);
    stages.dedup();
    Ok(stages)
}

pub(super) fn failed_reads(bench: &Bench<'_>) -> Finding {
    with_jobs(bench, |bench, script, job| {
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
    with_jobs(bench, |bench, script, job| {
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
            let Some(noted) = noted else { return Ok(()) };
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
    with_jobs(bench, |bench, script, job| {
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

pub(super) fn failures(bench: &Bench<'_>) -> Finding {
    with_jobs(bench, |bench, script, job| {
        let check = || {
            let faults = [
                Fault::Status(500),
                Fault::Status(404),
                Fault::Status(429),
                Fault::Garbage,
                Fault::Page,
                Fault::Empty,
                Fault::OtherJson("null"),
                Fault::OtherJson("[]"),
                Fault::OtherJson("{}"),
                Fault::OtherJson(r#"{"error": {"message": 7}}"#),
                Fault::Huge,
                Fault::CutsBody,
            ];
            for scope in [Scope::Starting, Scope::Afterwards, Scope::Everything] {
                for fault in faults {
                    let place = bench.place(script);
                    let object = place.backend()?;
                    place.service.set(scope, fault);
                    let ran = run(&place, &object, &place.attempt(job), Journal::Works);
                    // What a result holds is only known to the host.
                    let is_content = matches!(fault, Fault::Page | Fault::Empty | Fault::OtherJson(_));
                    let is_met = match scope {
                        Scope::Starting if is_content && ran.sent().is_some_and(|asked| asked.is_download) => false,
                        // Whoever looks afterwards may well find the work and its results.
                        Scope::Starting => place.service.answers_at_once(),
                        // Whoever has the result may ask for whatever else.
                        Scope::Afterwards if place.service.answers_at_once() => false,
                        Scope::Afterwards => {
                            let mut afterwards = ran.questions.iter().skip_while(|asked| !asked.starts()).skip(1);
                            afterwards.any(|asked| !is_content || !asked.is_download)
                        }
                        Scope::Everything => true,
                    };
                    if is_met && ran.is_done() {
                        return Err(format!("{fault:?} ({scope:?}): it says that it is done"));
                    }
                }
            }
            Ok(())
        };
        check().into()
    })
}

pub(super) fn cut(bench: &Bench<'_>) -> Finding {
    with_jobs(bench, |bench, script, job| {
        let check = || {
            for fault in [Fault::Cuts, Fault::CutsBody, Fault::Hangs] {
                let place = bench.place(script);
                let object = place.backend()?;
                place.service.set(Scope::Starting, fault);
                let ran = run(&place, &object, &place.attempt(job), Journal::Works);
                if ran.is_without_effect() {
                    return Err(format!("{fault:?}: {}", in_words(&ran.ended)));
                }
                let is_lost = matches!(ran.status(), Some(OutcomeStatus::Lost | OutcomeStatus::Cancelled));
                if is_lost {
                    return Err(format!("{fault:?}: {}", in_words(&ran.ended)));
                }
            }
            Ok(())
        };
        check().into()
    })
}

pub(super) fn polls(bench: &Bench<'_>) -> Finding {
    with_jobs(bench, |bench, script, job| {
        // One that waits for messages is a conversation and no push channel.
        let is_pushed = |pieces: &Vec<Piece>| !pieces.iter().any(|piece| matches!(piece, Piece::Expect { .. }));
        if !script.exchanges.iter().any(|exchange| exchange.answer.socket.as_ref().is_some_and(is_pushed)) {
            return Verdict::DoesNotApply("no script has a WebSocket that pushes news".to_owned());
        }
        let check = || {
            let place = bench.place(script);
            let object = place.backend()?;
            place.service.set(Scope::Everything, Fault::Deaf);
            let ran = run_until(&place, &object, &place.attempt(job), Journal::Works, POLLED_MS, || false);
            if ran.is_done() {
                Ok(())
            } else {
                Err(format!("with a WebSocket that is silent: {}", in_words(&ran.ended)))
            }
        };
        check().into()
    })
}

pub(super) fn foreign_checkpoints(bench: &Bench<'_>) -> Finding {
    with_jobs(bench, |bench, script, job| {
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

//! The laws of `run` for a job that begins.

use super::{
    Ground, Verdict,
    attempt::{Result, run, run_until},
    with_jobs,
};
use crate::{
    bench::{Bench, LONG_MS, in_words},
    clock::Driven,
    job::Journal,
    report::Finding,
    service::{Fault, Question, Scope, Seen},
};
use mdd_driver_api::{
    ErrorKind, Stage,
    model::{OutcomeStatus, Saved},
};
use mdd_replay::{Effect as Does, JobScript, Piece, Script};
use std::sync::Arc;

/// How long a cancel, and a poll without news, may take, in milliseconds.
const CANCEL_MS: u64 = 60_000;
const POLLED_MS: u64 = 120_000;
/// At work for that long before it is let go of, in milliseconds.
const AT_WORK_MS: u64 = 500;

pub(super) fn carries_its_job(bench: &Bench<'_>) -> Finding {
    with_jobs(bench, Ground::Recognised, |bench, script, job| {
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
    with_jobs(bench, Ground::Carried, |bench, script, job| sends_in_order(bench, script, job).into())
}

pub(super) fn sends_in_order(bench: &Bench<'_>, script: &Arc<Script>, job: &JobScript) -> Result {
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
}

pub(super) fn refused_checkpoint(bench: &Bench<'_>) -> Finding {
    with_jobs(bench, Ground::InOrder, |bench, script, job| {
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
    with_jobs(bench, Ground::Carried, |bench, script, job| {
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
    with_jobs(bench, Ground::Carried, |bench, script, job| {
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
    with_jobs(bench, Ground::Carried, |bench, script, job| {
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

pub(super) fn failures(bench: &Bench<'_>) -> Finding {
    with_jobs(bench, Ground::Carried, |bench, script, job| {
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
    with_jobs(bench, Ground::Carried, |bench, script, job| {
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
    with_jobs(bench, Ground::Carried, |bench, script, job| {
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

//! What laws stand on: one about a job has nothing to say where the service is not even recognised, and one mistake is
//! told once.

use super::{attempt, resuming, run};
use crate::bench::Bench;
use mdd_replay::{JobScript, Script};
use std::{collections::BTreeMap, sync::Arc};

/// What a law takes for granted at one service, each with all that stand before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ground {
    /// The service is recognised.
    Recognised,
    /// A job comes to its end, whatever its results are.
    Carried,
    /// Work is sent after its checkpoint.
    InOrder,
    /// What was sent is not sent again.
    SentOnce,
}

/// The law that takes each ground away at a service; `None` where it is given.
pub(crate) type Grounds = BTreeMap<(Ground, String), Option<&'static str>>;

/// Why a law was not checked when one that it stands on is broken.
pub(super) fn once_kept(law: &str) -> String {
    format!("it can only be checked once {law} is kept")
}

/// The law whose breach takes this ground away at a service. Each is tried when a law first needs it, so that a driver
/// that ends the process there does so in the law that is about it.
pub(super) fn missing(bench: &Bench<'_>, needed: Ground, name: &str, script: &Arc<Script>) -> Option<&'static str> {
    let all = [Ground::Recognised, Ground::Carried, Ground::InOrder, Ground::SentOnce];
    all.into_iter().take_while(|ground| *ground <= needed).find_map(|ground| {
        let key = (ground, name.to_owned());
        let known = bench.grounds.borrow().get(&key).copied();
        known.unwrap_or_else(|| {
            let law = try_out(bench, ground, script);
            bench.grounds.borrow_mut().insert(key, law);
            law
        })
    })
}

fn try_out(bench: &Bench<'_>, ground: Ground, script: &Arc<Script>) -> Option<&'static str> {
    let panics = bench.panics();
    let law = match (ground, &script.job) {
        (Ground::Recognised, _) => unrecognised(bench, script),
        (_, None) => None,
        (Ground::Carried, Some(job)) => (!is_carried(bench, script, job)).then_some("carries-its-job"),
        (Ground::InOrder, Some(job)) => {
            run::sends_in_order(bench, script, job).err().map(|_| "checkpoint-before-sending")
        }
        (Ground::SentOnce, Some(job)) => resuming::sends_once(bench, script, job).err().map(|_| "never-sends-twice"),
    };
    law.map(|law| if bench.panics() > panics { "never-panics" } else { law })
}

fn unrecognised(bench: &Bench<'_>, script: &Arc<Script>) -> Option<&'static str> {
    let place = bench.place(script);
    match place.backend() {
        Ok(_) => None,
        Err(_) if place.was_refused() => Some("asks-strangers-gently"),
        Err(_) => Some("recognises-its-own"),
    }
}

fn is_carried(bench: &Bench<'_>, script: &Arc<Script>, job: &JobScript) -> bool {
    let place = bench.place(script);
    let ran =
        place.backend().map(|object| attempt::run(&place, &object, &place.attempt(job), crate::job::Journal::Works));
    ran.is_ok_and(|ran| ran.is_done() && ran.sent().is_some())
}

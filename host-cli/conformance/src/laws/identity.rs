//! Whose service is it?

use super::{Ground, Verdict as Said, at_each, at_its_own, ground};
use crate::{
    bench::{Bench, Ended, Object, Place, in_words},
    clock::Driven,
    report::Finding,
    service::{Fault, Scope},
};
use mdd_driver_api::model::Verdict;
use mdd_replay::Script;
use std::sync::Arc;

/// The host's own deadlines, in milliseconds.
const IDENTIFY_MS: u64 = 8_000;
const CHECK_MS: u64 = 3_000;
/// What answers take on their way.
const MARGIN_MS: u64 = 100;

pub(super) fn recognises_its_own(bench: &Bench<'_>) -> Finding {
    at_each(bench, |_, script| {
        let place = bench.place(script);
        let identified = candidate(&place).map(|object| object.identify());
        match identified {
            Err(seen) => Said::Broken(seen),
            Ok(Driven::Ready(Ok(identity))) if identity.score >= 90 && identity.verdict != Verdict::No => Said::Kept,
            Ok(Driven::Ready(Ok(identity))) => Said::Broken(format!(
                "{:?} with a score of {}; it sees {}",
                identity.verdict, identity.score, identity.seen
            )),
            // It has no answer to what was not sent.
            Ok(_) if place.was_refused() => Said::Unseen("asks-strangers-gently"),
            Ok(other) => Said::Broken(in_words(&other)),
        }
    })
}

pub(super) fn leaves_others_alone(bench: &Bench<'_>) -> Finding {
    for (name, script) in &bench.strangers {
        let place = bench.place(script);
        let object = match candidate(&place) {
            Ok(object) => object,
            Err(seen) => return not_made(bench, seen),
        };
        if let Driven::Ready(Ok(identity)) = object.identify()
            && identity.verdict != Verdict::No
            && identity.score >= 50
        {
            return Finding::Broken(format!("{name}: {:?} with a score of {}", identity.verdict, identity.score));
        }
    }
    Finding::Kept
}

pub(super) fn says_that_nobody_answers(bench: &Bench<'_>) -> Finding {
    let place = bench.place(&some_service(bench));
    place.service.set(Scope::Everything, Fault::Refuses);
    match candidate(&place).map(|object| object.identify()) {
        Ok(Driven::Ready(Err(_))) => Finding::Kept,
        Ok(Driven::Ready(Ok(identity))) => {
            Finding::Broken(format!("where nothing listens it says {:?}: {}", identity.verdict, identity.seen))
        }
        Ok(other) => Finding::Broken(in_words(&other)),
        Err(seen) => not_made(bench, seen),
    }
}

pub(super) fn keeps_deadlines(bench: &Bench<'_>) -> Finding {
    let place = bench.place(&some_service(bench));
    let object = match candidate(&place) {
        Ok(object) => object,
        Err(seen) => return not_made(bench, seen),
    };
    place.service.set(Scope::Everything, Fault::Hangs);
    let began = place.clock.now_ms();
    let identified = in_time("identify", &object.identify(), place.clock.now_ms() - began, IDENTIFY_MS);
    if let Err(seen) = identified {
        return Finding::Broken(seen);
    }
    match at_its_own(bench, |place| {
        let object = place.backend()?;
        place.service.set(Scope::Everything, Fault::Hangs);
        let began = place.clock.now_ms();
        let checked = object.check();
        in_time("check", &checked, place.clock.now_ms() - began, CHECK_MS)
    }) {
        Finding::NotChecked(_) if bench.scripts.is_empty() => Finding::Kept,
        finding => finding,
    }
}

fn in_time<T>(method: &str, ended: &Ended<T>, took_ms: u64, deadline_ms: u64) -> Result<(), String> {
    match ended {
        Driven::Ready(_) if took_ms <= deadline_ms + MARGIN_MS => Ok(()),
        Driven::Ready(_) => Err(format!("{method} took {:.1} s", took_ms as f64 / 1000.0)),
        _ => Err(format!("{method} did not end")),
    }
}

fn candidate<'p>(place: &'p Place<'_>) -> Result<Object<'p>, String> {
    place.candidate().map(|(object, _)| object).map_err(|error| format!("create: {error}"))
}

/// No object could be made: told once, where its own service is met with it.
pub(super) fn not_made(bench: &Bench<'_>, seen: String) -> Finding {
    let mut scripts = bench.scripts.iter();
    match scripts.find_map(|(name, script)| ground::missing(bench, Ground::Recognised, name, script)) {
        Some(law) => Finding::NotChecked(ground::once_kept(law)),
        None => Finding::Broken(seen),
    }
}

/// Its own service, or any: what is behind a fault that leaves nothing of it makes no difference.
pub(super) fn some_service(bench: &Bench<'_>) -> Arc<Script> {
    let mut all = bench.scripts.values().chain(bench.strangers.values());
    all.next().expect("there are always strangers").clone()
}

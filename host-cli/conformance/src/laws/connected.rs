//! What a connected backend is asked besides its jobs.

use super::{Ground, Verdict, at_each, at_its_own, ground};
use crate::{
    bench::{Bench, Place, in_words},
    clock::Driven,
    report::Finding,
    service::{Fault, Scope},
};
use mdd_driver_api::{ErrorKind, abi::EventKind};
use mdd_replay::Script;
use std::sync::Arc;

/// How long a watch is looked at, in milliseconds.
const WATCHED_MS: u64 = 60_000;

pub(super) fn checks_life(bench: &Bench<'_>) -> Finding {
    at_its_own(bench, |place| {
        let object = place.backend()?;
        match object.check() {
            Driven::Ready(Ok(_)) => {}
            other => return Err(format!("at a service that lives: {}", in_words(&other))),
        }
        let dead = [
            ("that is gone", Fault::Refuses),
            ("that hangs", Fault::Hangs),
            ("that closes every connection", Fault::Cuts),
            ("that answers 500", Fault::Status(500)),
            ("that answers no HTTP", Fault::Garbage),
        ];
        for (which, fault) in dead {
            place.service.set(Scope::Everything, fault);
            match object.check() {
                Driven::Ready(Err(error)) if error.kind != ErrorKind::PANIC => {}
                other => return Err(format!("at a service {which}: {}", in_words(&other))),
            }
        }
        place.service.mend();
        match object.check() {
            Driven::Ready(Ok(_)) => Ok(()),
            other => Err(format!("at a service that is there again: {}", in_words(&other))),
        }
    })
}

pub(super) fn inspects(bench: &Bench<'_>) -> Finding {
    at_its_own(bench, |place| {
        let object = place.backend()?;
        match object.inspect() {
            Driven::Ready(Ok(_)) => {}
            other => return Err(in_words(&other)),
        }
        // Whatever is answered, it ends.
        for fault in [Fault::Hangs, Fault::Cuts, Fault::Status(500), Fault::Page, Fault::OtherJson("[]")] {
            place.service.set(Scope::Everything, fault);
            match object.inspect() {
                Driven::Ready(_) => {}
                other => return Err(format!("{fault:?}: {}", in_words(&other))),
            }
        }
        Ok(())
    })
}

pub(super) fn watches(bench: &Bench<'_>) -> Finding {
    at_each(bench, |name, script| {
        if let Some(law) = ground::missing(bench, Ground::Recognised, name, script) {
            return Verdict::Unseen(law);
        }
        let place = bench.place(script);
        let object = match place.backend() {
            Ok(object) => object,
            Err(seen) => return Verdict::Broken(seen),
        };
        let from = place.service.len();
        let (ended, news) = object.watch(WATCHED_MS);
        match ended {
            Driven::Ready(Err(error)) if error.kind == ErrorKind::UNSUPPORTED => {
                return Verdict::DoesNotApply("it has no push channel".to_owned());
            }
            _ if news.first() != Some(&EventKind::STATUS) => {
                return Verdict::Broken(format!("its first news is {:?} and no status", news.first()));
            }
            _ => {}
        }
        match sockets(&place, from) {
            0 | 1 => ends_with_its_service(bench, script).into(),
            opened => Verdict::Broken(format!("it opened {opened} WebSockets")),
        }
    })
}

/// A service that goes away ends it.
fn ends_with_its_service(bench: &Bench<'_>, script: &Arc<Script>) -> Result<(), String> {
    let place = bench.place(script);
    let object = place.backend()?;
    place.service.set(Scope::Everything, Fault::Refuses);
    let from = place.service.len();
    let ended = object.watch(WATCHED_MS).0;
    match (ended, sockets(&place, from)) {
        (Driven::Ready(_), 0 | 1) => Ok(()),
        (Driven::Ready(_), tries) => Err(format!("where nothing listens it connected {tries} times")),
        (other, _) => Err(format!("where nothing listens: {}", in_words(&other))),
    }
}

/// How many WebSockets were opened since.
fn sockets(place: &Place<'_>, from: usize) -> usize {
    place.questions(from).iter().filter(|question| question.is_socket).count()
}

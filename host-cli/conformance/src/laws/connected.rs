//! What a connected backend is asked besides its jobs.

use super::{NO_SCRIPT, at_its_own};
use crate::{
    bench::{Bench, in_words},
    clock::Driven,
    report::Finding,
    service::{Fault, Scope},
};
use mdd_driver_api::{ErrorKind, abi::EventKind};

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
    let mut finding = match bench.scripts.is_empty() {
        true => Finding::NotChecked(NO_SCRIPT.to_owned()),
        false => Finding::NotChecked("it has no push channel".to_owned()),
    };
    for (name, script) in &bench.scripts {
        let place = bench.place(script);
        let watched = place.backend().map(|object| {
            let from = place.service.len();
            let (ended, news) = object.watch(WATCHED_MS);
            let sockets = place.questions(from).iter().filter(|question| question.is_socket).count();
            (ended, news, sockets)
        });
        let broken = match watched {
            Err(seen) => Some(seen),
            Ok((Driven::Ready(Err(error)), ..)) if error.kind == ErrorKind::UNSUPPORTED => continue,
            Ok((_, news, _)) if news.first() != Some(&EventKind::STATUS) => {
                Some(format!("its first news is {:?} and no status", news.first()))
            }
            Ok((_, _, sockets)) if sockets > 1 => Some(format!("it opened {sockets} WebSockets")),
            Ok(_) => None,
        };
        // A service that goes away ends it.
        let broken = broken.or_else(|| {
            let place = bench.place(script);
            let object = place.backend().ok()?;
            place.service.set(Scope::Everything, Fault::Refuses);
            let from = place.service.len();
            let ended = object.watch(WATCHED_MS).0;
            match (ended, place.questions(from).iter().filter(|question| question.is_socket).count()) {
                (Driven::Ready(_), 0 | 1) => None,
                (Driven::Ready(_), tries) => Some(format!("where nothing listens it connected {tries} times")),
                (other, _) => Some(format!("where nothing listens: {}", in_words(&other))),
            }
        });
        match broken {
            Some(seen) => return Finding::Broken(format!("{name}: {seen}")),
            None => finding = Finding::Kept,
        }
    }
    finding
}

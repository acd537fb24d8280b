//! What holds everywhere: seen in all that was done before.

use super::{
    Ground, Verdict, at_its_own,
    identity::{not_made, some_service},
    with_jobs,
};
use crate::{
    bench::{Bench, LONG_MS},
    clock::Driven,
    job::Journal,
    report::Finding,
};

fn of<'s>(seen: impl IntoIterator<Item = &'s String>) -> Finding {
    let seen: Vec<&str> = seen.into_iter().map(String::as_str).collect();
    match seen.split_first() {
        None => Finding::Kept,
        Some((first, [])) => Finding::Broken((*first).to_owned()),
        Some((first, rest)) => Finding::Broken(format!("{first} (and {} more)", rest.len())),
    }
}

pub(super) fn asks_gently(bench: &Bench<'_>) -> Finding {
    of(&bench.seen.borrow().forbidden)
}

pub(super) fn costs_nothing(bench: &Bench<'_>) -> Finding {
    match of(&bench.seen.borrow().costly) {
        Finding::Kept => at_its_own(bench, |_| Ok(())),
        broken => broken,
    }
}

pub(super) fn declares_its_codes(bench: &Bench<'_>) -> Finding {
    of(&bench.seen.borrow().undeclared)
}

pub(super) fn never_blocks(bench: &Bench<'_>) -> Finding {
    of(&bench.seen.borrow().blocked)
}

pub(super) fn waits_on_the_host(bench: &Bench<'_>) -> Finding {
    of(&bench.seen.borrow().waited_elsewhere)
}

pub(super) fn never_panics(bench: &Bench<'_>) -> Finding {
    of(&bench.seen.borrow().panics)
}

pub(super) fn versioned_checkpoints(bench: &Bench<'_>) -> Finding {
    match of(&bench.seen.borrow().checkpoints) {
        Finding::Kept => with_jobs(bench, Ground::Carried, |_, _, _| Verdict::Kept),
        broken => broken,
    }
}

/// One life, from `create` to the drop, with a job where there is one.
fn live(bench: &Bench<'_>) {
    for script in bench.scripts.values() {
        let place = bench.place(script);
        let Ok(object) = place.backend() else { continue };
        let _seen = (object.check(), object.inspect());
        if let Some(job) = &script.job {
            let port = object.port(Journal::Works);
            let _end = object.run(&place.attempt(job), &port, LONG_MS, || false);
        }
    }
    if bench.scripts.is_empty() {
        let place = bench.place(&some_service(bench));
        if let Ok((object, _)) = place.candidate() {
            let _seen = (object.identify(), object.check(), object.inspect());
        }
    }
}

pub(super) fn frees_its_memory(bench: &Bench<'_>) -> Finding {
    const LIVES: u64 = 10;
    let Some(_) = bench.driver.tag().memory() else {
        return Finding::NotChecked("it was built with an interface that does not count memory".to_owned());
    };
    let held = || bench.driver.tag().memory().unwrap_or_default();
    // What is made once for the whole life of the process is made in the first lives.
    (0..3).for_each(|_| live(bench));
    let before = held();
    (0..LIVES).for_each(|_| live(bench));
    let after = held();
    match after.saturating_sub(before) {
        0 if bench.scripts.is_empty() => Finding::Kept,
        // There is no life where the service was not recognised.
        0 => at_its_own(bench, |_| Ok(())),
        grown => Finding::Broken(format!("{LIVES} lives leave {grown} bytes behind, {} each", grown / LIVES)),
    }
}

pub(super) fn lets_go(bench: &Bench<'_>) -> Finding {
    let place = bench.place(&some_service(bench));
    let held = match place.candidate() {
        Err(error) => return not_made(bench, format!("create: {error}")),
        Ok((object, held)) => {
            if let Driven::Ready(Ok(_)) = object.identify() {
                let _seen = (object.check(), object.inspect());
            }
            drop(object);
            held
        }
    };
    match held.strong_count() {
        0 => Finding::Kept,
        count => Finding::Broken(format!("{count} handles to the host are left after the object was dropped")),
    }
}

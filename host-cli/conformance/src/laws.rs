//! The laws, each with a name, and what checks it.

mod attempt;
mod conduct;
mod connected;
mod ground;
mod identity;
mod resuming;
mod run;

use crate::{
    bench::{Bench, Place},
    report::Finding,
};
use mdd_replay::{JobScript, Script};
use std::sync::Arc;

use ground::Ground;
pub(crate) use ground::Grounds;

/// One law.
pub(crate) struct Law {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) check: fn(&Bench<'_>) -> Finding,
}

const fn law(name: &'static str, title: &'static str, check: fn(&Bench<'_>) -> Finding) -> Law {
    Law { name, title, check }
}

/// All of them. Those of the last part are about what was seen during all others.
pub(crate) const LAWS: &[Law] = &[
    law("recognises-its-own", "identify scores 90 or more at its own service", identity::recognises_its_own),
    law("leaves-others-alone", "identify scores less than 50 at every other service", identity::leaves_others_alone),
    law("says-that-nobody-answers", "identify fails where nobody answers", identity::says_that_nobody_answers),
    law(
        "keeps-deadlines",
        "identify ends within 8 s and check within 3 s at a service that hangs",
        identity::keeps_deadlines,
    ),
    law("checks-life", "check succeeds at a service that lives and fails at one that does not", connected::checks_life),
    law("inspects", "inspect succeeds at its own service", connected::inspects),
    law(
        "watches-one-channel",
        "watch tells a status first, ends with its channel and never reconnects",
        connected::watches,
    ),
    law("carries-its-job", "run brings the results of the job", run::carries_its_job),
    law(
        "checkpoint-before-sending",
        "law 1: checkpoint(SENT) is durable before the first byte that starts work",
        run::checkpoint_before_sending,
    ),
    law(
        "refused-checkpoint-sends-nothing",
        "law 1: after a checkpoint that failed nothing is sent",
        run::refused_checkpoint,
    ),
    law("detaches-without-cancelling", "law 2: a run that is dropped leaves the work alone", run::detaches),
    law("cancels-when-asked", "law 2: cancelled() ends the run, and the work where the service can", run::cancels),
    law("cancelled-before-it-began", "law 2: a job that is cancelled at entry is never sent", run::cancelled_at_entry),
    law("never-sends-twice", "law 3: what may have been sent is not sent again", resuming::never_sends_twice),
    law("failed-reads-prove-nothing", "law 3: a question that failed is no absence", resuming::failed_reads),
    law(
        "absence-is-proven",
        "law 4: absent after SENT is said without effect only after two answers, and never of work that is there",
        resuming::absence,
    ),
    law("lost-is-said", "law 4: what a restarted service has forgotten is lost or unknown", resuming::lost),
    law(
        "failures-are-no-results",
        "law 5: an answer that is an error, garbage or cut short is not done",
        run::failures,
    ),
    law("cut-is-not-without-effect", "law 5: a connection that was cut after sending is not without effect", run::cut),
    law("polls-without-news", "law 6: a job ends although no news come", run::polls),
    law(
        "foreign-checkpoints",
        "a checkpoint of another version is answered, and nothing is sent",
        resuming::foreign_checkpoints,
    ),
    law("versioned-checkpoints", "the state of a checkpoint has a version in \"v\"", conduct::versioned_checkpoints),
    law("frees-its-memory", "after a life with a job as much memory is held as before", conduct::frees_its_memory),
    law("lets-go-of-the-host", "a dropped object keeps no handle to the host", conduct::lets_go),
    law("asks-strangers-gently", "a candidate is only asked what the host allows", conduct::asks_gently),
    law("costs-nothing", "identify, check, inspect and watch start no work and cost nothing", conduct::costs_nothing),
    law("declares-its-codes", "each code that it reports is in its manifest", conduct::declares_its_codes),
    law("never-blocks", "each poll returns at once", conduct::never_blocks),
    law("waits-on-the-host-only", "it waits for nothing but the host", conduct::waits_on_the_host),
    law("never-panics", "nothing of it panics, whatever a service answers", conduct::never_panics),
];

const NO_SCRIPT: &str = "there is no script of its service (--script DIR)";
const NO_JOB: &str = "no script has a job";

/// The first of its services at which something is broken, of those that it recognises.
fn at_its_own(bench: &Bench<'_>, check: impl Fn(&Place<'_>) -> Result<(), String>) -> Finding {
    at_each(bench, |name, script| match ground::missing(bench, Ground::Recognised, name, script) {
        Some(law) => Verdict::Unseen(law),
        None => check(&bench.place(script)).into(),
    })
}

/// What a law says of one service.
enum Verdict {
    Kept,
    Broken(String),
    DoesNotApply(String),
    /// One that it stands on is broken.
    Unseen(&'static str),
}

impl From<Result<(), String>> for Verdict {
    fn from(result: Result<(), String>) -> Self {
        result.map_or_else(Self::Broken, |()| Self::Kept)
    }
}

/// The first of its jobs with which something is broken, of those that have what the law needs.
fn with_jobs(
    bench: &Bench<'_>,
    needed: Ground,
    check: impl Fn(&Bench<'_>, &Arc<Script>, &JobScript) -> Verdict,
) -> Finding {
    at_each(bench, |name, script| match &script.job {
        None => Verdict::DoesNotApply(NO_JOB.to_owned()),
        Some(job) => match ground::missing(bench, needed, name, script) {
            Some(law) => Verdict::Unseen(law),
            None => check(bench, script, job),
        },
    })
}

/// What is broken anywhere comes first, then what could not be seen somewhere.
fn at_each(bench: &Bench<'_>, check: impl Fn(&str, &Arc<Script>) -> Verdict) -> Finding {
    let (mut is_kept, mut unseen, mut why_not) = (false, None, None);
    for (name, script) in &bench.scripts {
        match check(name, script) {
            Verdict::Kept => is_kept = true,
            Verdict::Broken(seen) => return Finding::Broken(format!("{name}: {seen}")),
            Verdict::DoesNotApply(why) => why_not = Some(why),
            Verdict::Unseen(law) => {
                unseen.get_or_insert_with(|| format!("{name}: {}", ground::once_kept(law)));
            }
        }
    }
    match (unseen, is_kept) {
        (Some(why), _) => Finding::NotChecked(why),
        (None, true) => Finding::Kept,
        (None, false) => Finding::NotChecked(why_not.unwrap_or_else(|| NO_SCRIPT.to_owned())),
    }
}

/// What was seen of one law: a mistake that another law is about is told there only.
pub(crate) fn check(law: &Law, bench: &Bench<'_>) -> Finding {
    let panics = bench.panics();
    match (law.check)(bench) {
        // After a panic an object is good for nothing.
        Finding::Broken(_) if bench.panics() > panics => Finding::NotChecked(ground::once_kept("never-panics")),
        finding => finding,
    }
}

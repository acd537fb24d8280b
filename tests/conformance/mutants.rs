//! One good driver, and the same with one mistake at a time.

use crate::check;
use mdd_tests::{drop_in, variant};
use std::path::{Path, PathBuf};

/// Each mistake, and the law that it breaks: what follows from it is told nowhere else.
const MISTAKES: &[(&str, &str)] = &[
    ("unsure", "recognises-its-own"),
    ("takes-everybody", "leaves-others-alone"),
    ("nobody-is-a-no", "says-that-nobody-answers"),
    ("patient-identify", "keeps-deadlines"),
    ("immortal", "checks-life"),
    ("any-status-lives", "checks-life"),
    ("cannot-inspect", "inspects"),
    ("reconnects", "watches-one-channel"),
    ("says-nothing-first", "watches-one-channel"),
    ("forgets-the-result", "carries-its-job"),
    ("sends-first", "checkpoint-before-sending"),
    ("sends-in-spite", "refused-checkpoint-sends-nothing"),
    ("cancels-when-dropped", "detaches-without-cancelling"),
    ("never-cancels", "cancels-when-asked"),
    ("cancels-in-silence", "cancels-when-asked"),
    ("sends-what-is-cancelled", "cancelled-before-it-began"),
    ("always-begins-anew", "never-sends-twice"),
    ("sends-again", "never-sends-twice"),
    ("error-is-absence", "failed-reads-prove-nothing"),
    ("looks-once", "absence-is-proven"),
    ("lost-after-sent", "absence-is-proven"),
    ("lost-is-sent-again", "lost-is-said"),
    ("believes-anything", "failures-are-no-results"),
    ("cut-is-nothing", "cut-is-not-without-effect"),
    ("waits-for-news", "polls-without-news"),
    ("begins-foreign-anew", "foreign-checkpoints"),
    ("no-version", "versioned-checkpoints"),
    ("leaks", "frees-its-memory"),
    ("keeps-the-host", "lets-go-of-the-host"),
    ("posts-as-candidate", "asks-strangers-gently"),
    ("costly-check", "costs-nothing"),
    ("undeclared-code", "declares-its-codes"),
    ("blocks", "never-blocks"),
    ("has-threads", "waits-on-the-host-only"),
    ("panics-on-strangers", "never-panics"),
    ("panics-on-foreign", "never-panics"),
    ("identifies-by-post", "asks-strangers-gently"),
    ("panics-on-its-own", "never-panics"),
    ("never-identifies", "recognises-its-own"),
    ("panics-at-the-result", "never-panics"),
    ("cannot-run", "carries-its-job"),
];

/// What a mistake may bring with it, as the machine happens to run: threads that go on free late.
const ALONG: (&str, &str) = ("has-threads", "frees-its-memory");

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("drivers/mutant/conformance")
}

fn mutant(folder: &Path, mistake: &str) -> PathBuf {
    let word = |name: &str| format!("mistake={name:.<34}");
    drop_in(folder, mistake, &variant("mutant", &[(&word("none"), &word(mistake))]))
}

#[test]
fn a_driver_without_a_mistake_keeps_every_law() {
    let folder = tempfile::tempdir().unwrap();
    let said = check(&mutant(folder.path(), "none"), Some(&script()));
    assert_eq!(said.broken(), [], "nothing is wrong");
    assert!(said.laws.iter().all(|(_, finding, _)| finding == "kept"), "all were checked: {:?}", said.laws);
    assert_eq!(said.code, Some(0));
}

#[test]
fn each_mistake_is_told_in_its_own_line() {
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for (mistake, law) in MISTAKES {
        let said = check(&mutant(folder.path(), mistake), Some(&script()));
        let mut broken = said.broken();
        broken.retain(|(broken, _)| (*mistake, *broken) != ALONG);
        if !matches!(broken[..], [(only, _)] if only == *law) || said.code != Some(3) {
            wrong.push(format!("{mistake}: {broken:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_stands_on_a_broken_law_was_not_checked_and_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let named = |mistake: &str, law: &str| {
        let said = check(&mutant(folder.path(), mistake), Some(&script()));
        let unseen = said.laws.iter().filter(|(_, finding, seen)| finding == "not-checked" && seen.ends_with(law));
        let unseen: Vec<_> = unseen.map(|(name, ..)| name.clone()).collect();
        let told: Vec<_> = said.laws.iter().filter(|(_, finding, _)| finding == "not-checked").collect();
        assert_eq!(unseen.len(), told.len(), "{mistake}: each names what is to be mended: {told:?}");
        unseen
    };
    let unseen = named("identifies-by-post", "once asks-strangers-gently is kept");
    assert!(unseen.starts_with(&["recognises-its-own".to_owned(), "keeps-deadlines".to_owned()]), "{unseen:?}");
    assert!(unseen.iter().any(|law| law == "carries-its-job") && unseen.len() > 15, "{unseen:?}");
    let unseen = named("cannot-run", "once carries-its-job is kept");
    assert!(unseen.iter().any(|law| law == "cancels-when-asked") && !unseen.iter().any(|law| law == "inspects"));
    let unseen = named("always-begins-anew", "once never-sends-twice is kept");
    assert_eq!(unseen, ["failed-reads-prove-nothing", "absence-is-proven", "lost-is-said", "foreign-checkpoints"]);
}

#[test]
fn a_code_that_nothing_provokes_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let not_seen = |mistake: &str| check(&mutant(folder.path(), mistake), Some(&script())).not_seen;
    assert_eq!(not_seen("none"), [""; 0]);
    assert_eq!(not_seen("cannot-run"), ["mutant.not-arrived", "mutant.unreadable"]);
}

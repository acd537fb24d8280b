//! One good driver, and the same with one mistake at a time.

use crate::check;
use mdd_tests::{drop_in, variant};
use std::path::{Path, PathBuf};

/// Each mistake, and the laws that it breaks: the first one is the one that it is made for.
const MISTAKES: &[(&str, &[&str])] = &[
    ("unsure", &["recognises-its-own"]),
    ("takes-everybody", &["leaves-others-alone"]),
    ("nobody-is-a-no", &["says-that-nobody-answers"]),
    ("patient-identify", &["keeps-deadlines"]),
    ("immortal", &["checks-life"]),
    ("any-status-lives", &["checks-life"]),
    ("cannot-inspect", &["inspects"]),
    ("reconnects", &["watches-one-channel"]),
    ("says-nothing-first", &["watches-one-channel"]),
    ("forgets-the-result", &["carries-its-job"]),
    ("sends-first", &["checkpoint-before-sending", "refused-checkpoint-sends-nothing", "absence-is-proven"]),
    ("sends-in-spite", &["refused-checkpoint-sends-nothing"]),
    ("cancels-when-dropped", &["detaches-without-cancelling", "absence-is-proven"]),
    ("never-cancels", &["cancels-when-asked"]),
    ("cancels-in-silence", &["cancels-when-asked"]),
    ("sends-what-is-cancelled", &["cancelled-before-it-began"]),
    (
        "always-begins-anew",
        &[
            "never-sends-twice",
            "failed-reads-prove-nothing",
            "absence-is-proven",
            "lost-is-said",
            "foreign-checkpoints",
        ],
    ),
    ("sends-again", &["never-sends-twice"]),
    ("error-is-absence", &["failed-reads-prove-nothing"]),
    ("looks-once", &["absence-is-proven"]),
    ("lost-after-sent", &["absence-is-proven"]),
    ("lost-is-sent-again", &["lost-is-said"]),
    ("believes-anything", &["failures-are-no-results"]),
    ("cut-is-nothing", &["cut-is-not-without-effect"]),
    ("waits-for-news", &["polls-without-news"]),
    ("begins-foreign-anew", &["foreign-checkpoints"]),
    ("no-version", &["versioned-checkpoints"]),
    ("leaks", &["frees-its-memory"]),
    ("keeps-the-host", &["lets-go-of-the-host"]),
    ("posts-as-candidate", &["asks-strangers-gently"]),
    ("costly-check", &["costs-nothing"]),
    ("undeclared-code", &["declares-its-codes"]),
    ("blocks", &["never-blocks"]),
    ("has-threads", &["waits-on-the-host-only"]),
    ("panics-on-strangers", &["never-panics"]),
    ("panics-on-foreign", &["never-panics"]),
];

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
    for (mistake, laws) in MISTAKES {
        let said = check(&mutant(folder.path(), mistake), Some(&script()));
        let broken = said.broken();
        let names: Vec<&str> = broken.iter().map(|(law, _)| *law).collect();
        if !laws.iter().all(|law| names.contains(law)) || names.len() != laws.len() || said.code != Some(3) {
            wrong.push(format!("{mistake}: {broken:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

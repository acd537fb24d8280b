//! What is said of a script that is none.

use mdd_tests::{built, mdd_host};
use std::{fs, path::Path};

/// What `drivers check` says when it cannot begin.
fn refused(scripts: &Path) -> String {
    let home = tempfile::tempdir().unwrap();
    let driver = built().driver("litellm");
    let output = mdd_host(home.path()).args(["drivers", "check"]).arg(driver).arg("--script").arg(scripts).output();
    let output = output.unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("(no-script)\n") && text.contains("→ correct it, or name a folder with scripts"), "{text}");
    text
}

#[test]
fn a_mistake_in_a_script_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let script = r#"{"source": "x", "exchanges": [{"request": "GET /x", "during": "start", "answer": {}}]}"#;
    fs::write(folder.path().join("service.json"), script).unwrap();
    let text = refused(folder.path());
    let reason = "service.json is no script: invalid type: string \"start\", expected a sequence at line 1 column 69";
    assert!(text.contains(reason), "{text}");
}

#[test]
fn a_folder_that_is_not_there_or_empty_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let text = refused(folder.path());
    assert!(text.contains(&format!("{} holds no script", folder.path().display())), "{text}");
    let missing = folder.path().join("missing");
    let text = refused(&missing);
    assert!(text.contains(&format!("{} cannot be read", missing.display())), "{text}");
}

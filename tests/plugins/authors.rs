//! What an author of a driver begins with.

use mdd_tests::mdd_host;
use std::{
    env::consts::{DLL_PREFIX, DLL_SUFFIX},
    path::Path,
    process::Command,
};

#[test]
fn a_new_driver_builds_and_is_good() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let home = tempfile::tempdir().unwrap();
    let crate_folder = home.path().join("desk-lamp");
    let made = mdd_host(home.path())
        .args(["drivers", "new"])
        .arg(&crate_folder)
        .arg("--api")
        .arg(root.join("driver-api"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    // With the versions that this repository is built with, and nothing else.
    std::fs::copy(root.join("Cargo.lock"), crate_folder.join("Cargo.lock")).unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("new-driver");
    let built = Command::new(env!("CARGO"))
        .current_dir(&crate_folder)
        .args(["build", "--quiet", "--offline"])
        .env("CARGO_TARGET_DIR", &target)
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let file = target.join("debug").join(format!("{DLL_PREFIX}mdd_driver_desk_lamp{DLL_SUFFIX}"));
    let script = crate_folder.join("conformance");
    let checked =
        mdd_host(home.path()).args(["drivers", "check"]).arg(&file).arg("--script").arg(&script).output().unwrap();
    let text = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success(), "{text}");
    assert!(text.contains("desk-lamp 0.1.0") && text.contains("0 are broken"), "{text}");
    assert!(text.contains("ok           carries-its-job"), "{text}");
}

#[test]
fn a_name_that_can_be_no_kind_is_refused_and_nothing_is_made() {
    let home = tempfile::tempdir().unwrap();
    for name in ["Lamp", "1lamp", "la_mp"] {
        let output = mdd_host(home.path()).current_dir(home.path()).args(["drivers", "new", name]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains("can be no kind"), "{text}");
        assert!(!home.path().join(name).exists());
    }
}

#[test]
fn the_template_is_short() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("drivers/template");
    let lines = ["Cargo.toml", "manifest.json", "docs.md", "src/lib.rs", "conformance/service.json"]
        .map(|file| std::fs::read_to_string(folder.join(file)).unwrap().lines().count());
    assert!(lines.iter().sum::<usize>() <= 120, "{lines:?}");
}

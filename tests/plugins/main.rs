//! The plugins folder: what is used, what is refused and why, and that nothing in it harms the rest.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod authors;
mod canary;
mod hot;
#[cfg(target_os = "linux")]
mod operation;
#[cfg(target_os = "linux")]
mod refusals;
mod vetting;

use mdd_core::plugins::{self, DriverStatus, Gate, Registry, SearchPath, Vetting};
use mdd_tests::{add_driver, built, mdd_host, plugins as folder_of};
use serde_json::Value;
use std::{
    env::consts::DLL_EXTENSION,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn in_folder(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(format!("{name}.{DLL_EXTENSION}"));
    fs::write(&path, bytes).unwrap();
    path
}

/// The code of the refusal of a file, or `good`.
fn verdict(path: &Path) -> String {
    let copies = tempfile::tempdir().unwrap();
    match plugins::open(path, copies.path()) {
        Ok(_) => "good".to_owned(),
        Err(refusal) => {
            assert!(!refusal.to_string().contains('\n'), "one line: {refusal}");
            assert!(!refusal.remedy().is_empty());
            refusal.code().to_owned()
        }
    }
}

fn verdict_on_bytes(bytes: impl AsRef<[u8]>) -> String {
    let folder = tempfile::tempdir().unwrap();
    verdict(&in_folder(folder.path(), "file", bytes))
}

fn verdict_on(driver: &str) -> String {
    verdict(&built().driver(driver))
}

#[test]
fn the_shipped_drivers_are_good() {
    for driver in ["comfyui", "litellm"] {
        assert_eq!(verdict_on(driver), "good", "{driver}");
    }
}

#[test]
fn what_is_no_library_is_refused_without_loading_it() {
    assert_eq!(verdict_on_bytes("#!/bin/sh\necho hello\n"), "driver-not-a-library");
    assert_eq!(verdict_on_bytes(""), "driver-empty");
    assert_eq!(verdict_on_bytes([0; 4096]), "driver-not-a-library");
    assert_eq!(verdict_on("no-driver"), "driver-no-manifest");
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(verdict(folder.path()), "driver-not-a-file");
    assert_eq!(verdict(&folder.path().join("missing.so")), "driver-unreadable");
}

#[test]
fn a_copy_that_was_interrupted_anywhere_is_refused_without_loading_it() {
    let whole = fs::read(built().driver("litellm")).unwrap();
    // The loader would die on these with SIGBUS, so each must be refused before it.
    for percent in [1, 10, 25, 50, 75, 90, 99] {
        let cut = &whole[..whole.len() * percent / 100];
        assert_eq!(verdict_on_bytes(cut), "driver-truncated", "{percent} % of the file");
        let mut with_room = cut.to_vec();
        with_room.resize(whole.len(), 0);
        assert_eq!(verdict_on_bytes(with_room), "driver-truncated", "{percent} % of the file, the rest zeros");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_driver_for_another_processor_is_refused() {
    const MACHINE_FIELD: usize = 18;
    let mut bytes = fs::read(built().driver("litellm")).unwrap();
    let other: u16 = if cfg!(target_arch = "x86_64") { 183 } else { 62 };
    bytes[MACHINE_FIELD..MACHINE_FIELD + 2].copy_from_slice(&other.to_le_bytes());
    assert_eq!(verdict_on_bytes(bytes), "driver-wrong-architecture");
}

#[test]
fn another_major_version_names_the_side_to_update() {
    let copies = tempfile::tempdir().unwrap();
    let refusal = plugins::open(&built().driver("from-the-next-major"), copies.path()).unwrap_err();
    assert_eq!(refusal.code(), "driver-api-version");
    assert_eq!(refusal.remedy(), "update mdd-host");
}

#[test]
fn a_build_that_would_abort_is_refused() {
    assert_eq!(verdict_on("built-with-abort"), "driver-panic-abort");
}

#[test]
fn export_driver_does_not_compile_with_panic_abort() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("panic-abort");
    let output = Command::new(env!("CARGO"))
        .current_dir(root)
        .args(["rustc", "--quiet", "--package", "mdd-test-driver-panics-in-drop", "--lib", "--profile", "check-abort"])
        .args(["--config", "profile.check-abort.inherits='dev'", "--config", "profile.check-abort.debug=false"])
        .args(["--", "-C", "panic=abort"])
        .env("CARGO_TARGET_DIR", target)
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(complaint.contains("a driver must be built with panic"), "{complaint}");
}

#[test]
fn panics_are_found_wherever_they_hide() {
    for (driver, place) in [
        ("panics-in-create", "create"),
        ("panics-in-methods", "identify"),
        ("panics-in-future-drop", "identify"),
        ("panics-in-drop", "drop"),
    ] {
        let copies = tempfile::tempdir().unwrap();
        let refusal = plugins::open(&built().driver(driver), copies.path()).unwrap_err();
        assert_eq!(refusal.code(), "driver-panicked", "{driver}");
        let text = refusal.to_string();
        assert!(text.contains(&format!("panicked in {place}")), "{text}");
        assert!(text.contains("src/lib.rs:"), "the place in the source is told: {text}");
    }
}

#[test]
fn bad_files_are_listed_and_harm_no_other() {
    let folder = folder_of(&["comfyui", "panics-in-create", "panics-in-drop", "no-driver", "from-the-next-major"]);
    in_folder(folder.path(), "text", "hello");
    in_folder(folder.path(), "empty", "");
    fs::write(folder.path().join("notes.txt"), "no library by its name").unwrap();
    let home = tempfile::tempdir().unwrap();
    let output =
        mdd_host(home.path()).args(["drivers", "list", "--json", "--plugins"]).arg(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = list["drivers"].as_array().unwrap();
    let of = |status: &str| rows.iter().filter(|row| row["status"] == status).count();
    assert_eq!((rows.len(), of("active"), of("rejected")), (7, 1, 6), "{list:#}");
    for row in rows {
        let fields = ["kind", "version", "api_version", "path", "sha256", "status", "reason"];
        assert!(fields.iter().all(|field| row.get(field).is_some()), "{row}");
        let is_rejected = row["status"] == "rejected";
        assert_eq!(row["reason"].is_string() && row["code"].is_string() && row["remedy"].is_string(), is_rejected);
    }
    // Each refusal is one line of the log, too.
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(log.lines().filter(|line| line.contains("is not used")).count(), 6, "{log}");
}

#[test]
fn check_tells_by_its_exit_code() {
    let home = tempfile::tempdir().unwrap();
    let check =
        |driver: &str| mdd_host(home.path()).args(["drivers", "check"]).arg(built().driver(driver)).output().unwrap();
    let good = check("litellm");
    assert_eq!(good.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&good.stdout).contains("litellm"));
    let bad = check("panics-in-methods");
    assert_eq!(bad.status.code(), Some(3));
    let report = String::from_utf8_lossy(&bad.stdout).into_owned();
    assert!(report.contains("driver-panicked") && report.contains("remedy"), "{report}");
}

#[test]
fn of_two_files_of_one_kind_one_is_used_and_both_are_shown() {
    let folder = folder_of(&["litellm"]);
    let copy = in_folder(folder.path(), "another", fs::read(built().driver("litellm")).unwrap());
    let state = tempfile::tempdir().unwrap();
    let registry =
        Registry::scan(&SearchPath::only([folder.path().to_owned()]), &Gate::new(state.path(), Vetting::InProcess));
    assert_eq!(registry.active().len(), 1);
    // The same version twice: the first one in the order of names.
    assert_eq!(registry.active()[0].path, copy);
    let shadowed = registry.files().iter().find(|file| matches!(file.status, DriverStatus::Shadowed { .. }));
    assert_eq!(shadowed.unwrap().manifest().unwrap().driver.kind, "litellm");
}

#[test]
fn overwriting_a_loaded_file_harms_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let copies = tempfile::tempdir().unwrap();
    let path = add_driver(folder.path(), "litellm");
    let driver = plugins::open(&path, copies.path()).unwrap();
    let len = fs::metadata(&path).unwrap().len();
    fs::write(&path, vec![0; usize::try_from(len).unwrap()]).unwrap();
    fs::remove_file(&path).unwrap();
    // Code that was never used before must still be there.
    let again = plugins::open(&built().driver("litellm"), copies.path()).unwrap();
    assert_eq!(driver.sha256, again.sha256);
}

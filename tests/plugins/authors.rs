//! What an author of a driver begins with.

use mdd_tests::mdd_host;
use std::{
    env::consts::{DLL_PREFIX, DLL_SUFFIX},
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

#[test]
fn a_new_driver_builds_and_is_good() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("desk-lamp");
    let made =
        drivers(home.path(), &["new".as_ref(), folder.as_ref(), "--api".as_ref(), root().join("driver-api").as_ref()]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert!(String::from_utf8_lossy(&made.stdout).contains(&library(&folder, "desk-lamp")), "the next step names it");
    // With the versions that this repository is built with, and nothing else.
    fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let text = checked(home.path(), &folder, "desk-lamp");
    assert!(text.contains("desk-lamp 0.1.0") && text.contains(" 0 broken"), "{text}");
    assert!(text.contains("ok           carries-its-job"), "{text}");
}

#[test]
fn the_guide_goes_from_nothing_to_a_good_driver() {
    let home = tempfile::tempdir().unwrap();
    let workspace = home.path().join("copy");
    // As much of this repository as a driver is built with.
    copy(&root().join("driver-api"), &workspace.join("driver-api"));
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let is_list = |line: &str| line.starts_with("members = ") || line.starts_with("default-members = ");
    let manifest: Vec<&str> = manifest.lines().filter(|line| !is_list(line)).collect();
    let members = "[workspace]\nmembers = [\"driver-api\", \"drivers/*\"]";
    fs::write(workspace.join("Cargo.toml"), manifest.join("\n").replacen("[workspace]", members, 1)).unwrap();
    fs::copy(root().join("Cargo.lock"), workspace.join("Cargo.lock")).unwrap();

    let folder = workspace.join("drivers/lamp");
    let made = drivers(home.path(), &["new".as_ref(), folder.as_ref()]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert!(String::from_utf8_lossy(&made.stdout).contains(&library(&workspace, "lamp")), "the next step names it");
    let text = checked(home.path(), &folder, "lamp");
    assert!(text.contains(" 0 broken") && text.contains("ok           carries-its-job"), "{text}");

    let lamp = root().join("docs/examples/lamp");
    let replaced = copy(&lamp, &folder);
    assert_eq!(replaced, files_of(&folder).len() - 1, "all but Cargo.toml are replaced, and none is new");
    let text = checked(home.path(), &folder, "lamp");
    assert!(text.contains(" 0 broken") && text.contains("ok           recognises-its-own"), "{text}");
}

#[test]
fn without_the_interface_nothing_is_made() {
    let home = tempfile::tempdir().unwrap();
    for options in [&["new", "some/lamp"][..], &["new", "some/lamp", "--api", "."]] {
        let options: Vec<&Path> = options.iter().map(Path::new).collect();
        let output = drivers(home.path(), &options);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && text.contains("mdd-driver-api"), "{text}");
        assert!(text.contains("→ mdd-host drivers new NAME --api /path/to/mdd-host/driver-api"), "{text}");
        assert!(!home.path().join("some").exists());
    }
}

#[test]
fn a_name_that_can_be_no_kind_is_refused_and_nothing_is_made() {
    let home = tempfile::tempdir().unwrap();
    for name in ["Lamp", "1lamp", "la_mp"] {
        let output = drivers(home.path(), &["new".as_ref(), name.as_ref()]);
        assert_eq!(output.status.code(), Some(1));
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains("can be no kind"), "{text}");
        assert!(text.contains("→ name it with 1 to 32 of a-z, 0-9 and -"), "{text}");
        assert!(!home.path().join(name).exists());
    }
}

#[test]
fn the_template_is_short() {
    let files = files_of(&root().join("drivers/template"));
    let lines: Vec<_> = files.iter().map(|file| fs::read_to_string(file).unwrap().lines().count()).collect();
    assert!(lines.len() > 5 && lines.iter().sum::<usize>() <= 120, "{lines:?}");
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// `mdd-host drivers` in a folder.
fn drivers(home: &Path, arguments: &[&Path]) -> Output {
    mdd_host(home).current_dir(home).arg("drivers").args(arguments).output().unwrap()
}

/// Where cargo puts the driver of a kind.
fn library(root: &Path, kind: &str) -> String {
    let file = format!("{DLL_PREFIX}mdd_driver_{}{DLL_SUFFIX}", kind.replace('-', "_"));
    root.join("target/debug").join(file).display().to_string()
}

/// Builds the driver of a folder, and what the check says of it and its script.
fn checked(home: &Path, folder: &Path, kind: &str) -> String {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("new-driver");
    let built = Command::new(env!("CARGO"))
        .current_dir(folder)
        .args(["build", "--quiet", "--offline"])
        .env("CARGO_TARGET_DIR", &target)
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let file = format!("{DLL_PREFIX}mdd_driver_{}{DLL_SUFFIX}", kind.replace('-', "_"));
    let (file, script) = (target.join("debug").join(file), folder.join("conformance"));
    let checked = drivers(home, &["check".as_ref(), &file, "--script".as_ref(), &script]);
    let text = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(checked.status.success(), "{text}");
    text
}

fn files_of(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_of(&path) } else { vec![path] }).collect()
}

/// How many files it has copied.
fn copy(from: &Path, to: &Path) -> usize {
    let files = files_of(from);
    for file in &files {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(file, target).unwrap();
    }
    files.len()
}

//! The promise of the ABI: drivers and hosts of one major version work together, whichever is older and however they
//! were built.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mdd_tests::mdd_host;
use std::{
    env::consts::{DLL_PREFIX, DLL_SUFFIX, EXE_SUFFIX},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("abi")
}

/// Driver and host of one version of the interface, in a folder with a target of its own: cargo would mix them up.
struct Version {
    folder: PathBuf,
}

impl Version {
    /// The interface as it was frozen, with changes to its files.
    fn of(name: &str, changes: &[(&str, &str, &str)]) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("abi").join(name);
        copy(&here().join("1.0"), &folder.join("API"));
        copy(&here().join("driver"), &folder.join("driver"));
        copy(&here().join("host"), &folder.join("host"));
        for (file, from, to) in changes {
            let path = folder.join("API").join(file);
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.contains(from), "{file} has {from:?}");
            fs::write(&path, text.replacen(from, to, 1)).unwrap();
        }
        Self { folder }
    }

    fn build(&self, what: &str, words: &[&str], flags: &str) -> PathBuf {
        let folder = self.folder.join(what);
        // With the versions that this repository is built with, and nothing else.
        fs::copy(here().join("../../Cargo.lock"), folder.join("Cargo.lock")).unwrap();
        let output = Command::new(env!("CARGO"))
            .current_dir(&folder)
            .args(["build", "--quiet", "--offline"])
            .args(words)
            .env("CARGO_TARGET_DIR", self.folder.join("target"))
            .env("RUSTFLAGS", flags)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let profile = if words.contains(&"--release") { "release" } else { "debug" };
        self.folder.join("target").join(profile)
    }

    fn driver(&self, words: &[&str]) -> PathBuf {
        self.build("driver", words, "").join(format!("{DLL_PREFIX}mdd_abi_driver{DLL_SUFFIX}"))
    }

    /// What the host of this version says of a driver.
    fn host_on(&self, words: &[&str], driver: &Path) -> String {
        let host = self.build("host", words, "").join(format!("mdd-abi-host{EXE_SUFFIX}"));
        let output = Command::new(host).arg(driver).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Files that have not changed keep their times, so that cargo builds nothing again.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            let bytes = fs::read(entry.path()).unwrap();
            if fs::read(&target).ok().as_ref() != Some(&bytes) {
                fs::write(&target, bytes).unwrap();
            }
        }
    }
}

/// Whether the host of today takes a driver, and what it says. What the driver does then is of no matter here.
fn verdict(driver: &Path) -> (bool, String) {
    let home = tempfile::tempdir().unwrap();
    let output = mdd_host(home.path()).args(["drivers", "check"]).arg(driver).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (!text.starts_with("refused") && text.contains("sha256"), text)
}

/// 1.1: one more method, added as the rules say.
const GREET: &[(&str, &str, &str)] = &[
    ("Cargo.toml", r#"version = "1.0.0""#, r#"version = "1.1.0""#),
    ("src/abi.rs", r#"API_VERSION: &str = "1.0.0""#, r#"API_VERSION: &str = "1.1.0""#),
    (
        "src/abi/objects.rs",
        "    #[sabi(last_prefix_field)]\n    fn shutdown(&self) -> Fut<()> {\n        ready(RResult::<(), DriverError>::ROk(()))\n    }\n",
        "    #[sabi(last_prefix_field)]\n    fn shutdown(&self) -> Fut<()> {\n        ready(RResult::<(), DriverError>::ROk(()))\n    }\n    \
         fn greet(&self) -> Fut<Json> {\n        \
         ready(RResult::<Json, DriverError>::ROk(RString::from(\"the default body\")))\n    }\n",
    ),
];

/// What the rules forbid: two fields of a plain struct change places.
const BROKEN: &[(&str, &str, &str)] = &[(
    "src/abi/http.rs",
    "    pub method: RString,\n    /// A path below the endpoint, or an absolute URL of the same origin.\n    pub target: RString,\n",
    "    pub target: RString,\n    pub method: RString,\n",
)];

#[test]
fn a_driver_of_1_0_works_in_the_host_of_today_however_it_was_built() {
    let version = Version::of("1.0", &[]);
    for words in [&[][..], &["--release"]] {
        let (good, text) = verdict(&version.driver(words));
        assert!(good, "{words:?}: {text}");
        assert!(text.contains("lamp 0.1.0") && text.contains("1.0.0"), "{text}");
    }
}

#[test]
fn minor_versions_work_together_both_ways() {
    let (old, new) = (Version::of("minor-1.0", &[]), Version::of("minor-1.1", GREET));
    // The newer one optimised: neither side knows how the other was built.
    let (old_driver, new_driver) = (old.driver(&[]), new.driver(&["--release"]));
    // The older driver has no such method: its default body runs.
    let text = new.host_on(&["--features", "greets"], &old_driver);
    assert_eq!(text, "identify: a lamp at 42 ms\nholds memory: true\ngreet: the default body\n");
    // The older host does not know of it.
    let text = old.host_on(&[], &new_driver);
    assert_eq!(text, "identify: a lamp at 42 ms\nholds memory: true\n");
    // And neither does the host of today mind.
    let (good, text) = verdict(&new_driver);
    assert!(good && text.contains("1.1.0"), "{text}");
}

#[test]
fn a_change_that_breaks_the_rules_is_refused_in_one_line() {
    let version = Version::of("broken", BROKEN);
    let (good, text) = verdict(&version.driver(&[]));
    assert!(!good && text.contains("driver-layout"), "{text}");
    let reason = text.lines().find(|line| line.contains("reason")).unwrap();
    assert!(reason.contains("does not fit this host's"), "{reason}");
    assert!(text.contains("update the driver"), "{text}");
}

#[test]
fn a_layout_of_a_newer_version_is_the_hosts_to_catch_up_with() {
    let version = Version::of("broken-1.1", &[&GREET[..2], BROKEN].concat());
    let (good, text) = verdict(&version.driver(&[]));
    assert!(!good && text.contains("driver-layout") && text.contains("remedy  update mdd-host"), "{text}");
}

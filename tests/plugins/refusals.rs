//! Files that are refused before any of their code runs: each is a library whose constructor would leave a trace.

use crate::canary::Canary;
use mdd_tests::mdd_host;
use rustix::fs::{FileType, Mode, OFlags};
use std::{
    env::consts::DLL_EXTENSION,
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, chown, symlink},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

/// The user `nobody` of every Linux, and a group that is nobody's own.
const STRANGER: u32 = 65534;

struct Scene {
    canary: Canary,
    home: tempfile::TempDir,
    /// Where the file is put.
    folder: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let (canary, home) = (Canary::named("sang"), tempfile::tempdir().unwrap());
        let folder = home.path().join("plugins");
        fs::create_dir(&folder).unwrap();
        Self { canary, home, folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.join(format!("driver.{DLL_EXTENSION}"))
    }

    fn put(&self) -> PathBuf {
        fs::write(self.file(), self.canary.bytes()).unwrap();
        self.file()
    }

    /// What `drivers check` says of a file, and whether its constructor ran.
    fn verdict(&self, file: &Path) -> (String, bool) {
        let output = mdd_host(self.home.path()).args(["drivers", "check", "--json"]).arg(file).output().unwrap();
        let row: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        (row["code"].as_str().unwrap_or("good").to_owned(), self.canary.sang())
    }
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

type Spoil = fn(&Scene) -> PathBuf;

/// What is done to a library that would otherwise be loaded, and the code that refuses it.
const SPOILED: &[(&str, Spoil, &str)] = &[
    (
        "a link",
        |scene| {
            scene.put();
            let link = scene.folder.join(format!("link.{DLL_EXTENSION}"));
            symlink(scene.file(), &link).unwrap();
            link
        },
        "driver-link",
    ),
    (
        "a link to nowhere",
        |scene| {
            symlink("nowhere", scene.file()).unwrap();
            scene.file()
        },
        "driver-link",
    ),
    (
        "a folder",
        |scene| {
            fs::create_dir(scene.file()).unwrap();
            scene.file()
        },
        "driver-not-a-file",
    ),
    (
        "a pipe",
        |scene| {
            rustix::fs::mknodat(rustix::fs::CWD, scene.file(), FileType::Fifo, Mode::RWXU, 0).unwrap();
            scene.file()
        },
        "driver-not-a-file",
    ),
    ("a device", |_| PathBuf::from("/dev/zero"), "driver-not-a-file"),
    ("nothing", |scene| scene.file(), "driver-unreadable"),
    (
        "a file of somebody else",
        |scene| {
            chown(scene.put(), Some(STRANGER), None).unwrap();
            scene.file()
        },
        "driver-owner",
    ),
    (
        "a folder of somebody else",
        |scene| {
            scene.put();
            chown(&scene.folder, Some(STRANGER), None).unwrap();
            scene.file()
        },
        "driver-owner",
    ),
    (
        "a file that anybody writes",
        |scene| {
            chmod(&scene.put(), 0o666);
            scene.file()
        },
        "driver-writable",
    ),
    (
        "a file that a group writes",
        |scene| {
            chown(scene.put(), None, Some(STRANGER)).unwrap();
            chmod(&scene.file(), 0o664);
            scene.file()
        },
        "driver-writable",
    ),
    (
        "a folder that anybody writes",
        |scene| {
            scene.put();
            chmod(&scene.folder, 0o777);
            scene.file()
        },
        "driver-writable",
    ),
    (
        "a folder that a group writes",
        |scene| {
            scene.put();
            chown(&scene.folder, None, Some(STRANGER)).unwrap();
            chmod(&scene.folder, 0o775);
            scene.file()
        },
        "driver-writable",
    ),
    (
        "a folder above that anybody writes",
        |scene| {
            let deep = scene.folder.join("deep");
            fs::create_dir(&deep).unwrap();
            let file = deep.join(format!("driver.{DLL_EXTENSION}"));
            fs::write(&file, scene.canary.bytes()).unwrap();
            chmod(&scene.folder, 0o777);
            file
        },
        "driver-writable",
    ),
    (
        "a linked folder that anybody writes",
        |scene| {
            let file = scene.put();
            chmod(&scene.folder, 0o777);
            let link = scene.home.path().join("link");
            symlink(&scene.folder, &link).unwrap();
            link.join(file.file_name().unwrap())
        },
        "driver-writable",
    ),
    (
        "an empty file",
        |scene| {
            fs::write(scene.file(), "").unwrap();
            scene.file()
        },
        "driver-empty",
    ),
    (
        "four gigabytes of nothing",
        |scene| {
            let flags = OFlags::CREATE | OFlags::WRONLY;
            let file = rustix::fs::open(scene.file(), flags, Mode::RUSR | Mode::WUSR).unwrap();
            rustix::fs::ftruncate(&file, 4 << 30).unwrap();
            scene.file()
        },
        "driver-too-large",
    ),
    (
        "half of it",
        |scene| {
            let bytes = scene.canary.bytes();
            fs::write(scene.file(), &bytes[..bytes.len() / 2]).unwrap();
            scene.file()
        },
        "driver-truncated",
    ),
    (
        "another processor's",
        |scene| {
            let mut bytes = scene.canary.bytes();
            let other: u16 = if cfg!(target_arch = "x86_64") { 183 } else { 62 };
            bytes[18..20].copy_from_slice(&other.to_le_bytes());
            fs::write(scene.file(), bytes).unwrap();
            scene.file()
        },
        "driver-wrong-architecture",
    ),
    (
        "another major version",
        |scene| {
            let bytes = replaced(&scene.canary.bytes(), br#""api_version":"1."#, br#""api_version":"9."#);
            fs::write(scene.file(), bytes).unwrap();
            scene.file()
        },
        "driver-api-version",
    ),
    (
        "a build that aborts",
        |scene| {
            let bytes = replaced(&scene.canary.bytes(), br#""panic":"unwind""#, br#""panic":"abort!""#);
            fs::write(scene.file(), bytes).unwrap();
            scene.file()
        },
        "driver-panic-abort",
    ),
    (
        "no manifest",
        |scene| {
            let bytes = replaced(&scene.canary.bytes(), br#"{"schema":1"#, br#"{"schemX!!!"#);
            fs::write(scene.file(), bytes).unwrap();
            scene.file()
        },
        "driver-bad-manifest",
    ),
    (
        "what is not in the list",
        |scene| {
            let state = scene.home.path().join("state/drivers");
            fs::create_dir_all(&state).unwrap();
            fs::write(state.join("allowed"), format!("{}  another\n", "0".repeat(64))).unwrap();
            scene.put()
        },
        "driver-not-allowed",
    ),
    (
        "what nobody has signed",
        |scene| {
            let keys = scene.home.path().join("state/drivers/keys");
            fs::create_dir_all(&keys).unwrap();
            fs::write(keys.join("somebody.pub"), "RWTdTj2T7tijR3kfs7N3AGyLkFPy8etwbXwHdRjGwcKaS7srWs8Zh1D8").unwrap();
            scene.put()
        },
        "driver-not-allowed",
    ),
    (
        "what is in quarantine",
        |scene| {
            let file = scene.put();
            let output = mdd_host(scene.home.path()).args(["drivers", "quarantine"]).arg(&file).output().unwrap();
            assert!(output.status.success(), "{output:?}");
            file
        },
        "driver-quarantined",
    ),
];

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from).expect("it has that text");
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

#[test]
fn what_is_refused_leaves_no_trace() {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        eprintln!("skipped in part: only root can make files of another user");
    }
    for (what, spoil, code) in SPOILED {
        let takes_root = what.contains("somebody else") || what.contains("group");
        if takes_root && !is_root {
            continue;
        }
        let scene = Scene::new();
        let file = spoil(&scene);
        assert_eq!(scene.verdict(&file), ((*code).to_owned(), false), "{what}");
    }
    assert!(SPOILED.len() >= 20);
}

#[test]
fn the_same_library_unspoiled_does_leave_one() {
    let scene = Scene::new();
    let file = scene.put();
    // It is no driver, which is only known once it is loaded.
    assert_eq!(scene.verdict(&file), ("driver-no-entry-point".to_owned(), true));
}

#[test]
fn a_group_of_the_users_own_may_write_and_a_sticky_folder_is_safe() {
    let scene = Scene::new();
    let file = scene.put();
    chmod(&scene.folder, 0o1777);
    assert_eq!(scene.verdict(&file).0, "driver-no-entry-point");
}

/// Whoever exchanges the file all the time never gets another content loaded than the one that was judged.
#[test]
fn a_race_of_renames_is_never_won() {
    const TRIES: usize = 10_000;
    let (good, evil) = (Canary::named("good"), Canary::named("evil"));
    let (good, evil) = (good.bytes(), evil.bytes());
    let home = tempfile::tempdir().unwrap();
    let (folder, state) = (home.path().join("plugins"), home.path().join("drivers"));
    fs::create_dir_all(&folder).unwrap();
    fs::create_dir_all(&state).unwrap();
    let path = folder.join(format!("driver.{DLL_EXTENSION}"));
    let beside = |name: &str| folder.join(name);
    fs::write(&path, &good).unwrap();
    // Only the good one is allowed: if any of the other is loaded, the look and the load saw two files.
    let sha256 = mdd_core::plugins::inspect::inspect(&path).unwrap().sha256().to_owned();
    fs::write(state.join("allowed"), &sha256).unwrap();
    let gate = mdd_core::plugins::Gate::new(&state, mdd_core::plugins::Vetting::InProcess);
    let over = AtomicBool::new(false);
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut turn = 0;
            while !over.load(Ordering::Relaxed) {
                turn += 1;
                let bytes = if turn % 2 == 0 { &good } else { &evil };
                fs::write(beside(".next"), bytes).unwrap();
                fs::rename(beside(".next"), &path).unwrap();
            }
        });
        for _ in 0..TRIES {
            let refusal = gate.admit(&path).unwrap_err();
            *seen.entry(refusal.code().to_owned()).or_default() += 1;
        }
        over.store(true, Ordering::Relaxed);
    });
    let known = ["driver-no-entry-point", "driver-not-allowed"];
    assert!(seen.keys().all(|code| known.contains(&code.as_str())), "{seen:?}");
    assert!(known.iter().all(|code| seen.contains_key(*code)), "both were met: {seen:?}");
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let mapped: std::collections::BTreeSet<&str> = maps
        .lines()
        .filter(|line| line.contains("mdd-driver"))
        .filter_map(|line| line.split_whitespace().nth(4))
        .collect();
    assert_eq!(mapped.len(), 1, "one content was loaded, once:\n{maps}");
}

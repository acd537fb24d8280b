//! Drivers that do harm when they are tried: it happens in a process of its own, is told with the place, and is
//! remembered.

use mdd_tests::{drop_in, mdd_host, variant};
use serde_json::Value;
use std::{
    ffi::OsStr,
    fs,
    process::Command,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// The hostile driver with a harm in a method.
pub(crate) fn hostile(harm: &str, place: &str) -> Vec<u8> {
    let filled = |begin: &str, word: &str, of: &str| format!("{:.<1$}", format!("{begin}{word}"), of.len());
    let (harm_slot, place_slot) = ("harm=nothing.....................", "place=nowhere....................");
    variant(
        "hostile",
        &[(harm_slot, &filled("harm=", harm, harm_slot)), (place_slot, &filled("place=", place, place_slot))],
    )
}

struct Scene {
    home: TempDir,
    plugins: TempDir,
}

impl Scene {
    fn with(harm: &str, place: &str) -> Self {
        let scene = Self { home: tempfile::tempdir().unwrap(), plugins: tempfile::tempdir().unwrap() };
        drop_in(scene.plugins.path(), "hostile", &hostile(harm, place));
        scene
    }

    fn command(&self) -> Command {
        mdd_host(self.home.path())
    }

    fn on_driver(&self, word: &str, driver: impl AsRef<OsStr>) -> Command {
        let mut command = self.command();
        command.args(["drivers", word, "--plugins"]).arg(self.plugins.path()).arg(driver);
        command
    }

    fn list(&self) -> Vec<Value> {
        let output =
            self.command().args(["drivers", "list", "--json", "--plugins"]).arg(self.plugins.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // Nothing but the one line of the answer is on stdout, whatever a driver prints.
        let list: Value = serde_json::from_slice(&output.stdout).unwrap();
        list["drivers"].as_array().unwrap().clone()
    }

    fn only(&self) -> (String, String) {
        let list = self.list();
        assert_eq!(list.len(), 1, "{list:#?}");
        let text = |field: &str| list[0][field].as_str().unwrap_or_default().to_owned();
        (text("code"), text("reason"))
    }
}

#[test]
fn each_harm_is_told_with_its_place_and_harms_nothing() {
    for (harm, place, code, words) in [
        ("abort", "create", "driver-crashed", "in create: SIGABRT"),
        ("abort", "identify", "driver-crashed", "in identify: SIGABRT"),
        ("abort", "drop", "driver-crashed", "in drop: SIGABRT"),
        ("segv", "identify", "driver-crashed", "in identify: SIG"),
        ("overflow", "identify", "driver-crashed", "in identify: SIGABRT"),
        ("exit", "create", "driver-ends-process", "in create, with exit code 77"),
        ("exit", "drop", "driver-ends-process", "in drop, with exit code 77"),
        ("panic", "identify", "driver-panicked", "panicked in identify"),
        ("hang", "identify", "driver-hung", "from identify within"),
        ("spin", "create", "driver-hung", "from create within"),
        ("hoard", "create", "driver-crashed", "in create: SIGABRT"),
    ] {
        let scene = Scene::with(harm, place);
        let (seen, reason) = scene.only();
        assert_eq!(seen, code, "{harm} in {place}: {reason}");
        assert!(reason.contains(words), "{harm} in {place}: {reason}");
    }
}

#[test]
fn whoever_prints_is_not_heard_and_is_used() {
    let scene = Scene::with("print", "identify");
    assert_eq!(scene.list()[0]["status"], "active");
}

#[test]
#[cfg(target_os = "linux")]
fn what_a_driver_starts_ends_with_its_trial() {
    let scene = Scene::with("spawn", "identify");
    assert_eq!(scene.list()[0]["status"], "active");
    let is_left = || {
        let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        processes
            .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
            .any(|line| line == b"sleep\x0086399\0")
    };
    let deadline = Instant::now() + Duration::from_secs(20);
    while is_left() {
        assert!(Instant::now() < deadline, "a process of the driver still runs");
        std::thread::yield_now();
    }
}

#[test]
fn a_verdict_is_remembered_until_it_is_asked_for_anew() {
    let scene = Scene::with("hang", "identify");
    assert_eq!(scene.only().0, "driver-hung");
    let began = Instant::now();
    assert_eq!(scene.only().0, "driver-hung");
    assert!(began.elapsed() < Duration::from_secs(4), "nobody waited for it again: {:?}", began.elapsed());
    let remembered = scene.home.path().join("state/drivers/drivers.json");
    let text = fs::read_to_string(&remembered).unwrap();
    assert!(text.contains("driver-hung"), "{text}");
    // For another build of the host it is as new.
    fs::write(&remembered, text.replace("\"host\": \"", "\"host\": \"another ")).unwrap();
    let began = Instant::now();
    assert_eq!(scene.only().0, "driver-hung");
    assert!(began.elapsed() >= Duration::from_secs(4), "it was tried again");
}

fn decide(scene: &Scene, word: &str, driver: impl AsRef<OsStr>) {
    let output = scene.on_driver(word, driver).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_user_decides_on_a_driver() {
    let scene = Scene::with("nothing", "nowhere");
    let file = scene.plugins.path().join(format!("hostile.{}", std::env::consts::DLL_EXTENSION));
    assert_eq!(scene.list()[0]["status"], "active");
    decide(&scene, "quarantine", &file);
    let row = &scene.list()[0];
    assert_eq!((row["status"].as_str(), row["code"].as_str()), (Some("quarantined"), Some("driver-quarantined")));
    assert!(row["reason"].as_str().unwrap().contains("by the user"));
    decide(&scene, "trust", &file);
    assert_eq!(scene.list()[0]["status"], "active");
    decide(&scene, "forget", &file);
    assert!(!fs::read_to_string(scene.home.path().join("state/drivers/drivers.json")).unwrap().contains("hostile"));
    let unknown = scene.on_driver("trust", "no-such-file").output().unwrap();
    assert_eq!(unknown.status.code(), Some(1));
    let told = String::from_utf8_lossy(&unknown.stderr);
    assert!(told.contains("no driver \"no-such-file\"; there is hostile"), "{told}");
}

#[test]
fn whoever_is_forgotten_is_no_longer_allowed() {
    let scene = Scene::with("nothing", "nowhere");
    let file = scene.list()[0]["path"].as_str().unwrap().to_owned();
    let folder = scene.home.path().join("state/drivers");
    fs::create_dir_all(&folder).unwrap();
    let list = folder.join("allowed");
    let other = format!("{}  of the studio\n", "0".repeat(64));
    fs::write(&list, &other).unwrap();
    let code = || scene.list()[0]["code"].as_str().map(str::to_owned);
    assert_eq!(code().as_deref(), Some("driver-not-allowed"));
    decide(&scene, "trust", &file);
    assert_eq!(code(), None);
    decide(&scene, "forget", &file);
    assert_eq!(code().as_deref(), Some("driver-not-allowed"));
    assert_eq!(fs::read_to_string(&list).unwrap(), other, "what others have allowed stays");
    // Whoever looks for the service is not told that there is no driver.
    let output = scene
        .command()
        .args(["status", "--no-discovery", "--backend", "hostile=1", "--plugins"])
        .arg(scene.plugins.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("is there and is not used (driver-not-allowed)"), "{text}");
    assert!(text.contains("→ If you trust it, allow it with `mdd-host drivers trust "), "{text}");
}

#[test]
fn a_driver_is_named_by_its_kind() {
    let scene = Scene::with("nothing", "nowhere");
    let status = |list: &[Value]| list.iter().map(|row| row["status"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    decide(&scene, "quarantine", "hostile");
    assert_eq!(status(&scene.list()), ["quarantined"]);
    decide(&scene, "trust", "hostile");
    assert_eq!(status(&scene.list()), ["active"]);
    // Of two that could be meant, the one in use goes into quarantine, and the one that is there comes out of it.
    let mut newer = hostile("nothing", "nowhere");
    newer.push(0);
    fs::write(scene.plugins.path().join(format!("second.{}", std::env::consts::DLL_EXTENSION)), newer).unwrap();
    assert_eq!(status(&scene.list()), ["active", "shadowed"]);
    decide(&scene, "quarantine", "hostile");
    assert_eq!(status(&scene.list()), ["quarantined", "active"]);
    decide(&scene, "trust", "hostile");
    assert_eq!(status(&scene.list()), ["active", "shadowed"]);
    // Of two in quarantine nobody knows which one is meant.
    decide(&scene, "quarantine", "hostile");
    decide(&scene, "quarantine", "hostile");
    let output = scene.on_driver("trust", "hostile").output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("2 drivers are of kind \"hostile\"; name the file: "), "{told}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_bad_update_leaves_the_version_before_it_in_use() {
    let scene = Scene::with("nothing", "nowhere");
    assert_eq!(scene.list()[0]["status"], "active");
    drop_in(scene.plugins.path(), "hostile", &hostile("abort", "create"));
    let list = scene.list();
    let of = |status: &str| list.iter().filter(|row| row["status"] == status).collect::<Vec<_>>();
    assert_eq!((of("rejected").len(), of("active").len()), (1, 1), "{list:#?}");
    assert!(of("active")[0]["path"].as_str().unwrap().contains("kept"), "{list:#?}");
    // A file that is gone is another matter: that is what its user wanted.
    fs::remove_file(of("rejected")[0]["path"].as_str().unwrap()).unwrap();
    assert!(scene.list().is_empty());
}

#[test]
fn why_shows_every_place_that_was_searched() {
    let scene = Scene::with("abort", "create");
    let output = scene
        .command()
        .args(["drivers", "list", "--why", "--plugins"])
        .arg(scene.plugins.path())
        .env("MDD_PLUGIN_PATH", "relative")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for words in
        ["driver-crashed", "--plugins", "MDD_PLUGIN_PATH", "takes absolute folders only", "is not there", "(searched)"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
}

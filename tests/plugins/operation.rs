//! Drivers that do harm at work, when they have been found good: who is blamed, what goes on, and what the user sees.

use crate::vetting::hostile;
use mdd_core::events::{BackendView, StateName};
use mdd_tests::{Answer, Running, Stub, add_driver, drop_in, eventually, mdd_host};
use serde_json::{Value, json};
use std::{
    path::Path,
    process::{Command as StdCommand, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

/// Far longer than anything here takes on an idle machine.
const PATIENCE: Duration = Duration::from_secs(60);
const YES: Answer = (200, "application/json", r#"{"lamp": "Desk lamp"}"#);

fn is_connected(backend: &BackendView) -> bool {
    backend.state == StateName::Connected
}

/// A host in this process with the lamp, which does no harm, and the hostile driver, both at one service.
async fn beside_the_lamp(harm: &str) -> (Running, Stub, TempDir) {
    let service = Stub::start(&[], YES).await;
    let folder = tempfile::tempdir().unwrap();
    add_driver(folder.path(), "lamp");
    drop_in(folder.path(), "hostile", &hostile(harm, "work"));
    let running = Running::start(folder.path(), &[("lamp", &service.url), ("hostile", &service.url)]);
    running.until("lamp", PATIENCE, is_connected).await;
    (running, service, folder)
}

async fn until_quarantined(running: &Running) -> String {
    let notice = eventually(&running.host, PATIENCE, |snapshot| {
        snapshot.notices.iter().find(|notice| notice.text.contains("in quarantine")).cloned()
    });
    let text = notice.await.text;
    running
        .until("hostile", PATIENCE, |backend| backend.reason.as_ref().is_some_and(|reason| reason.code == "no-driver"))
        .await;
    let drivers = running.host.drivers().drivers;
    let row = drivers.iter().find(|row| row.status == "quarantined").unwrap_or_else(|| panic!("{drivers:#?}"));
    assert_eq!(row.code.as_deref(), Some("driver-quarantined"));
    text
}

#[tokio::test]
async fn a_driver_that_blocks_is_seen_and_the_others_go_on() {
    let (running, service, _folder) = beside_the_lamp("hang").await;
    let has_code = |backend: &BackendView| backend.reason.as_ref().is_some_and(|reason| reason.code == "driver-stuck");
    let stuck = running.until("hostile", PATIENCE, has_code).await;
    assert!(stuck.reason.unwrap().observation.contains("blocks in check"));
    // The lamp is still asked, and answers.
    let asked = service.asked("/lamp.json");
    let deadline = Instant::now() + PATIENCE;
    while service.asked("/lamp.json") < asked + 3 {
        assert!(Instant::now() < deadline, "nobody asks for the lamp any more");
        tokio::task::yield_now().await;
    }
    assert!(is_connected(&running.backend("lamp")));
    // It does so each time, and three times are enough.
    assert!(until_quarantined(&running).await.contains("blocks in check"));
    assert!(is_connected(&running.backend("lamp")));
}

#[tokio::test]
async fn a_driver_that_hoards_memory_is_thrown_out() {
    let (running, _service, _folder) = beside_the_lamp("memory").await;
    let text = until_quarantined(&running).await;
    assert!(text.contains("MiB of memory, 256 are allowed"), "{text}");
    assert!(is_connected(&running.backend("lamp")));
}

#[tokio::test]
async fn a_driver_that_panics_again_and_again_is_thrown_out() {
    let (running, _service, _folder) = beside_the_lamp("panic").await;
    let text = until_quarantined(&running).await;
    assert!(text.contains("as the test wants it"), "{text}");
    assert!(is_connected(&running.backend("lamp")));
}

#[tokio::test]
async fn a_newer_driver_that_fails_at_work_makes_room_for_the_one_before_it() {
    let service = Stub::start(&[], YES).await;
    let home = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let good = hostile("nothing", "work");
    drop_in(folder.path(), "hostile", &good);
    let list = || {
        let output =
            mdd_host(home.path()).args(["drivers", "list", "--json", "--plugins"]).arg(folder.path()).output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    assert_eq!(list()["drivers"][0]["status"], "active");
    drop_in(folder.path(), "hostile", &hostile("abort", "work"));
    let mut bridge = Bridge::start(home.path(), folder.path(), &service.url);
    bridge.until("was started again").await;
    let list = list();
    let of = |status: &str| {
        let rows = list["drivers"].as_array().unwrap();
        rows.iter().find(|row| row["status"] == status).cloned().unwrap_or_else(|| panic!("{list:#}"))
    };
    assert!(
        of("quarantined")["reason"].as_str().unwrap().contains("it crashed the host in check: SIGABRT"),
        "{list:#}"
    );
    assert!(of("active")["path"].as_str().unwrap().contains("kept"), "{list:#}");
}

/// A bridge with the host that it started, which ends with it.
struct Bridge {
    home: std::path::PathBuf,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    is_greeted: bool,
}

impl Bridge {
    fn start(home: &Path, plugins: &Path, url: &str) -> Self {
        let mut command = Command::from(mdd_host(home));
        command.args(["bridge", "--no-discovery", "--backend", &format!("hostile={url}"), "--plugins"]).arg(plugins);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { home: home.to_owned(), child, lines, is_greeted: false }
    }

    async fn greet(&mut self) {
        if !std::mem::replace(&mut self.is_greeted, true) {
            self.say("hello", json!({"protocol": 1, "client": "test", "version": "0"})).await;
            self.say("subscribe", json!({})).await;
        }
    }

    async fn say(&mut self, method: &str, params: Value) {
        let line = json!({"jsonrpc": "2.0", "id": method, "method": method, "params": params}).to_string() + "\n";
        self.child.stdin.as_mut().unwrap().write_all(line.as_bytes()).await.unwrap();
    }

    /// Reads until a line has these words.
    async fn until(&mut self, words: &str) -> Value {
        self.greet().await;
        let found = timeout(PATIENCE, async {
            loop {
                let line = self.lines.next_line().await.unwrap().expect("the bridge stays");
                // Each line is one of the protocol, whatever happens to the host.
                let value: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                if line.contains(words) {
                    return value;
                }
            }
        });
        found.await.unwrap_or_else(|_| panic!("nobody says {words:?}"))
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        // The bridge first: it would start another host.
        let _gone = self.child.start_kill();
        let _stopped = mdd_host(&self.home).arg("stop").output();
    }
}

#[tokio::test]
async fn a_driver_that_takes_the_host_down_is_known_when_the_host_is_back() {
    for (harm, words) in [
        ("abort", "it crashed the host in check: SIGABRT"),
        ("segv", "it crashed the host in check: SIG"),
        ("overflow", "it crashed the host in check: SIGSEGV"),
        ("exit", "it ended the host in check"),
    ] {
        let service = Stub::start(&[], YES).await;
        let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        drop_in(folder.path(), "hostile", &hostile(harm, "work"));
        add_driver(folder.path(), "lamp");
        let mut bridge = Bridge::start(home.path(), folder.path(), &service.url);
        // It waits for a lamp, while another driver takes the host down.
        bridge.greet().await;
        bridge.say("jobs.submit", json!({"id": "kept", "kind": "lamp", "payload": {}})).await;
        bridge.until("was started again").await;
        let output = mdd_host(home.path()).args(["jobs", "show", "kept", "--json"]).output().unwrap();
        let job: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(job["state"], "queued", "{harm}: {job:#}");
        let output = mdd_host(home.path()).args(["drivers", "list", "--json"]).output().unwrap();
        let list: Value = serde_json::from_slice(&output.stdout).unwrap();
        let row = list["drivers"].as_array().unwrap().iter().find(|row| row["status"] == "quarantined");
        let reason = row.unwrap_or_else(|| panic!("{harm}: {list:#}"))["reason"].as_str().unwrap().to_owned();
        assert!(reason.contains(words), "{harm}: {reason}");
        // One command lets it go.
        let file = row.unwrap()["path"].as_str().unwrap();
        let trusted = mdd_host(home.path()).args(["drivers", "trust", file]).output().unwrap();
        assert!(trusted.status.success(), "{}", String::from_utf8_lossy(&trusted.stderr));
    }
}

#[tokio::test]
async fn a_flood_of_lines_is_cut() {
    for (harm, most) in [("log", 2000), ("long-log", 2000)] {
        let service = Stub::start(&[], YES).await;
        let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let bytes = hostile(harm, "work");
        drop_in(folder.path(), "hostile", &bytes);
        let log = home.path().join("log");
        let mut command: StdCommand = mdd_host(home.path());
        command.args(["serve", "--no-discovery", "--backend", &format!("hostile={}", service.url), "--plugins"]);
        command.arg(folder.path()).stdin(Stdio::null()).stderr(std::fs::File::create(&log).unwrap());
        let mut host = Command::from(command).kill_on_drop(true).spawn().unwrap();
        let deadline = Instant::now() + PATIENCE;
        let read = || std::fs::read_to_string(&log).unwrap();
        while !read().contains("hostile") || (harm == "log" && !read().contains("were left out")) {
            assert!(Instant::now() < deadline, "{harm}: {} bytes of log", read().len());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        host.kill().await.unwrap();
        let text = read();
        assert!(text.lines().count() < most, "{harm}: {} lines", text.lines().count());
        assert!(text.lines().all(|line| line.len() < 10_000), "{harm}: a line of endless length");
    }
}

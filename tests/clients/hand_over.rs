//! A newer version takes over from an older one.

use crate::{
    home::Home,
    processes, soon,
    talk::{Bridge, SocketTalk},
};
use mdd_core::rpc::{HostLock, PROTOCOL};
use serde_json::{Value, json};
use std::{fs, process::Stdio};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
    task::{JoinHandle, JoinSet},
};

#[tokio::test]
async fn an_idle_host_ends_when_another_version_asks() {
    let home = Home::empty();
    let mut host = home.serve().await;
    let mut client = SocketTalk::greeted(&home).await;
    let answer = client.ask("host.hand-over", json!({"version": "999.0.0"})).await;
    assert_eq!(answer, json!({"open_jobs": 0}));
    assert!(host.ended().await.success());
    assert!(home.log().contains("another version takes over"), "{}", home.log());
    assert!(!home.socket().exists());
}

/// A host of a version before any, which holds the lock and listens as a real one does.
struct OldHost {
    asked: JoinHandle<Vec<Value>>,
}

impl OldHost {
    fn start(home: &Home, open_jobs: u32) -> Self {
        let lock = HostLock::take(home.state()).unwrap();
        fs::create_dir_all(home.socket().parent().unwrap()).unwrap();
        let listener = UnixListener::bind(home.socket()).unwrap();
        let socket = home.socket();
        let asked = tokio::spawn(async move {
            let mut clients = JoinSet::new();
            let mut asked = Vec::new();
            loop {
                tokio::select! {
                    stream = listener.accept() => drop(clients.spawn(Self::answer(stream.unwrap().0, open_jobs))),
                    Some(request) = clients.join_next() => asked.extend(request.unwrap()),
                }
                if open_jobs == 0 && !asked.is_empty() {
                    fs::remove_file(&socket).unwrap();
                    drop(lock);
                    return asked;
                }
            }
        });
        Self { asked }
    }

    /// Speaks with a client until that leaves or asks for a hand-over that can be.
    async fn answer(stream: UnixStream, open_jobs: u32) -> Option<Value> {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
            let request: Value = serde_json::from_str(&line).unwrap();
            let result = match request["method"].as_str() {
                Some("hello") => json!({"protocol": PROTOCOL, "version": "0.0.1", "pid": 1, "started": "long ago"}),
                Some("host.hand-over") => json!({"open_jobs": open_jobs}),
                _ => json!({"old": true}),
            };
            let answer = json!({"jsonrpc": "2.0", "id": request["id"], "result": result});
            stream.write_all(format!("{answer}\n").as_bytes()).await.unwrap();
            if request["method"] == "host.hand-over" && open_jobs == 0 {
                return Some(request["params"].clone());
            }
            line.clear();
        }
        None
    }
}

/// What a host of this version answers, as one of another version.
async fn as_another_version(listener: UnixListener, host: std::path::PathBuf) {
    let ours = format!("\"version\":\"{}\"", env!("CARGO_PKG_VERSION"));
    let mut clients = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let (mut questions, mut answers) = client.into_split();
        let (theirs, mut to_host) = UnixStream::connect(&host).await.unwrap().into_split();
        let ours = ours.clone();
        clients.spawn(async move {
            let asking = tokio::io::copy(&mut questions, &mut to_host);
            let answering = async {
                let mut lines = BufReader::new(theirs).lines();
                let hello = lines.next_line().await?.unwrap_or_default();
                assert!(hello.contains(&ours), "{hello}");
                answers.write_all((hello.replacen(&ours, "\"version\":\"0.0.1\"", 1) + "\n").as_bytes()).await?;
                tokio::io::copy(&mut lines.into_inner(), &mut answers).await
            };
            let _gone = tokio::join!(asking, answering);
        });
    }
}

#[tokio::test]
async fn the_doctor_says_that_another_version_runs() {
    let (host, home) = (Home::empty(), Home::empty());
    let _host = host.serve().await;
    fs::create_dir_all(home.socket().parent().unwrap()).unwrap();
    let relay = tokio::spawn(as_another_version(UnixListener::bind(home.socket()).unwrap(), host.socket()));
    let output = home.output(&["doctor", "--json"]).await;
    relay.abort();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["subject"] == "host").unwrap();
    assert_eq!(found["reason"]["code"], "other-version-runs", "{report:#}");
    mdd_tests::provoked::code("other-version-runs");
    assert!(found["observation"].as_str().unwrap().starts_with("version 0.0.1 runs"), "{found}");
}

#[tokio::test]
async fn a_newer_client_replaces_an_older_host() {
    let home = Home::empty();
    let old = OldHost::start(&home, 0);
    let (_bridge, hello) = Bridge::greeted(&home).await;
    assert_eq!(hello["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(hello["pid"], home.only_host().await);
    let asked = soon("the old host's end", old.asked).await.unwrap();
    assert_eq!(asked, [json!({"version": env!("CARGO_PKG_VERSION")})]);
}

#[tokio::test]
async fn newer_clients_that_come_together_replace_it_once() {
    let home = Home::empty();
    let _old = OldHost::start(&home, 0);
    let mut bridges: Vec<_> = (0..4).map(|_| Bridge::start(&home)).collect();
    let mut pids = Vec::new();
    for bridge in &mut bridges {
        let hello = bridge.talk.hello().await;
        assert_eq!(hello["version"], env!("CARGO_PKG_VERSION"));
        pids.push(hello["pid"].clone());
    }
    pids.dedup();
    assert_eq!(pids, [json!(home.only_host().await)]);
}

#[tokio::test]
async fn an_older_host_that_still_has_jobs_is_used_until_they_are_done() {
    let home = Home::empty();
    let old = OldHost::start(&home, 3);
    let (mut bridge, hello) = Bridge::greeted(&home).await;
    assert_eq!(hello["version"], "0.0.1");
    assert_eq!(bridge.talk.ask("snapshot", Value::Null).await, json!({"old": true}));
    assert!(processes::hosts(home.state()).is_empty());
    old.asked.abort();
    let _ended = old.asked.await;
    // Its end is like that of any host.
    bridge.talk.notification("notice").await;
    assert_eq!(bridge.talk.hello().await["version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn while_somebody_replaces_the_host_nobody_else_starts_one() {
    let home = Home::empty();
    fs::create_dir_all(home.state()).unwrap();
    let replacing = fs::File::create(home.state().join("start.lock")).unwrap();
    replacing.lock().unwrap();
    let mut bridge = Bridge::start(&home);
    // A host by other means, as the one who replaces it would start it.
    let mut command = home.starter(&["serve"]);
    let mut host = command.stdout(Stdio::null()).spawn().unwrap();
    let hello = bridge.talk.hello().await;
    assert_eq!(hello["pid"], json!(host.id().unwrap()));
    assert_eq!(home.only_host().await, host.id().unwrap());
    host.kill().await.unwrap();
}

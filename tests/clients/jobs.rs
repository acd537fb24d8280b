//! A host with work to do does not leave, whoever asks.

use crate::{PATIENCE, copy::Copy, home::Home, soon, talk::SocketTalk};
use mdd_core::{
    events::{JobState, JobView},
    rpc::ErrorCode,
};
use mdd_sim::{JobState as Remote, Sim};
use mdd_tests::{drop_in, variant};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::path::Path;

/// A picture after so many tenths of a second.
pub(crate) fn workflow(tenths: u32) -> Value {
    json!({
        "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 0}},
        "2": {"class_type": "LabSlow", "inputs": {"image": ["1", 0], "steps": tenths, "delay": 0.1, "preview": true}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "mdd"}},
    })
}

async fn submit(talk: &mut SocketTalk, id: &str, tenths: u32) -> Value {
    talk.ask("jobs.submit", json!({"id": id, "kind": "comfyui", "payload": workflow(tenths)})).await
}

/// The only job of a host, once it is as wanted.
async fn until_job(client: &mut SocketTalk, wanted: impl Fn(&JobView) -> bool) -> JobView {
    let mut copy = Copy::default();
    loop {
        copy.take(client.update().await);
        let job = copy.state.as_ref().and_then(|state| state.jobs.first());
        if let Some(job) = job.filter(|job| wanted(job)) {
            return job.clone();
        }
    }
}

#[tokio::test]
async fn it_stays_without_clients_until_the_work_is_done() {
    let sim = Sim::start("comfyui").await.unwrap();
    let home = Home::with(&["comfyui"], &[("comfyui", &sim.url())]);
    let mut host = home.serve_with(&["--idle-exit", "0.5"]).await;
    let mut client = SocketTalk::greeted(&home).await;
    submit(&mut client, "long", 30).await;
    drop(client);
    assert!(host.ended().await.success());
    let jobs = sim.ledger().jobs;
    assert_eq!((jobs.len(), jobs[0].runs, jobs[0].state), (1, 1, Remote::Finished));
}

#[tokio::test]
async fn it_hands_over_when_the_work_is_done_and_takes_no_more() {
    let sim = Sim::start("comfyui").await.unwrap();
    let home = Home::with(&["comfyui"], &[("comfyui", &sim.url())]);
    let mut host = home.serve().await;
    let mut client = SocketTalk::greeted(&home).await;
    let mut witness = SocketTalk::subscribed(&home).await;
    submit(&mut client, "long", 20).await;
    let answer = client.ask("host.hand-over", json!({"version": "999.0.0"})).await;
    assert_eq!(answer, json!({"open_jobs": 1}));
    let another = json!({"id": "another", "kind": "comfyui", "payload": workflow(1)});
    assert_eq!(client.error("jobs.submit", another).await.0, ErrorCode::Draining as i64);
    // Whoever watches sees the work done before the end.
    until_job(&mut witness, |job| job.state == JobState::Done).await;
    assert!(host.ended().await.success());
    assert_eq!(sim.ledger().jobs.len(), 1);
}

/// As a laptop does whose lid is closed while its workstation goes on, and whose network has forgotten it meanwhile.
#[tokio::test]
async fn what_ended_while_the_host_slept_is_fetched_when_it_wakes() {
    let sim = Sim::start("comfyui").await.unwrap();
    let home = Home::with(&["comfyui"], &[("comfyui", &sim.url())]);
    let host = home.serve().await;
    let mut client = SocketTalk::subscribed(&home).await;
    submit(&mut client, "overnight", 20).await;
    until_job(&mut client, |job| job.progress.is_some()).await;
    host.signal(Signal::STOP);
    sim.wait_for(|ledger| ledger.jobs[0].state == Remote::Finished, PATIENCE).await.unwrap();
    sim.stop().await;
    sim.start_again().await.unwrap();
    host.signal(Signal::CONT);
    let mut client = SocketTalk::subscribed(&home).await;
    let job = until_job(&mut client, |job| job.state.is_final()).await;
    assert_eq!((job.state, job.attempt), (JobState::Done, 1), "{job:#?}");
    assert!(Path::new(&job.results[0].path).is_file(), "{job:#?}");
    assert_eq!((sim.ledger().jobs.len(), sim.ledger().jobs[0].runs), (1, 1));
}

/// The checkpoint of one version is read by the next, which finds the work where the one before left it.
#[tokio::test]
async fn a_newer_driver_takes_up_what_the_one_before_began() {
    let sim = Sim::start("comfyui").await.unwrap();
    let home = Home::with(&["comfyui"], &[("comfyui", &sim.url())]);
    let host = home.serve().await;
    let mut client = SocketTalk::subscribed(&home).await;
    submit(&mut client, "a", 30).await;
    until_job(&mut client, |job| job.progress.is_some()).await;
    host.kill().await;
    let of = |version: &str| format!(r#""version":"{version}""#);
    let newer = variant("comfyui", &[(&of(env!("CARGO_PKG_VERSION")), &of("9.9.9"))]);
    drop_in(home.plugins(), "comfyui", &newer);
    let _host = home.serve().await;
    let mut client = SocketTalk::subscribed(&home).await;
    let job = until_job(&mut client, |job| job.state.is_final()).await;
    assert_eq!((job.state, job.attempt), (JobState::Done, 1), "{job:#?}");
    assert!(Path::new(&job.results[0].path).is_file(), "{job:#?}");
    let drivers = client.ask("drivers.list", json!({})).await;
    let active = drivers["drivers"].as_array().unwrap().iter().find(|driver| driver["status"] == "active").cloned();
    assert_eq!(active.unwrap()["version"], "9.9.9");
    assert_eq!((sim.ledger().jobs.len(), sim.ledger().jobs[0].runs), (1, 1));
}

#[tokio::test]
async fn a_command_waits_for_its_job_and_tells_where_the_result_is() {
    let sim = Sim::start("comfyui").await.unwrap();
    let home = Home::with(&["comfyui"], &[("comfyui", &sim.url())]);
    let payload = workflow(3).to_string();
    let mut command = home.starter(&["jobs", "submit", "--kind", "comfyui", "--wait", "--json", &payload]);
    let output = soon("the end", command.output()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let job: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(job["state"], "done", "{job:#}");
    assert!(Path::new(job["results"][0]["path"].as_str().unwrap()).is_file(), "{job:#}");
    // The host that was started for it stays, and options of another start are not passed over in silence.
    home.only_host().await;
    let mut command = home.starter(&["jobs", "submit", "--kind", "comfyui", &payload]);
    let output = soon("the end", command.output()).await.unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && told.contains("--plugins, --backend, --no-discovery: not used"), "{told}");
    sim.wait_for(|ledger| ledger.jobs.len() == 2, PATIENCE).await.unwrap();
}

/// The lines of stdout.
async fn said(home: &Home, words: &[&str]) -> String {
    let output = home.output(words).await;
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn without_a_host_they_are_read_where_the_last_one_has_left_them() {
    let sim = Sim::start("comfyui").await.unwrap();
    let home = Home::with(&["comfyui"], &[("comfyui", &sim.url()), ("comfyui", "http://127.0.0.1:9")]);
    assert_eq!(said(&home, &["jobs", "list"]).await, "There are no jobs.\n");
    assert!(!home.state().exists(), "a look makes nothing");
    let mut host = home.serve().await;
    let mut client = SocketTalk::subscribed(&home).await;
    submit(&mut client, "done", 1).await;
    until_job(&mut client, |job| job.state == JobState::Done).await;
    client.ask("jobs.submit", json!({"id": "waits", "backend": "comfyui@127.0.0.1:9", "payload": workflow(1)})).await;
    let show = ["jobs", "show", "done"];
    let before = said(&home, &show).await;
    // Once after a good end, and once after a crash.
    host.signal(Signal::TERM);
    assert!(host.ended().await.success());
    for crashes in [false, true] {
        if crashes {
            home.serve().await.kill().await;
        }
        assert_eq!(said(&home, &show).await, before);
        let list: Value = serde_json::from_str(&said(&home, &["jobs", "list", "--json"]).await).unwrap();
        let ids: Vec<_> = list["jobs"].as_array().unwrap().iter().map(|job| &job["id"]).collect();
        assert_eq!(ids, ["done", "waits"]);
        let output = home.output(&["jobs", "list"]).await;
        let warning = String::from_utf8(output.stderr).unwrap();
        assert!(warning.contains("no host runs") && warning.contains("mdd-host serve"), "{warning}");
        let unknown = home.output(&["jobs", "show", "nobody"]).await;
        assert!(String::from_utf8(unknown.stderr).unwrap().contains("(unknown-job)"));
        let change = home.output(&["jobs", "discard", "done"]).await;
        assert!(String::from_utf8(change.stderr).unwrap().contains("(no-host)"));
    }
    assert!(crate::processes::naming(home.state()).is_empty(), "no host is started");
}

//! A client that does not read: what it costs, whom it slows, and what it gets when it reads again.

use crate::{
    PATIENCE,
    copy::Copy,
    home::Home,
    jobs::workflow,
    processes, soon,
    talk::{Bridge, SocketTalk},
};
use mdd_core::events::{Change, JobState, Numbered, Snapshot, Update};
use mdd_sim::Sim;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// More than a socket, the host's buffers and the changes that it keeps can hold.
const MANY: u64 = 5000;
/// What one client may cost, in bytes.
const MAX_COST: u64 = 2 << 20;

/// Reads until so many changes have happened since the first update, and returns the number of the last.
async fn read_on(talk: &mut SocketTalk, copy: &mut Copy, changes: u64) -> u64 {
    if copy.state.is_none() {
        copy.take(talk.update().await);
    }
    let goal = copy.seq() + changes;
    let deadline = Instant::now() + PATIENCE;
    while copy.seq() < goal {
        let update = timeout_at(deadline, talk.update()).await;
        copy.take(update.unwrap_or_else(|_| panic!("only {} of {goal} came in time", copy.seq())));
    }
    copy.seq()
}

#[tokio::test]
async fn it_costs_little_slows_nobody_and_catches_up_with_a_snapshot() {
    let sim = Sim::start("comfyui").await.unwrap();
    let home = Home::with(&["floods"], &[("floods", &sim.url())]);
    let host = home.serve().await;
    let mut reader = SocketTalk::subscribed(&home).await;
    let mut copy = Copy::default();
    // Until the host keeps as many changes as it ever will.
    read_on(&mut reader, &mut copy, 1500).await;
    let before = processes::memory(host.pid);

    let mut hung = SocketTalk::subscribed(&home).await;
    let mut polite = SocketTalk::greeted(&home).await;
    let mut most = before;
    for _ in 0..10 {
        read_on(&mut reader, &mut copy, MANY / 10).await;
        polite.ask("ping", Value::Null).await;
        most = most.max(processes::memory(host.pid));
    }
    assert!(most - before <= MAX_COST, "it grew by {} KiB", (most - before) >> 10);

    let mut late = Copy::default();
    let now = copy.seq();
    soon("the rest", async {
        while late.seq() < now {
            late.take(hung.update().await);
        }
    })
    .await;
    assert!(late.snapshots >= 2, "{MANY} changes were kept for it");
    assert!(late.changes < MANY as usize, "{} changes were kept for it", late.changes);
    // From here on it is a reader like any other.
    let changes = late.changes;
    read_on(&mut hung, &mut late, 500).await;
    assert!(late.changes > changes);
}

/// How many changes a Blender that stands still misses.
fn missed() -> u64 {
    std::env::var("MDD_STALL_EVENTS").ok().and_then(|number| number.parse().ok()).unwrap_or(4 * MANY)
}

const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
/// How much longer than a test may last that does nothing else: the changes are made as fast as the machine can.
const LONG: Duration = Duration::from_secs(600);

/// A Blender whose main thread stands still reads no line of its bridge.
#[tokio::test]
async fn a_blender_that_stands_still_misses_no_end_of_a_job() {
    let (flood, comfy) = (Sim::start("comfyui").await.unwrap(), Sim::start("comfyui").await.unwrap());
    let backends = [("floods", flood.url()), ("comfyui", comfy.url())];
    let home = Home::with(&["floods", "comfyui"], &backends.each_ref().map(|(kind, url)| (*kind, url.as_str())));
    let host = home.serve().await;
    let (mut blender, _) = Bridge::greeted(&home).await;
    blender.talk.ask("subscribe", Value::Null).await;
    let mut copy = Copy::default();
    copy.take(blender.talk.update().await);

    let mut other = SocketTalk::greeted(&home).await;
    // Until the host keeps as many changes as it ever will.
    let first = until_number(&mut other, 1500).await;
    let before = processes::memory(host.pid);
    let jobs: Vec<String> = (0..3).map(|number| format!("job-{number}")).collect();
    for job in &jobs {
        other.ask("jobs.submit", json!({"id": job, "kind": "comfyui", "payload": workflow(1)})).await;
    }
    let last = until_number(&mut other, first + missed()).await;
    let over =
        |snapshot: &Snapshot, id: &str| snapshot.jobs.iter().any(|job| job.id == id && job.state == JobState::Done);
    for job in &jobs {
        until_snapshot(&mut other, |snapshot| over(snapshot, job)).await;
    }
    let growth = processes::memory(host.pid).saturating_sub(before);
    assert!(growth <= MAX_COST, "it grew by {} KiB over {} changes", growth >> 10, last - first);
    println!("it grew by {} KiB over {} changes", growth >> 10, last - first);
    let healthy = other.snapshot().await.backends.iter().all(|backend| backend.reason.is_none());
    assert!(healthy, "every backend was checked in time");

    let mut ends = Vec::new();
    let now = other.snapshot().await.seq;
    soon("the rest", async {
        while copy.seq() < now {
            let update = blender.talk.update().await;
            let told = |id: &str| ends.iter().filter(|known: &&String| *known == id).count();
            let fresh: Vec<String> = match &update {
                Update::Snapshot(snapshot) => {
                    jobs.iter().filter(|job| told(job) == 0 && over(snapshot, job)).cloned().collect()
                }
                Update::Changes { changes, .. } => changes.iter().filter_map(ended).collect(),
            };
            ends.extend(fresh);
            copy.take(update);
        }
    })
    .await;
    ends.sort();
    assert_eq!(ends, jobs, "each end is told once");
    assert_eq!(copy.snapshots, 2, "one in place of all that was missed");
}

async fn until_number(talk: &mut SocketTalk, wanted: u64) -> u64 {
    until_snapshot(talk, |snapshot| snapshot.seq >= wanted).await.seq
}

async fn until_snapshot(talk: &mut SocketTalk, wanted: impl Fn(&Snapshot) -> bool) -> Snapshot {
    let deadline = Instant::now() + LONG;
    loop {
        let snapshot = talk.snapshot().await;
        if wanted(&snapshot) {
            return snapshot;
        }
        assert!(Instant::now() < deadline, "not within {LONG:?}: {snapshot:#?}");
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

/// The job that a change is the end of.
fn ended(change: &Numbered) -> Option<String> {
    match &change.change {
        Change::Job(job) if job.state == JobState::Done => Some(job.id.clone()),
        _ => None,
    }
}

#[tokio::test]
async fn a_client_that_reads_no_answers_is_not_read_from_either() {
    let home = Home::empty();
    let host = home.serve().await;
    let mut deaf = SocketTalk::greeted(&home).await;
    let mut writer = deaf.take_writer();
    let before = processes::memory(host.pid);
    let request = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"drivers.list\"}\n".repeat(10_000);
    let flooding = tokio::spawn(async move {
        loop {
            if tokio::io::AsyncWriteExt::write_all(&mut writer, &request).await.is_err() {
                return;
            }
        }
    });
    let mut polite = SocketTalk::greeted(&home).await;
    for _ in 0..200 {
        polite.ask("ping", Value::Null).await;
    }
    let growth = processes::memory(host.pid).saturating_sub(before);
    assert!(growth <= MAX_COST, "it grew by {} KiB", growth >> 10);
    flooding.abort();
}

//! A client that does not read: what it costs, whom it slows, and what it gets when it reads again.

use crate::{PATIENCE, copy::Copy, home::Home, processes, soon, talk::SocketTalk};
use mdd_sim::Sim;
use serde_json::Value;
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

//! Eight clients at once: one set of connections to the services, one truth for all.

use crate::{
    PATIENCE,
    copy::{Copy, essence},
    home::Home,
    processes, soon,
    talk::{Bridge, SocketTalk},
};
use mdd_core::events::StateName;
use mdd_sim::{Fault, Ledger, Sim};
use rustix::process::Signal;
use serde_json::Value;
use tokio::task::JoinSet;

const CLIENTS: usize = 8;

fn identified(ledger: &Ledger) -> usize {
    ledger.requests_to("/system_stats")
}

async fn connected(home: &Home) {
    let mut client = SocketTalk::subscribed(home).await;
    let mut copy = Copy::default();
    while copy.state.as_ref().is_none_or(|state| !state.is_ready()) {
        copy.take(client.update().await);
    }
}

#[tokio::test]
async fn eight_clients_make_no_more_connections_than_one() {
    let sim = Sim::start("comfyui").await.unwrap();
    let home = Home::with(&["comfyui"], &[("comfyui", &sim.url())]);
    let _host = home.serve().await;
    connected(&home).await;
    let alone = sim.ledger();
    assert_eq!(alone.sockets.len(), 1);

    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(SocketTalk::subscribed(&home).await);
    }
    for client in &mut clients {
        client.snapshot().await;
        client.ask("drivers.list", Value::Null).await;
        client.ask("diagnostics", Value::Null).await;
    }
    // Two more rounds of the host's own checks, with all of them there.
    let checks = alone.requests_to("/prompt");
    let crowded = sim.wait_for(|ledger| ledger.requests_to("/prompt") >= checks + 2, PATIENCE).await.unwrap();
    assert_eq!(crowded.sockets.len(), 1, "one WebSocket, the first one");
    assert_eq!(identified(&crowded), identified(&alone), "nobody asked again what it is");
    // A connection that idles is replaced, so a check may need one of its own, and nothing else does.
    let new_checks = (crowded.requests_to("/prompt") - checks) as u64;
    assert!(crowded.connections_opened - alone.connections_opened <= new_checks, "{crowded:#?}");
    assert_eq!(crowded.requests_total - alone.requests_total, new_checks, "clients cause no requests");
}

#[tokio::test]
async fn each_of_them_sees_every_change_of_services_that_come_and_go() {
    let sims = [Sim::start("comfyui").await.unwrap(), Sim::start("litellm").await.unwrap()];
    let urls = sims.each_ref().map(Sim::url);
    let home = Home::with(&["comfyui", "litellm"], &[("comfyui", &urls[0]), ("litellm", &urls[1])]);
    let _host = home.serve().await;
    connected(&home).await;

    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let mut talk = SocketTalk::subscribed(&home).await;
        clients.spawn(async move {
            let mut copy = Copy::default();
            let mut losses = 0;
            // Both go and come back, each twice.
            while losses < 4 || !copy.state.as_ref().is_some_and(|state| state.is_ready()) {
                let was = copy.state.clone();
                copy.take(talk.update().await);
                losses += was.map_or(0, |was| lost(&was, &copy));
            }
            // Its copy is what the host has.
            let truth = loop {
                let truth = talk.snapshot().await;
                while copy.seq() < truth.seq {
                    copy.take(talk.update().await);
                }
                if copy.seq() == truth.seq {
                    break truth;
                }
            };
            assert_eq!(essence(copy.state.as_ref().unwrap()), essence(&truth));
            (copy.snapshots, copy.changes)
        });
    }
    for _ in 0..2 {
        for (sim, kind) in sims.iter().zip(["comfyui", "litellm"]) {
            let mut witness = SocketTalk::subscribed(&home).await;
            sim.stop().await;
            state_of(&mut witness, kind, false).await;
            sim.start_again().await.unwrap();
            state_of(&mut witness, kind, true).await;
        }
    }
    let mut seen = soon("every client", clients.join_all()).await;
    seen.dedup_by_key(|(snapshots, _)| *snapshots);
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].0, 1, "nobody was so slow that changes had to be left out");
}

/// How many backends were connected before and are no more.
fn lost(before: &mdd_core::events::Snapshot, now: &Copy) -> usize {
    let was = |kind: &str| before.backends.iter().any(|old| old.kind == kind && old.state == StateName::Connected);
    let backends = now.state.iter().flat_map(|state| &state.backends);
    backends.filter(|new| new.state != StateName::Connected && was(&new.kind)).count()
}

async fn state_of(talk: &mut SocketTalk, kind: &str, connected: bool) {
    let mut copy = Copy::default();
    talk.ask("subscribe", Value::Null).await;
    // Updates of the subscription before are behind us with its snapshot.
    loop {
        let update = talk.update().await;
        let begins = matches!(update, mdd_core::events::Update::Snapshot(_));
        if begins {
            copy = Copy::default();
        }
        if begins || copy.state.is_some() {
            copy.take(update);
        }
        let state = copy.backend(kind).map(|backend| backend.state);
        if state.is_some_and(|state| (state == StateName::Connected) == connected) {
            return;
        }
    }
}

#[tokio::test]
async fn a_client_that_is_stopped_delays_no_other() {
    let sim = Sim::start("comfyui").await.unwrap();
    let home = Home::with(&["floods"], &[("floods", &sim.url())]);
    let (mut stopped, hello) = Bridge::greeted(&home).await;
    stopped.talk.ask("subscribe", Value::Null).await;
    let pid = stopped.child.id().unwrap();
    processes::signal(pid, Signal::STOP);
    let mut others = JoinSet::new();
    for _ in 1..CLIENTS {
        let mut talk = SocketTalk::subscribed(&home).await;
        others.spawn(async move {
            let mut copy = Copy::default();
            while copy.changes < 3000 {
                copy.take(talk.update().await);
            }
        });
    }
    soon("the others", others.join_all()).await;
    processes::signal(pid, Signal::CONT);
    assert_eq!(stopped.talk.ask("hello", greeting()).await["pid"], hello["pid"]);
    sim.inject(Fault::Refuse).await;
}

fn greeting() -> Value {
    serde_json::json!({"protocol": mdd_core::rpc::PROTOCOL, "client": "a test", "version": "1.0.0"})
}

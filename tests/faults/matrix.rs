//! All entries at once, beside services that are well: each is named, and nobody else notices.

use crate::{
    child,
    entry::Outcome,
    http,
    neighbours::{INTERVAL, Neighbour, told},
    peer, socket,
};
use mdd_core::events::{Snapshot, StateName};
use mdd_tests::{plugins, provoked};
use std::{
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Long enough for each deadline, three attempts and a loaded machine.
const SECONDS: u32 = 30;
/// For what is well without the others.
const QUIET_SECONDS: u32 = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fault_matrix() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let elsewhere = peer::listen(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        async {}
    })
    .await;
    let mut entries = http::entries(&format!("http://127.0.0.1:{}/", elsewhere.number)).await;
    entries.extend(socket::entries().await);
    // A flood that is no fault goes on for ever, and would leave nobody any time.
    entries.retain(|entry| entry.outcome != Outcome::Usable);
    let well = [(); 2].map(|()| Neighbour::start());

    // As many backends where nobody listens, and then these.
    let closed: Vec<String> = entries.iter().map(|_| of(closed_port())).collect();
    let quiet = look(QUIET_SECONDS, &closed, &well).await;
    let seen = look(SECONDS, &entries.iter().map(|entry| entry.backend()).collect::<Vec<_>>(), &well).await;

    provoked::snapshot(&seen.snapshot);
    let mut wrong = Vec::new();
    for entry in &entries {
        let view = entry.find(&seen.snapshot.backends).unwrap();
        let right = entry.is_right(view);
        let (code, observation) =
            view.reason.as_ref().map_or(("", ""), |reason| (reason.code.as_str(), reason.observation.as_str()));
        let mark = if right { "ok" } else { "WRONG" };
        println!("{mark:5} {:34} {} ({}) {code}: {observation}", entry.name, view.state, view.detail);
        if !right {
            wrong.push(format!("{}: {} ({}) {code}: {observation}", entry.name, view.state, view.detail));
        }
    }
    println!("{} entries", entries.len());
    println!("checks of what is well came late by {}; without the others {}", seen.delays, quiet.delays);
    assert!(entries.len() >= 60, "{} entries", entries.len());
    assert_eq!(wrong, Vec::<String>::new(), "of {}", entries.len());
    assert_eq!(asked.load(Ordering::SeqCst), 0, "a redirect was followed");
    for service in &well {
        let id = format!("comfyui@127.0.0.1:{}", service.port);
        let view = seen.snapshot.backends.iter().find(|view| view.id == id).unwrap();
        println!("{id} answered in {:?}", view.latency_ms);
        assert_eq!((view.state, view.reconnects), (StateName::Connected, 0), "{view:?}");
        assert!(view.last_errors.is_empty(), "{:?}", view.last_errors);
    }
}

struct Seen {
    snapshot: Snapshot,
    delays: String,
}

/// What a host shows after a while.
async fn look(seconds: u32, backends: &[String], well: &[Neighbour]) -> Seen {
    let (home, folder) = (tempfile::tempdir().unwrap(), plugins(&["comfyui"]));
    let settings = home.path().join("config.toml");
    std::fs::write(&settings, format!("[health]\ninterval_ms = {}\n", INTERVAL.as_millis())).unwrap();
    let all = backends.iter().cloned().chain(well.iter().map(|service| of(service.port)));
    let snapshot = child::look(home.path(), folder.path(), &settings, seconds, all).await;
    Seen { snapshot, delays: told(well.iter().flat_map(Neighbour::delays).collect()) }
}

fn of(port: u16) -> String {
    format!("comfyui=http://127.0.0.1:{port}")
}

pub(crate) fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

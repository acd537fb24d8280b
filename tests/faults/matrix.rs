//! All entries at once, beside services that are well: each is named, none costs much, nobody else notices.

use crate::{child, http, peer, socket};
use mdd_core::events::{BackendView, Detail, StateName};
use mdd_tests::{built, plugins, provoked};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use xtask::simulator::Simulator;

/// Long enough for each deadline, three attempts and a loaded machine.
const SECONDS: u32 = 30;
/// Per entry; R1 allows 8 MiB for each on its own.
const MOST_MEMORY: u64 = 1024;

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
    // In processes of their own: the floods below leave this one no time to answer.
    let well = [(); 2].map(|()| Simulator::start(&built().program("mdd-sim"), &["comfyui"]).unwrap());

    let home = tempfile::tempdir().unwrap();
    let folder = plugins(&["comfyui"]);
    let of = |port: u16| format!("comfyui=http://127.0.0.1:{port}");
    let mut backends: Vec<String> = entries.iter().map(|entry| of(entry.port.number)).collect();
    // As many backends that cost nothing: nobody listens there.
    let closed: Vec<String> = (0..backends.len()).map(|_| of(closed_port())).collect();
    let idle = child::look(home.path(), folder.path(), 5, &closed).await;
    backends.extend(well.iter().map(|service| format!("comfyui={}", service.url)));
    let seen = child::look(home.path(), folder.path(), SECONDS, &backends).await;

    provoked::snapshot(&seen.snapshot);
    let mut wrong = Vec::new();
    for entry in &entries {
        let id = format!("comfyui@127.0.0.1:{}", entry.port.number);
        let view = seen.snapshot.backends.iter().find(|view| view.id == id).unwrap();
        let right = is_right(view, entry);
        let (code, observation) =
            view.reason.as_ref().map_or(("", ""), |reason| (reason.code.as_str(), reason.observation.as_str()));
        let mark = if right { "ok" } else { "WRONG" };
        println!("{mark:5} {:34} {} ({}) {code}: {observation}", entry.name, view.state, view.detail);
        if !right {
            wrong.push(format!("{}: {} ({}) {code}: {observation}", entry.name, view.state, view.detail));
        }
    }
    let growth = seen.peak.saturating_sub(idle.peak);
    println!("{} entries; peak {} KiB, {} KiB more than with closed ports", entries.len(), seen.peak, growth);
    assert!(entries.len() >= 60, "{} entries", entries.len());
    assert_eq!(wrong, Vec::<String>::new(), "of {}", entries.len());
    assert_eq!(asked.load(Ordering::SeqCst), 0, "a redirect was followed");
    for service in &well {
        let id = service.url.replace("http://", "comfyui@");
        let view = seen.snapshot.backends.iter().find(|view| view.id == id).unwrap();
        assert_eq!((view.state, view.reconnects), (StateName::Connected, 0), "{view:?}");
        assert!(view.last_errors.is_empty(), "{:?}", view.last_errors);
    }
    assert!(growth <= MOST_MEMORY * entries.len() as u64, "{growth} KiB for {} entries", entries.len());
}

fn is_right(view: &BackendView, entry: &http::Entry) -> bool {
    let named = view.reason.as_ref().is_some_and(|reason| {
        entry.codes.contains(&reason.code.as_str()) && !reason.observation.chars().any(char::is_control)
    });
    let errors = view.last_errors.iter().any(|error| entry.codes.contains(&error.code.as_str()));
    match entry.degrades {
        // The next try may be under way, or have been cut short once more.
        true => {
            view.state == StateName::Connected
                && matches!(view.detail, Detail::Degraded | Detail::Ready)
                && (named || errors)
        }
        false => view.state != StateName::Connected && (named || errors),
    }
}

fn closed_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

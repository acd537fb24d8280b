//! A real Avahi on another machine announces a service, and a host that may hear its network finds it there, asks for
//! the user's word, and tries at once when it is announced again.
//!
//! Both machines are namespaces: nothing of this reaches a real network.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "it talks to the person or the lane that has started it")]

#[cfg(target_os = "linux")]
mod daemon;

/// Only Linux has namespaces.
#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
fn main() {
    daemon::fetch();
    mdd_tests::in_own_network("avahi", found());
}

#[cfg(target_os = "linux")]
const PORT: u16 = 8199;

#[cfg(target_os = "linux")]
async fn found() {
    use daemon::Avahi;
    use mdd_core::events::{BackendView, Detail, Origin, StateName};
    use mdd_tests::{Neighbour, THERE, eventually, pass_on};
    use std::time::{Duration, Instant};

    const SOON: Duration = Duration::from_secs(60);
    let neighbour = Neighbour::join();
    let sim = mdd_sim::Sim::start("comfyui").await.expect("a simulator starts");
    let listening = pass_on(neighbour.listen(PORT), &sim.url());
    let avahi = Avahi::announce(&neighbour, PORT);
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let plugins = mdd_tests::plugins(&["comfyui"]);
    let host = host(home.path(), plugins.path());
    let row = async |wanted: fn(&BackendView) -> bool| {
        eventually(&host, SOON, |snapshot| snapshot.backends.iter().find(|row| wanted(row)).cloned()).await
    };

    let begun = Instant::now();
    let waiting = row(|row| row.needs_word).await;
    println!("found after {:?}: {}", begun.elapsed(), waiting.id);
    let url = format!("http://{THERE}:{PORT}");
    assert_eq!((waiting.origin, waiting.endpoint.as_ref()), (Origin::Mdns, Some(&url)));
    host.accept_backend(&waiting.id).expect("it waits for that");
    let connected = row(|row| row.detail == Detail::Ready).await;
    assert_eq!(connected.endpoint.as_ref(), Some(&url));

    // It goes, as a machine that is shut down says.
    drop(avahi);
    drop(listening);
    sim.stop().await;
    let long = row(|row| row.next_try_ms.is_some_and(|left| left > 15_000)).await;
    sim.start_again().await.expect("its port is free");
    let _listening = pass_on(neighbour.listen(PORT), &sim.url());
    let begun = Instant::now();
    let _avahi = Avahi::announce(&neighbour, PORT);
    row(|row| row.state == StateName::Connected).await;
    let left = Duration::from_millis(long.next_try_ms.unwrap_or_default());
    println!("connected {:?} after Avahi was started again; the pause had {left:?} left", begun.elapsed());
    assert!(begun.elapsed() < left, "the pause was waited for");
}

/// A host that hears the network of its machine and looks nowhere else.
#[cfg(target_os = "linux")]
fn host(home: &std::path::Path, plugins: &std::path::Path) -> mdd_core::Host {
    use mdd_core::settings::{Environment, Settings};
    let config = home.join("config.toml");
    std::fs::write(&config, "[discovery]\nlan = true\nsockets = false\n").expect("a temporary folder can be written");
    let settings = Settings {
        plugins: vec![plugins.to_owned()],
        state_folder: home.to_owned(),
        config_file: Some(config),
        backends: vec![],
        discovery: true,
        environment: Environment::default(),
    };
    mdd_core::Host::start(settings).expect("a host starts")
}

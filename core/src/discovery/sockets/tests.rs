//! What the system says of sockets that the test has opened.

use super::{Listening, Owner, Sockets, of_system};
use std::{
    net::{SocketAddr, TcpListener},
    process,
};

fn find(sockets: &mut dyn Sockets, address: SocketAddr) -> Option<Listening> {
    sockets.list().unwrap().into_iter().find(|socket| socket.address == address)
}

#[test]
fn a_socket_is_seen_while_it_listens_and_its_program_is_known() {
    let mut sockets = of_system().unwrap();
    for place in ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0"] {
        let listener = TcpListener::bind(place).unwrap();
        let address = listener.local_addr().unwrap();
        let seen = find(sockets.as_mut(), address).unwrap();
        assert_eq!((seen.owner, seen.is_here()), (Owner::Us, true), "{place}");
        let programs = sockets.programs(std::slice::from_ref(&seen));
        let own = std::env::args().next().unwrap();
        assert!(programs[0].1.words.contains(&own), "{programs:?} of {}", process::id());
        drop(listener);
        assert_eq!(find(sockets.as_mut(), address), None, "{place}");
    }
}

#[test]
fn a_socket_that_is_opened_again_is_another_one() {
    let mut sockets = of_system().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let first = find(sockets.as_mut(), address).unwrap();
    drop(listener);
    let _again = TcpListener::bind(address).unwrap();
    assert_ne!(find(sockets.as_mut(), address).unwrap().number, first.number);
}

#[test]
fn many_sockets_are_all_seen() {
    let listeners: Vec<_> = (0..500).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let listed = of_system().unwrap().list().unwrap();
    for listener in &listeners {
        let address = listener.local_addr().unwrap();
        assert!(listed.iter().any(|socket| socket.address == address), "{address} is missing");
    }
}

/// Run by hand for the figures: `cargo test --release -p mdd-core -- --nocapture figures_of_listing`.
#[cfg(target_os = "linux")]
#[test]
fn figures_of_listing() {
    use std::time::Instant;
    let mut rows = Vec::new();
    for count in [8, 1_000] {
        let _listeners: Vec<_> = (0..count).map_while(|_| TcpListener::bind("127.0.0.1:0").ok()).collect();
        for (name, mut sockets) in [("netlink", of_system().unwrap()), ("listeners", super::portable())] {
            let mut times: Vec<_> = (0..15)
                .map(|_| {
                    let began = Instant::now();
                    let listed = sockets.list().unwrap();
                    assert!(listed.len() >= _listeners.len());
                    began.elapsed()
                })
                .collect();
            times.sort();
            rows.push(format!("{name:<10} {count:>5} sockets: median {:?}", times[times.len() / 2]));
        }
    }
    println!("{}", rows.join("\n"));
}

#[test]
fn the_holders_of_a_port_are_found() {
    for ip in ["127.0.0.1", "0.0.0.0", "[::1]"] {
        let listener = TcpListener::bind(format!("{ip}:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = if ip == "[::1]" { format!("[::1]:{port}") } else { format!("127.0.0.1:{port}") };
        let pids = || Vec::from_iter(super::programs_at(asked.parse().unwrap()).into_iter().map(|program| program.pid));
        assert_eq!(pids(), Vec::from_iter(cfg!(target_os = "linux").then(std::process::id)), "{ip}");
        drop(listener);
        assert!(pids().is_empty());
    }
}

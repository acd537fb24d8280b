//! What a machine of the network may announce by mDNS: it costs little, and a real service is still found.

#![allow(clippy::disallowed_methods, reason = "the pace of a peer, which waits for nothing")]

use crate::child::Watched;
use mdd_sim::Sim;
use mdd_tests::{Announcement, Neighbour, THERE, in_own_network, plugins};
use std::{
    net::{Ipv4Addr, UdpSocket},
    sync::Arc,
    time::Duration,
};

const WEB: &str = "_http._tcp";
const PORTS: [u16; 2] = [8199, 8200];
/// R1 allows 8 MiB for a fault.
const MOST_MEMORY: u64 = 8 << 10;
/// Nothing takes longer on a loaded machine.
const SOON: Duration = Duration::from_secs(120);

fn of(name: &[u8]) -> Announcement {
    Announcement::of(WEB, name, Ipv4Addr::new(192, 168, 77, 2), 9)
}

/// Everything of the catalogue, again and again.
fn flood(socket: &UdpSocket, rounds: u32) {
    for round in 0..rounds {
        for number in (0..10_000).step_by(8) {
            let fakes: Vec<Announcement> = (number..number + 8).map(|at| of(format!("fake-{at}").as_bytes())).collect();
            Announcement::say(socket, &fakes);
            std::thread::sleep(Duration::from_micros(200));
        }
        Announcement::say(socket, &[Announcement { text: vec![255; 60_000], ..of(b"much to tell") }]);
        Announcement::say(socket, &[of(b"\x1b[2J\r\n\x00\xff\xfe")]);
        Announcement::say(socket, &[Announcement { address: Ipv4Addr::new(8, 8, 8, 8), ..of(b"elsewhere") }]);
        Announcement::say(socket, &[Announcement { address: Ipv4Addr::new(169, 254, 169, 254), ..of(b"cloud") }]);
        Announcement::say(socket, &[Announcement { port: 0, ..of(b"nowhere") }]);
        for flap in 0..200 {
            Announcement::say(
                socket,
                &[Announcement { ttl: if (flap + round) % 2 == 0 { 0 } else { 120 }, ..of(b"flapping") }],
            );
        }
    }
}

/// Tells of a service until the host shows it.
async fn is_found(host: &mut Watched, socket: &UdpSocket, name: &[u8], port: u16) -> bool {
    let id = format!("comfyui@{THERE}:{port}");
    let announcing = async {
        loop {
            Announcement::say(socket, &[Announcement { port, ..of(name) }]);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::select! {
        () = announcing => unreachable!("it goes on"),
        found = host.until(SOON, |seen| seen.backends.iter().any(|row| row.id == id && row.needs_word)) => found,
    }
}

#[test]
fn hostile_announcements_cost_little_and_hide_nobody() {
    in_own_network("announced::hostile_announcements_cost_little_and_hide_nobody", async {
        let neighbour = Neighbour::join();
        let sim = Sim::start("comfyui").await.unwrap();
        let _real = PORTS.map(|port| mdd_tests::pass_on(neighbour.listen(port), &sim.url()));
        let socket = Arc::new(neighbour.there(|| {
            let socket = UdpSocket::bind((THERE, 5353)).unwrap();
            socket.set_multicast_loop_v4(false).unwrap();
            socket
        }));
        let (home, folder) = (tempfile::tempdir().unwrap(), plugins(&["comfyui"]));
        let settings = home.path().join("config.toml");
        std::fs::write(&settings, "[discovery]\nlan = true\n").unwrap();
        let mut host = Watched::start(home.path(), folder.path(), &["--config".into(), settings.into_os_string()]);

        // It hears from now on.
        assert!(is_found(&mut host, &socket, b"Pictures", PORTS[0]).await, "{:#?}", host.shown().backends);
        let before = host.peak();
        let flooding = socket.clone();
        tokio::task::spawn_blocking(move || flood(&flooding, 3)).await.unwrap();
        // Nothing is heard for a while after that, and who is announced last is found all the same.
        let last = is_found(&mut host, &socket, b"More pictures", PORTS[1]).await;
        let growth = host.peak() - before;
        println!("{growth} KiB more than {before} KiB before the flood");
        let rows = &host.shown().backends;
        assert!(last && rows.len() == PORTS.len(), "{rows:#?}");
        assert!(growth <= MOST_MEMORY, "{growth} KiB");
    });
}

//! What a machine of the network may announce by mDNS: it costs little, and a real service is still found.

#![allow(clippy::disallowed_methods, reason = "the pace of a peer, which waits for nothing")]

use crate::child;
use mdd_sim::Sim;
use mdd_tests::{Announcement, Neighbour, THERE, in_own_network, plugins};
use std::{
    net::{Ipv4Addr, UdpSocket},
    time::Duration,
};

const WEB: &str = "_http._tcp";
const PORT: u16 = 8199;
/// R1 allows 8 MiB for a fault.
const MOST_MEMORY: u64 = 8 << 10;

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

#[test]
fn hostile_announcements_cost_little_and_hide_nobody() {
    in_own_network("announced::hostile_announcements_cost_little_and_hide_nobody", async {
        let neighbour = Neighbour::join();
        let sim = Sim::start("comfyui").await.unwrap();
        let _real = mdd_tests::pass_on(neighbour.listen(PORT), &sim.url());
        let socket = neighbour.there(|| {
            let socket = UdpSocket::bind((THERE, 5353)).unwrap();
            socket.set_multicast_loop_v4(false).unwrap();
            socket
        });
        let (home, folder) = (tempfile::tempdir().unwrap(), plugins(&["comfyui"]));
        let settings = home.path().join("config.toml");
        std::fs::write(&settings, "[discovery]\nlan = true\n").unwrap();
        let options = |seconds: &'static str| {
            let words = ["--wait", seconds, "--config"].map(Into::into).into_iter();
            words.chain([settings.as_os_str().to_owned()]).collect::<Vec<_>>()
        };
        let quiet = child::look_with(home.path(), folder.path(), &options("5")).await;

        let flooding = std::thread::spawn(move || {
            flood(&socket, 3);
            // The real one is announced all the time.
            for _ in 0..60 {
                Announcement::say(&socket, &[Announcement { port: PORT, ..of(b"Pictures") }]);
                std::thread::sleep(Duration::from_secs(1));
            }
        });
        let seen = child::look_with(home.path(), folder.path(), &options("60")).await;
        flooding.join().unwrap();
        let growth = seen.peak.saturating_sub(quiet.peak);
        println!("peak {} KiB, {growth} KiB more than without a flood", seen.peak);
        let rows = &seen.snapshot.backends;
        assert!(rows.iter().any(|row| row.id == format!("comfyui@{THERE}:{PORT}") && row.needs_word), "{rows:#?}");
        assert_eq!(rows.len(), 1, "{rows:#?}");
        assert!(growth <= MOST_MEMORY, "{growth} KiB");
    });
}

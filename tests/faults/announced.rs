//! What a machine of the network may announce by mDNS: it costs little, and a real service is still found.

#![allow(clippy::disallowed_methods, reason = "the pace of a peer, which waits for nothing")]

use crate::child;
use mdd_sim::Sim;
use mdd_tests::{Neighbour, THERE, in_own_network, plugins};
use std::{
    net::{Ipv4Addr, UdpSocket},
    time::Duration,
};

/// Where all of it is said.
const GROUP: (Ipv4Addr, u16) = (Ipv4Addr::new(224, 0, 0, 251), 5353);
const WEB: [&[u8]; 3] = [b"_http", b"_tcp", b"local"];
const PORT: u16 = 8199;
/// R1 allows 8 MiB for a fault.
const MOST_MEMORY: u64 = 8 << 10;

/// A service as it is announced.
struct Service {
    name: Vec<u8>,
    address: [u8; 4],
    port: u16,
    text: Vec<u8>,
    ttl: u32,
}

impl Service {
    fn of(name: &[u8]) -> Self {
        Self { name: name.to_vec(), address: [192, 168, 77, 2], port: 9, text: vec![0], ttl: 120 }
    }

    /// PTR, SRV, TXT and A.
    fn records(&self) -> Vec<u8> {
        let kind = labels(&WEB);
        let instance = [vec![u8::try_from(self.name.len()).unwrap()], self.name.clone(), kind.clone()].concat();
        let host = labels(&[&self.name[..self.name.len().min(20)], b"local"]);
        let record = |name: &[u8], kind: u16, data: &[u8]| {
            let length = u16::try_from(data.len()).unwrap();
            [name, &kind.to_be_bytes(), &[0, 1], &self.ttl.to_be_bytes(), &length.to_be_bytes(), data].concat()
        };
        let target = [&[0; 4], self.port.to_be_bytes().as_slice(), &host].concat();
        [
            record(&kind, 12, &instance),
            record(&instance, 33, &target),
            record(&instance, 16, &self.text),
            record(&host, 1, &self.address),
        ]
        .concat()
    }
}

fn labels(words: &[&[u8]]) -> Vec<u8> {
    let label = |word: &&[u8]| [&[u8::try_from(word.len()).unwrap()], *word].concat();
    words.iter().flat_map(label).chain([0]).collect()
}

fn say(socket: &UdpSocket, services: &[Service]) {
    let count = u16::try_from(4 * services.len()).unwrap().to_be_bytes();
    let head = [0, 0, 0x84, 0, 0, 0, count[0], count[1], 0, 0, 0, 0];
    let message: Vec<u8> = head.into_iter().chain(services.iter().flat_map(Service::records)).collect();
    // One that is too long for this network was not said.
    let _said = socket.send_to(&message, GROUP);
}

/// Everything of the catalogue, again and again.
fn flood(socket: &UdpSocket, rounds: u32) {
    for round in 0..rounds {
        for number in (0..10_000).step_by(8) {
            let fakes: Vec<Service> =
                (number..number + 8).map(|at| Service::of(format!("fake-{at}").as_bytes())).collect();
            say(socket, &fakes);
            std::thread::sleep(Duration::from_micros(200));
        }
        say(socket, &[Service { text: vec![255; 60_000], ..Service::of(b"much to tell") }]);
        say(socket, &[Service::of(b"\x1b[2J\r\n\x00\xff\xfe")]);
        say(socket, &[Service { address: [8, 8, 8, 8], ..Service::of(b"elsewhere") }]);
        say(socket, &[Service { address: [169, 254, 169, 254], ..Service::of(b"cloud") }]);
        say(socket, &[Service { port: 0, ..Service::of(b"nowhere") }]);
        for flap in 0..200 {
            say(socket, &[Service { ttl: if (flap + round) % 2 == 0 { 0 } else { 120 }, ..Service::of(b"flapping") }]);
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
                say(&socket, &[Service { port: PORT, ..Service::of(b"Pictures") }]);
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

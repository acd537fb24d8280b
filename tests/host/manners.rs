//! Where announcements are asked for: nowhere but on this machine, unless that is wanted.

use crate::looking::Looking;
use mdd_tests::{HERE, Neighbour, in_own_network};
use serde_json::json;
use std::{
    fs,
    net::{IpAddr, Ipv4Addr, UdpSocket},
    time::Duration,
};

/// Where everybody asks who is there (RFC 6762).
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
/// As the kernel writes it down.
const IN_PROC: &str = "FB0000E0";
/// Questions are asked again after one second, then after two.
const TWO_QUESTIONS: Duration = Duration::from_secs(4);
const SOON: Duration = Duration::from_secs(30);

/// Hears what is asked at the other end of the cable.
struct Ear(UdpSocket);

impl Ear {
    fn of(neighbour: &Neighbour) -> Self {
        let socket = neighbour.there(|| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 5353)).unwrap());
        let IpAddr::V4(there) = mdd_tests::THERE else { unreachable!() };
        socket.join_multicast_v4(&GROUP, &there).unwrap();
        socket.set_nonblocking(true).unwrap();
        Self(socket)
    }

    /// Everything that has come since the last time.
    fn take(&self) -> usize {
        let mut packet = [0; 9_000];
        std::iter::from_fn(|| self.0.recv(&mut packet).ok()).count()
    }
}

/// The interfaces at which somebody of this machine listens for announcements.
fn listening() -> Vec<String> {
    let text = fs::read_to_string("/proc/net/igmp").unwrap();
    let mut interface = String::new();
    let mut found = Vec::new();
    for line in text.lines().skip(1) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if !line.starts_with('\t') {
            interface = words[1].to_owned();
        } else if words[0] == IN_PROC {
            found.push(interface.clone());
        }
    }
    found
}

/// Nothing of this shows in the host.
async fn until(mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, waiting).await.unwrap();
}

async fn is_left_alone(ear: &Ear) {
    until(|| listening() == ["lo"]).await;
    // What was on its way has come.
    ear.take();
    tokio::time::sleep(TWO_QUESTIONS).await;
    assert_eq!(ear.take(), 0);
}

async fn is_asked(ear: &Ear) {
    until(|| ear.take() > 0).await;
}

#[test]
fn other_machines_are_asked_only_where_and_while_that_is_wanted() {
    in_own_network("manners::other_machines_are_asked_only_where_and_while_that_is_wanted", async {
        let neighbour = Neighbour::join();
        let ear = Ear::of(&neighbour);
        let looking = Looking::with(&["comfyui"], "");
        let set = |key: &str, value| looking.host.set_config(key, &value).unwrap();
        is_left_alone(&ear).await;

        set("discovery.lan", json!(true));
        until(|| listening() == ["lo", "near"]).await;
        is_asked(&ear).await;

        // Two clients are offline, and one of them comes back.
        let (one, other) = (looking.host.offline(), looking.host.offline());
        drop(one);
        is_left_alone(&ear).await;
        drop(other);
        is_asked(&ear).await;

        set("discovery.interfaces", json!("elsewhere"));
        is_left_alone(&ear).await;
        for near in ["near".to_owned(), HERE.to_string()] {
            set("discovery.interfaces", json!(["elsewhere", near]));
            is_asked(&ear).await;
        }
        set("discovery.mdns", json!(false));
        until(|| listening() == ["near"]).await;
    });
}

//! What announces itself by mDNS: on this machine, and on others when the user wants that.
//!
//! Whatever is announced is a place to look at and nothing more: names are not shown, and the number of places is bounded.

use super::Orders;
use crate::{endpoint::Endpoint, plugins::LoadedDriver};
use mdns_sd::{IfKind, Receiver, ServiceDaemon, ServiceEvent};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep},
};

/// Announced by anything with a web page.
const WEB: &str = "_http._tcp.local.";
/// More places than a network of artists has; hostile answers take turns there.
const MAX_PLACES: usize = 64;
/// What says goodbye and comes again is told of again, but not more often than this.
const AGAIN_AFTER: Duration = Duration::from_secs(2);
/// A place gives way to another one after this time.
const GIVES_WAY_AFTER: Duration = Duration::from_secs(30);
/// Names of one type that are kept in mind. Only a flood has more, and is not listened to for a while.
const MAX_NAMES: usize = 1_000;
/// For so long. It is also the pause after answers came faster than they could be taken in.
const DEAF_FOR: Duration = Duration::from_secs(30);
/// Announcements that may wait to be looked at.
const KEPT: usize = 256;
/// Types of services that are listened for, of all drivers together.
const MAX_TYPES: usize = 32;

/// What is heard. It ends when it is dropped.
pub(super) struct Announced {
    _listening: JoinSet<()>,
    places: mpsc::Receiver<Endpoint>,
}

impl Announced {
    /// Begins to listen as far as is ordered.
    pub(super) fn start(orders: &Orders, drivers: &[Arc<LoadedDriver>]) -> Self {
        let (sender, places) = mpsc::channel(KEPT);
        let mut listening = JoinSet::new();
        if orders.mdns || orders.lan {
            listening.spawn(listen(orders.clone(), types(drivers), sender));
        }
        Self { _listening: listening, places }
    }

    /// The next place; never when nothing is listened for.
    pub(super) async fn next(&mut self) -> Endpoint {
        match self.places.recv().await {
            Some(endpoint) => endpoint,
            None => std::future::pending().await,
        }
    }
}

/// Listens until nobody wants to know any more.
async fn listen(orders: Orders, types: BTreeSet<String>, places: mpsc::Sender<Endpoint>) {
    let told = Arc::new(Mutex::new(Told::default()));
    loop {
        match Daemon::start(&orders) {
            Ok(daemon) => {
                let mut hearing = JoinSet::new();
                for name in &types {
                    match daemon.0.browse(name) {
                        Ok(events) => _ = hearing.spawn(hear(events, orders.lan, places.clone(), told.clone())),
                        Err(error) => tracing::warn!(name, %error, "this type cannot be listened for"),
                    }
                }
                let _ended = hearing.join_next().await;
                if places.is_closed() {
                    return;
                }
                tracing::warn!("too much is announced to be heard; it is listened for again later");
            }
            Err(error) => tracing::warn!(%error, "announcements in the network cannot be heard"),
        }
        // Whatever a flood has left in the daemon has gone with it.
        sleep(DEAF_FOR).await;
    }
}

/// Ends its thread when it is dropped.
struct Daemon(ServiceDaemon);

impl Daemon {
    fn start(orders: &Orders) -> mdns_sd::Result<Self> {
        let daemon = Self(ServiceDaemon::new()?);
        // It begins with every interface of the machine.
        daemon.0.disable_interface(IfKind::All)?;
        if orders.mdns {
            daemon.0.enable_interface(vec![IfKind::LoopbackV4, IfKind::LoopbackV6])?;
        }
        if orders.lan {
            daemon.0.enable_interface(match orders.interfaces.as_slice() {
                [] => vec![IfKind::All],
                named => named.iter().map(|one| interface(one)).collect(),
            })?;
        }
        Ok(daemon)
    }
}

fn interface(named: &str) -> IfKind {
    match named.parse() {
        Ok(address) => IfKind::Addr(address),
        Err(_) => IfKind::Name(named.to_owned()),
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ended_already = self.0.shutdown();
    }
}

/// Hears one type. Returns when there is too much of it.
async fn hear(events: Receiver<ServiceEvent>, lan: bool, places: mpsc::Sender<Endpoint>, told: Arc<Mutex<Told>>) {
    let mut names = BTreeSet::new();
    // It also ends when answers come faster than they are taken.
    while let Ok(event) = events.recv_async().await {
        match event {
            ServiceEvent::ServiceFound(_, name) => _ = names.insert(name),
            ServiceEvent::ServiceRemoved(_, name) => _ = names.remove(&name),
            ServiceEvent::ServiceResolved(service) => {
                let addresses =
                    service.addresses.iter().map(|address| SocketAddr::new(address.to_ip_addr(), service.port));
                for endpoint in addresses.filter_map(|address| endpoint(address, lan)) {
                    let is_news =
                        told.lock().unwrap_or_else(PoisonError::into_inner).is_news(&endpoint, Instant::now());
                    // Whoever cannot be looked at now is told of when it announces itself again.
                    if is_news && places.try_send(endpoint).is_err() {
                        tracing::debug!("an announcement is passed over");
                    }
                }
            }
            _ => {}
        }
        if names.len() > MAX_NAMES || places.is_closed() {
            return;
        }
    }
}

/// The places that were told of, and when.
#[derive(Default)]
struct Told(BTreeMap<Endpoint, Instant>);

impl Told {
    /// Whether a place is to be told of now; it counts as told then.
    fn is_news(&mut self, endpoint: &Endpoint, now: Instant) -> bool {
        let since = |at: &Instant| now.saturating_duration_since(*at);
        if self.0.get(endpoint).is_some_and(|at| since(at) < AGAIN_AFTER) {
            return false;
        }
        if self.0.len() >= MAX_PLACES && !self.0.contains_key(endpoint) {
            let oldest = self.0.iter().min_by_key(|(_, at)| **at).filter(|(_, at)| since(at) >= GIVES_WAY_AFTER);
            let Some(oldest) = oldest.map(|(endpoint, _)| endpoint.clone()) else { return false };
            self.0.remove(&oldest);
        }
        self.0.insert(endpoint.clone(), now);
        true
    }
}

/// `_lamp._tcp` in the form that is asked for.
fn types(drivers: &[Arc<LoadedDriver>]) -> BTreeSet<String> {
    let declared = drivers.iter().flat_map(|driver| &driver.manifest.driver.mdns_types);
    let mut types: BTreeSet<String> = declared.filter_map(|name| full(name)).take(MAX_TYPES).collect();
    types.insert(WEB.to_owned());
    types
}

fn full(name: &str) -> Option<String> {
    let name = name.trim_end_matches('.').trim_end_matches(".local");
    let is_type = name.starts_with('_') && (name.ends_with("._tcp") || name.ends_with("._udp")) && name.len() <= 64;
    is_type.then(|| format!("{name}.local."))
}

/// Where that is for us. An address of this machine is its loopback address; what nobody should connect to is nowhere.
fn endpoint(address: SocketAddr, lan: bool) -> Option<Endpoint> {
    let ip = address.ip().to_canonical();
    if address.port() == 0 {
        return None;
    }
    if ip.is_loopback() || is_ours(ip) {
        return Some(Endpoint::http(if ip.is_loopback() { ip } else { Ipv4Addr::LOCALHOST.into() }, address.port()));
    }
    let is_reachable = match ip {
        IpAddr::V4(ip) => ip.is_private(),
        IpAddr::V6(ip) => ip.is_unique_local(),
    };
    (lan && is_reachable).then(|| Endpoint::http(ip, address.port()))
}

/// Whether it is an address of this machine: only those can be bound.
pub(super) fn is_ours(ip: IpAddr) -> bool {
    let is_one_machine = match ip {
        IpAddr::V4(ip) => !ip.is_unspecified() && !ip.is_multicast() && !ip.is_broadcast() && !ip.is_link_local(),
        IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_multicast() && !ip.is_unicast_link_local(),
    };
    is_one_machine && std::net::UdpSocket::bind(SocketAddr::new(ip, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::{AGAIN_AFTER, GIVES_WAY_AFTER, MAX_PLACES, Told, endpoint, full};
    use crate::endpoint::Endpoint;
    use tokio::time::Instant;

    #[test]
    fn what_comes_again_is_told_again_and_a_flood_takes_turns() {
        let at = |port: usize| Endpoint::parse(&format!("http://127.0.0.1:{}", 1000 + port)).unwrap();
        let (mut told, now) = (Told::default(), Instant::now());
        let news = |told: &mut Told, ports: std::ops::Range<usize>, now| {
            ports.filter(|port| told.is_news(&at(*port), now)).count()
        };
        assert_eq!(news(&mut told, 0..1_000, now), MAX_PLACES);
        assert_eq!(news(&mut told, 0..1_000, now + AGAIN_AFTER / 2), 0);
        assert!(told.is_news(&at(0), now + AGAIN_AFTER));
        // All but that one are old enough to give way.
        assert_eq!(news(&mut told, 2_000..3_000, now + GIVES_WAY_AFTER), MAX_PLACES - 1);
        assert_eq!(told.0.len(), MAX_PLACES);
    }

    #[test]
    fn only_places_of_this_machine_and_of_the_own_network_are_looked_at() {
        let at = |address: &str, lan| endpoint(address.parse().unwrap(), lan).map(|endpoint| endpoint.to_string());
        assert_eq!(at("127.0.0.1:8000", false).as_deref(), Some("http://127.0.0.1:8000"));
        assert_eq!(at("[::1]:8000", false).as_deref(), Some("http://[::1]:8000"));
        assert_eq!(at("192.168.250.5:8000", true).as_deref(), Some("http://192.168.250.5:8000"));
        for hostile in [
            "127.0.0.1:0",
            "169.254.169.254:80",
            "[fe80::1]:80",
            "0.0.0.0:80",
            "255.255.255.255:80",
            "224.0.0.251:5353",
            "[ff02::fb]:80",
            "8.8.8.8:53",
            "[2001:4860:4860::8888]:53",
            "[::ffff:169.254.169.254]:80",
        ] {
            assert_eq!(at(hostile, true), None, "{hostile}");
        }
        assert_eq!(at("192.168.250.5:8000", false), None);
    }

    #[test]
    fn types_are_brought_into_one_form_and_nonsense_is_passed_over() {
        for name in ["_lamp._tcp", "_lamp._tcp.", "_lamp._tcp.local", "_lamp._tcp.local."] {
            assert_eq!(full(name).as_deref(), Some("_lamp._tcp.local."), "{name}");
        }
        for name in ["", "lamp", "lamp._tcp", "_lamp", "_lamp._sctp"] {
            assert_eq!(full(name), None, "{name}");
        }
    }
}

//! What announces itself by mDNS: on this machine, and on others when the user wants that.
//!
//! Whatever is announced is a place to look at and nothing more: names are not shown, and the number of places is bounded.

use super::Orders;
use crate::{endpoint::Endpoint, plugins::LoadedDriver};
use mdns_sd::{IfKind, Receiver, ServiceDaemon, ServiceEvent};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::mpsc,
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
    daemon: Option<ServiceDaemon>,
    places: mpsc::Receiver<Endpoint>,
}

impl Announced {
    /// Begins to listen as far as is ordered.
    pub(super) fn start(orders: &Orders, drivers: &[Arc<LoadedDriver>]) -> Self {
        let (sender, places) = mpsc::channel(KEPT);
        if !orders.mdns && !orders.lan {
            return Self { daemon: None, places };
        }
        let daemon = match listen(orders, drivers, &sender) {
            Ok(daemon) => Some(daemon),
            Err(error) => {
                tracing::warn!(%error, "announcements in the network cannot be heard");
                None
            }
        };
        Self { daemon, places }
    }

    /// The next place; never when nothing is listened for.
    pub(super) async fn next(&mut self) -> Endpoint {
        match self.places.recv().await {
            Some(endpoint) => endpoint,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        if let Some(daemon) = &self.daemon {
            let _ended_already = daemon.shutdown();
        }
    }
}

fn listen(
    orders: &Orders,
    drivers: &[Arc<LoadedDriver>],
    places: &mpsc::Sender<Endpoint>,
) -> mdns_sd::Result<ServiceDaemon> {
    let daemon = ServiceDaemon::new()?;
    // It begins with every interface of the machine.
    daemon.disable_interface(IfKind::All)?;
    if orders.mdns {
        daemon.enable_interface(vec![IfKind::LoopbackV4, IfKind::LoopbackV6])?;
    }
    if orders.lan {
        daemon.enable_interface(IfKind::All)?;
    }
    for name in types(drivers) {
        let events = daemon.browse(&name)?;
        let hearing = Hearing { name, daemon: daemon.clone(), lan: orders.lan, places: places.clone() };
        tokio::spawn(hearing.run(events));
    }
    Ok(daemon)
}

/// Listens for one type.
struct Hearing {
    name: String,
    daemon: ServiceDaemon,
    lan: bool,
    places: mpsc::Sender<Endpoint>,
}

impl Hearing {
    /// Ends with the daemon, or when nobody wants to know any more.
    async fn run(self, mut events: Receiver<ServiceEvent>) {
        let mut told = Told::default();
        loop {
            self.hear(&events, &mut told).await;
            if self.places.is_closed() {
                return;
            }
            tracing::warn!(kind = self.name, "too much is announced to be heard; it is listened for again later");
            // What it keeps in mind goes with it.
            let _ended_already = self.daemon.stop_browse(&self.name);
            sleep(DEAF_FOR).await;
            events = match self.daemon.browse(&self.name) {
                Ok(events) => events,
                Err(_) => return,
            };
        }
    }

    /// Returns when there is too much of it.
    async fn hear(&self, events: &Receiver<ServiceEvent>, told: &mut Told) {
        let mut names = BTreeSet::new();
        // It also ends when answers come faster than they are taken.
        while let Ok(event) = events.recv_async().await {
            match event {
                ServiceEvent::ServiceFound(_, name) => _ = names.insert(name),
                ServiceEvent::ServiceRemoved(_, name) => _ = names.remove(&name),
                ServiceEvent::ServiceResolved(service) => {
                    let addresses =
                        service.addresses.iter().map(|address| SocketAddr::new(address.to_ip_addr(), service.port));
                    for endpoint in addresses.filter_map(|address| endpoint(address, self.lan)) {
                        // Whoever cannot be looked at now is told of when it announces itself again.
                        if told.is_news(&endpoint, Instant::now()) && self.places.try_send(endpoint).is_err() {
                            tracing::debug!("an announcement is passed over");
                        }
                    }
                }
                _ => {}
            }
            if names.len() > MAX_NAMES || self.places.is_closed() {
                return;
            }
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
fn is_ours(ip: IpAddr) -> bool {
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

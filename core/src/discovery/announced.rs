//! What announces itself by mDNS: on this machine, and on others when the user wants that.
//!
//! Whatever is announced is a place to look at and nothing more: names are not shown, and the number of places is bounded.

use super::Orders;
use crate::{endpoint::Endpoint, plugins::LoadedDriver};
use mdns_sd::{IfKind, ServiceDaemon, ServiceEvent};
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};
use tokio::sync::mpsc;

/// Announced by anything with a web page.
const WEB: &str = "_http._tcp.local.";
/// More places than a network of artists has; hostile answers end there.
const MAX_PLACES: usize = 64;
/// Announcements that may wait to be looked at.
const KEPT: usize = 16;
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
    let lan = orders.lan;
    for name in types(drivers) {
        let events = daemon.browse(&name)?;
        let places = places.clone();
        // Each ends with the daemon.
        tokio::spawn(async move {
            let mut known = BTreeSet::new();
            while let Ok(event) = events.recv_async().await {
                let ServiceEvent::ServiceResolved(service) = event else { continue };
                let addresses =
                    service.addresses.iter().map(|address| SocketAddr::new(address.to_ip_addr(), service.port));
                for endpoint in addresses.filter_map(|address| endpoint(address, lan)) {
                    if known.len() < MAX_PLACES
                        && known.insert(endpoint.clone())
                        && places.send(endpoint).await.is_err()
                    {
                        return;
                    }
                }
            }
        });
    }
    Ok(daemon)
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
    use super::{endpoint, full};

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

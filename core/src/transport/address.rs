//! Which addresses may be connected to. The address itself is checked and dialled, so that an answer of the resolver
//! that changes meanwhile changes nothing.

use super::{Failure, observe};
use crate::endpoint::{Endpoint, Host, Scheme};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::pin,
    time::Duration,
};
use tokio::{net::TcpStream, time};

/// Head start of the first address before the next one is dialled too (RFC 8305 proposes 250 ms).
const HEAD_START: Duration = Duration::from_millis(250);

/// How far connections may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// This machine only.
    Loopback,
    /// Any machine that the user named.
    Network,
}

/// An address that is not connected to, whoever names it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("connections to {0} are not allowed")]
pub(super) struct AddressRefused(IpAddr);

impl Reach {
    pub(super) fn connect_within(self) -> Duration {
        match self {
            Self::Loopback => Duration::from_secs(1),
            Self::Network => Duration::from_secs(3),
        }
    }

    /// Link-local addresses are refused everywhere: one of them serves the secrets of cloud machines.
    pub(super) fn check(self, ip: IpAddr) -> Result<(), AddressRefused> {
        let ip = ip.to_canonical();
        let allowed = match (self, ip) {
            (Self::Loopback, ip) => ip.is_loopback(),
            (Self::Network, IpAddr::V4(ip)) => {
                !(ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast() || ip.is_link_local())
            }
            (Self::Network, IpAddr::V6(ip)) => {
                !(ip.is_unspecified() || ip.is_multicast() || ip.is_unicast_link_local())
            }
        };
        if allowed { Ok(()) } else { Err(AddressRefused(ip)) }
    }

    /// The addresses of a name. `localhost` is never looked up.
    async fn lookup(self, name: &str) -> io::Result<Vec<SocketAddr>> {
        if name == "localhost" {
            return Ok(vec![(Ipv4Addr::LOCALHOST, 0).into(), (Ipv6Addr::LOCALHOST, 0).into()]);
        }
        if self == Self::Loopback {
            return Err(io::Error::new(io::ErrorKind::NotFound, "only localhost is looked up here"));
        }
        let found: Vec<SocketAddr> = tokio::net::lookup_host((name, 0)).await?.collect();
        if found.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "it has no address"));
        }
        for address in &found {
            self.check(address.ip()).map_err(io::Error::other)?;
        }
        Ok(found)
    }
}

/// Why an address is not connected to, whoever names it.
pub(crate) fn never_reached(endpoint: &Endpoint) -> Option<String> {
    let Host::Ip(ip) = endpoint.host() else { return None };
    let refused = Reach::Network.check(*ip).err()?;
    let is_link_local = match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    Some(match is_link_local {
        true => {
            format!("{refused}: it is link-local, where clouds keep their secrets; name the service's other address")
        }
        false => format!("{refused}: it is no address of one machine"),
    })
}

impl Resolve for Reach {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = *self;
        Box::pin(async move {
            let found = reach.lookup(name.as_str()).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// A TCP connection for what does not go through the HTTP client.
pub(super) async fn dial(endpoint: &Endpoint, reach: Reach) -> Result<TcpStream, Failure> {
    let route = Route { reach, tls: false };
    let dialling = async {
        let addresses = match endpoint.host() {
            Host::Ip(ip) => vec![SocketAddr::new(*ip, endpoint.port())],
            Host::Name(name) => {
                let found = reach.lookup(name).await.map_err(|error| unknown(&error, route))?;
                found.into_iter().map(|address| SocketAddr::new(address.ip(), endpoint.port())).collect()
            }
        };
        first_of(&addresses).await.map_err(|error| observe::connecting(&error, route))
    };
    let late = route.not_accepted();
    let stream = time::timeout(reach.connect_within(), dialling).await.unwrap_or(Err(late))?;
    // Only a hint to the kernel: without it small messages may wait.
    let _unsupported = stream.set_nodelay(true);
    Ok(stream)
}

fn unknown(error: &io::Error, route: Route) -> Failure {
    match error.get_ref() {
        Some(inner) if inner.is::<AddressRefused>() => observe::connecting(error, route),
        _ => Failure::NameNotFound(error.to_string()),
    }
}

/// Dials the addresses in their order, each with a head start before the next.
async fn first_of(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let Some((first, rest)) = addresses.split_first() else {
        return Err(io::ErrorKind::AddrNotAvailable.into());
    };
    let mut first = pin!(TcpStream::connect(first));
    if rest.is_empty() {
        return first.await;
    }
    tokio::select! {
        result = &mut first => match result {
            Ok(stream) => return Ok(stream),
            Err(error) => return Box::pin(first_of(rest)).await.map_err(|_| error),
        },
        () = time::sleep(HEAD_START) => {}
    }
    let mut rest = Box::pin(first_of(rest));
    tokio::select! {
        result = &mut first => match result {
            Ok(stream) => Ok(stream),
            Err(error) => rest.await.map_err(|_| error),
        },
        result = &mut rest => match result {
            Ok(stream) => Ok(stream),
            Err(_) => first.await,
        },
    }
}

/// What decides over the kind of connection that a request takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) reach: Reach,
    pub(super) tls: bool,
}

impl Route {
    /// The route to an endpoint. `network` says that the user allowed what is not on this machine.
    pub(super) fn to(endpoint: &Endpoint, network: bool) -> Result<Self, Failure> {
        let reach = if endpoint.is_loopback() { Reach::Loopback } else { Reach::Network };
        if reach == Reach::Network && !network {
            return Err(Failure::Blocked(format!("{} is not on this machine", endpoint.host())));
        }
        if let Some(ip) = endpoint.ip() {
            reach.check(ip).map_err(|refused| Failure::Blocked(refused.to_string()))?;
        }
        Ok(Self { reach, tls: endpoint.scheme() == Scheme::Https })
    }

    /// Its deadline of connecting has passed.
    pub(super) fn not_accepted(self) -> Failure {
        let ms = self.reach.connect_within().as_millis() as u64;
        match self.reach {
            Reach::Loopback => Failure::NotAccepted(ms),
            Reach::Network => Failure::ConnectTimeout(ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Reach;

    #[test]
    fn addresses_are_checked_in_their_plain_form() {
        let loopback = ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"];
        let network = ["192.168.1.5", "10.0.0.1", "8.8.8.8", "2001:db8::1", "fd00::1", "::ffff:10.0.0.1"];
        let nobody = [
            "0.0.0.0",
            "::",
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "224.0.0.1",
            "255.255.255.255",
            "fe80::1",
            "ff02::1",
        ];
        let allows = |reach: Reach, text: &str| reach.check(text.parse().unwrap()).is_ok();
        for text in loopback {
            assert!(allows(Reach::Loopback, text) && allows(Reach::Network, text), "{text}");
        }
        for text in network {
            assert!(!allows(Reach::Loopback, text) && allows(Reach::Network, text), "{text}");
        }
        for text in nobody {
            assert!(!allows(Reach::Loopback, text) && !allows(Reach::Network, text), "{text}");
        }
    }

    #[tokio::test]
    async fn on_this_machine_only_localhost_is_looked_up() {
        let found = Reach::Loopback.lookup("localhost").await.unwrap();
        let found: Vec<String> = found.iter().map(|address| address.ip().to_string()).collect();
        assert_eq!(found, ["127.0.0.1", "::1"]);
        assert!(Reach::Loopback.lookup("render-box").await.is_err());
    }
}

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
    let within = reach.connect_within();
    let within_ms = within.as_millis() as u64;
    let dialling = async {
        let addresses = match endpoint.host() {
            Host::Ip(ip) => vec![SocketAddr::new(*ip, endpoint.port())],
            Host::Name(name) => match reach.lookup(name).await {
                Ok(found) => found.into_iter().map(|address| SocketAddr::new(address.ip(), endpoint.port())).collect(),
                Err(error) if error.get_ref().is_some_and(|inner| inner.is::<AddressRefused>()) => {
                    return Err(observe::connecting(&error, false, within_ms));
                }
                Err(error) => return Err(Failure::NameNotFound(error.to_string())),
            },
        };
        let stream = first_of(&addresses).await;
        stream.map_err(|error| observe::connecting(&error, false, within_ms))
    };
    let stream = time::timeout(within, dialling).await.map_err(|_| Failure::ConnectTimeout(within_ms))??;
    // Only a hint to the kernel: without it small messages may wait.
    let _unsupported = stream.set_nodelay(true);
    Ok(stream)
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

    /// Deadline of connecting, in milliseconds.
    pub(super) fn connect_ms(self) -> u64 {
        self.reach.connect_within().as_millis() as u64
    }
}

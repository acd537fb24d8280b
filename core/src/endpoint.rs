//! Where a service listens: scheme, host, port and base path.

#![forbid(unsafe_code)]

mod host;
mod parse;
mod target;

pub use host::Host;
pub use parse::EndpointError;
pub use target::TargetError;

use serde::{Deserialize, Serialize};
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};
use url::Url;

/// How a service is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// As URLs write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Where a service listens. Two spellings of one place are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Endpoint {
    scheme: Scheme,
    host: Host,
    port: u16,
    /// Empty, or `/` and segments without a `/` at the end.
    base: String,
}

impl Endpoint {
    /// Reads what people type: `8188`, `localhost:8188`, `http://[::1]:8188/base/`.
    ///
    /// An address that a server prints when it listens everywhere, `0.0.0.0` or `[::]`, stands for this machine.
    ///
    /// # Errors
    /// One for each way in which a text is no endpoint.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        parse::endpoint(text)
    }

    /// Plain HTTP on a port of this machine.
    pub fn local(port: u16) -> Self {
        Self::http(Ipv4Addr::LOCALHOST.into(), port)
    }

    /// Plain HTTP at an address.
    pub fn http(ip: IpAddr, port: u16) -> Self {
        Self { scheme: Scheme::Http, host: Host::Ip(ip), port, base: String::new() }
    }

    /// How it is spoken to.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Its name or address.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Empty, or `/` and segments without a `/` at the end.
    pub fn base_path(&self) -> &str {
        &self.base
    }

    /// Its address, unless it has a name.
    pub fn ip(&self) -> Option<IpAddr> {
        match self.host {
            Host::Ip(ip) => Some(ip),
            Host::Name(_) => None,
        }
    }

    /// Host, port and base path: enough to tell two services apart.
    pub fn place(&self) -> String {
        format!("{}:{}{}", self.host, self.port, self.base)
    }

    /// Whether it is on this machine: `localhost` or a loopback address.
    pub fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Ip(ip) => ip.is_loopback(),
            Host::Name(name) => name == "localhost",
        }
    }

    /// The addresses of this machine that it may stand for; none when it is elsewhere.
    pub fn loopback_addresses(&self) -> Vec<SocketAddr> {
        let ips = match self.ip() {
            Some(ip) if ip.is_loopback() => vec![ip],
            None if self.is_loopback() => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
            Some(_) | None => vec![],
        };
        ips.into_iter().map(|ip| SocketAddr::new(ip, self.port)).collect()
    }

    /// How a sentence calls it: `port 8188` on this machine, else host and port.
    pub fn subject(&self) -> String {
        if self.is_loopback() { format!("port {}", self.port) } else { format!("{}:{}", self.host, self.port) }
    }

    /// The URL of `target`, which is a path below the base path or an absolute URL of the same origin.
    ///
    /// # Errors
    /// Everything that would leave the origin or the base path.
    pub fn join(&self, target: &str) -> Result<Url, TargetError> {
        target::join(self, target)
    }

    /// Scheme, host and port without a path.
    fn origin(&self) -> String {
        let scheme = self.scheme.as_str();
        if self.port == self.scheme.default_port() {
            format!("{scheme}://{}", self.host)
        } else {
            format!("{scheme}://{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin(), self.base)
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Endpoint {
    type Error = EndpointError;

    fn try_from(text: String) -> Result<Self, EndpointError> {
        Self::parse(&text)
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> Self {
        endpoint.to_string()
    }
}

#[cfg(test)]
mod tests;

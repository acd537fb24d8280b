//! Names and addresses of machines.

use super::EndpointError;
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// A machine: its address, or a name that the resolver knows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// An address; IPv4 in IPv6 clothes is kept as IPv4.
    Ip(IpAddr),
    /// A name in lower case.
    Name(String),
}

impl Host {
    /// Reads the part of a URL before the port. IPv6 comes in brackets.
    pub(super) fn parse(text: &str) -> Result<Self, EndpointError> {
        if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            return Self::v6(inner);
        }
        if text.is_empty() {
            return Err(EndpointError::NoHost);
        }
        if !text.is_ascii() {
            return Err(EndpointError::NotAscii);
        }
        if text.ends_with('.') {
            return Err(EndpointError::TrailingDot);
        }
        if text.contains('%') {
            return Err(EndpointError::InvalidName(text.to_owned()));
        }
        if let Ok(ip) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Ip(reachable(ip.into())));
        }
        // Browsers read `0x7f.1`, `2130706433` and `0177.0.0.1` as addresses; what looks like one must be a plain one.
        let last = text.rsplit('.').next().unwrap_or_default();
        if last.bytes().all(|byte| byte.is_ascii_digit()) || last.to_ascii_lowercase().starts_with("0x") {
            return Err(EndpointError::OddAddress(text.to_owned()));
        }
        if is_name(text) {
            Ok(Self::Name(text.to_ascii_lowercase()))
        } else {
            Err(EndpointError::InvalidName(text.to_owned()))
        }
    }

    fn v6(text: &str) -> Result<Self, EndpointError> {
        if text.contains('%') {
            return Err(EndpointError::ZoneId);
        }
        let ip: Ipv6Addr = text.parse().map_err(|_| EndpointError::InvalidName(text.to_owned()))?;
        Ok(Self::Ip(reachable(ip.to_canonical())))
    }
}

/// "Everywhere" is what a server listens on; a client finds it on this machine.
fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(allowed);
    text.len() <= 253 && text.split('.').all(is_label)
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(IpAddr::V4(ip)) => write!(f, "{ip}"),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

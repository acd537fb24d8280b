//! Reading an endpoint out of what people type and programs print.

use super::{Endpoint, Host, Scheme};
use std::net::{Ipv4Addr, Ipv6Addr};
use thiserror::Error;
use url::Url;

/// No endpoint is longer, in characters.
const MAX_LEN: usize = 2_048;

/// Why a text is no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EndpointError {
    /// Nothing, or only spaces.
    #[error("the address is empty")]
    Empty,
    /// Longer than any address.
    #[error("the address has {0} characters, {MAX_LEN} are allowed")]
    TooLong(usize),
    /// White space or control characters inside, or a backslash.
    #[error("the address contains {0:?}")]
    Character(char),
    /// Not HTTP.
    #[error("{0:?} is not supported, only http and https are")]
    Scheme(String),
    /// A user name or password before an `@`.
    #[error("the address contains a user name or password; keys belong into the settings")]
    UserInfo,
    /// A query or fragment.
    #[error("the address contains a `{0}`, it ends with the path")]
    QueryOrFragment(char),
    /// No host.
    #[error("the address has no host")]
    NoHost,
    /// No number from 1 to 65535.
    #[error("{0:?} is no port, ports are numbers from 1 to 65535")]
    Port(String),
    /// An IPv6 address without brackets.
    #[error("an IPv6 address is written in brackets, for example [::1]:8188")]
    Brackets,
    /// An IPv6 address with a zone.
    #[error("an IPv6 address with a zone is not supported")]
    ZoneId,
    /// An IPv4 address in decimal, octal, hexadecimal or short form.
    #[error("{0:?} is an unusual form of an address, write it as four numbers from 0 to 255")]
    OddAddress(String),
    /// A dot after the name.
    #[error("the host ends with a dot")]
    TrailingDot,
    /// A name that could pass for another one.
    #[error("the host contains characters that are not ASCII")]
    NotAscii,
    /// Neither name nor address.
    #[error("{0:?} is neither the name nor the address of a machine")]
    InvalidName(String),
    /// `.` or `..` in the path.
    #[error("the path contains `.` or `..`")]
    DotSegment,
    /// A path that no URL can hold.
    #[error("the path is not valid")]
    Path,
}

pub(super) fn endpoint(text: &str) -> Result<Endpoint, EndpointError> {
    let text = text.trim_matches(|c: char| c == ' ' || c == '\t');
    check_characters(text)?;
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return port(text).map(Endpoint::local);
    }
    let (scheme, rest) = split_scheme(text)?;
    if let Some(found) = rest.chars().find(|c| matches!(c, '?' | '#')) {
        return Err(EndpointError::QueryOrFragment(found));
    }
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if authority.contains('@') {
        return Err(EndpointError::UserInfo);
    }
    let (host, port_text) = split_port(authority)?;
    Ok(Endpoint {
        scheme,
        host: if host.is_empty() && port_text.is_some() {
            // `:8188` is how some servers print where they listen.
            Host::Ip(Ipv4Addr::LOCALHOST.into())
        } else {
            Host::parse(host)?
        },
        port: port_text.map_or(Ok(scheme.default_port()), port)?,
        base: base_path(path)?,
    })
}

fn check_characters(text: &str) -> Result<(), EndpointError> {
    if text.is_empty() {
        return Err(EndpointError::Empty);
    }
    let len = text.chars().count();
    if len > MAX_LEN {
        return Err(EndpointError::TooLong(len));
    }
    match text.chars().find(|&c| c.is_whitespace() || c.is_control() || c == '\\') {
        Some(found) => Err(EndpointError::Character(found)),
        None => Ok(()),
    }
}

fn split_scheme(text: &str) -> Result<(Scheme, &str), EndpointError> {
    if let Some((scheme, rest)) = text.split_once("://") {
        return match scheme.to_ascii_lowercase().as_str() {
            "http" => Ok((Scheme::Http, rest)),
            "https" => Ok((Scheme::Https, rest)),
            _ => Err(EndpointError::Scheme(scheme.to_owned())),
        };
    }
    // `unix:/run/x.sock` has the form of `host:port`; a port does not begin with a slash.
    if let Some((scheme, rest)) = text.split_once(':')
        && rest.starts_with('/')
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
    {
        return Err(EndpointError::Scheme(scheme.to_owned()));
    }
    Ok((Scheme::Http, text))
}

/// Splits at the colon of the port, which is not one of an IPv6 address.
fn split_port(authority: &str) -> Result<(&str, Option<&str>), EndpointError> {
    if authority.starts_with('[') {
        let end = authority.find(']').ok_or(EndpointError::Brackets)? + 1;
        let (host, rest) = authority.split_at(end);
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(EndpointError::InvalidName(authority.to_owned())),
        };
    }
    let bare = authority.split('%').next().unwrap_or_default();
    if bare.parse::<Ipv6Addr>().is_ok() || authority.matches(':').count() > 1 {
        return Err(EndpointError::Brackets);
    }
    Ok(match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    })
}

fn port(text: &str) -> Result<u16, EndpointError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits && port != 0 => Ok(port),
        _ => Err(EndpointError::Port(text.to_owned())),
    }
}

fn base_path(path: &str) -> Result<String, EndpointError> {
    if path.split('/').any(|segment| dots(segment) > 0) {
        return Err(EndpointError::DotSegment);
    }
    let url = Url::parse(&format!("http://localhost{path}")).map_err(|_| EndpointError::Path)?;
    Ok(url.path().trim_end_matches('/').to_owned())
}

/// 1 for a segment that means "here", 2 for one that means "up", however they are written, and 0 for any other.
pub(super) fn dots(segment: &str) -> usize {
    match segment.to_ascii_lowercase().replace("%2e", ".").as_str() {
        "." => 1,
        ".." => 2,
        _ => 0,
    }
}

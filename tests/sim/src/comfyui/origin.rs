//! The check that keeps web pages from using a ComfyUI on the same machine.

use super::Release;
use crate::service::Request;

/// Whether the request is answered with 403.
pub(super) fn is_foreign(release: Release, request: &Request) -> bool {
    if release >= Release::V0_33_0 && request.header("sec-fetch-site") == Some("cross-site") {
        return true;
    }
    let (Some(host), Some(origin)) = (request.header("host"), request.header("origin")) else { return false };
    let host = host.to_ascii_lowercase();
    let Some(origin) = authority(origin) else { return false };
    let (host_name, host_port) = split_port(&host);
    let (origin_name, origin_port) = split_port(&origin);
    if !is_loopback(host_name) || origin.is_empty() {
        return false;
    }
    // A side without a port is compared by name only.
    let host_part = if origin_port.is_none() { host_name } else { &host };
    let origin_part = if host_port.is_none() { origin_name } else { &origin };
    host_part != origin_part
}

/// What stands between `//` and the next `/`; `null` and the like have nothing there.
fn authority(origin: &str) -> Option<String> {
    let rest = origin.split_once("//")?.1;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    Some(rest[..end].to_ascii_lowercase())
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => (name, Some(port)),
        _ => (authority, None),
    }
}

/// The real server asks the resolver; these are the names that it knows everywhere.
fn is_loopback(name: &str) -> bool {
    name == "localhost" || name == "[::1]" || (name.starts_with("127.") && name.parse::<std::net::Ipv4Addr>().is_ok())
}

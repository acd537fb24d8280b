//! Which process listens at an address.

use std::net::SocketAddr;

/// The process of this machine that listens at a loopback address, as far as it may be seen. Reads much of `/proc`, so
/// it is asked when something has changed, away from the threads that must not wait.
#[cfg(target_os = "linux")]
pub fn holder(address: SocketAddr) -> Option<u32> {
    linux::holder(address)
}

/// Not known on this system.
#[cfg(not(target_os = "linux"))]
pub fn holder(_address: SocketAddr) -> Option<u32> {
    None
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        fs,
        net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
        path::Path,
    };

    pub(super) fn holder(address: SocketAddr) -> Option<u32> {
        let inode = inode(address)?;
        let socket = format!("socket:[{inode}]");
        let mut pids: Vec<u32> =
            fs::read_dir("/proc").ok()?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
        // A server hands its socket on to children; the oldest one is the server.
        pids.sort_unstable();
        pids.into_iter().find(|pid| has_open(*pid, Path::new(&socket)))
    }

    fn has_open(pid: u32, wanted: &Path) -> bool {
        let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
        entries.filter_map(Result::ok).any(|entry| fs::read_link(entry.path()).is_ok_and(|target| target == wanted))
    }

    /// The listening socket at an address, or at all addresses with its port.
    fn inode(address: SocketAddr) -> Option<u64> {
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
        let rows: Vec<_> = tables.iter().flat_map(|table| table.lines().skip(1)).filter_map(listening).collect();
        let exact = rows.iter().find(|(at, _)| *at == address);
        let everywhere = || rows.iter().find(|(at, _)| at.port() == address.port() && at.ip().is_unspecified());
        exact.or_else(everywhere).map(|(_, inode)| *inode)
    }

    /// Address and inode of a row, if it listens.
    fn listening(row: &str) -> Option<(SocketAddr, u64)> {
        let fields: Vec<_> = row.split_ascii_whitespace().collect();
        let [_, local, _, "0A", ..] = fields.as_slice() else { return None };
        let (ip, port) = local.split_once(':')?;
        let address = SocketAddr::new(ip_address(ip)?, u16::from_str_radix(port, 16).ok()?);
        Some((address, fields.get(9)?.parse().ok()?))
    }

    /// Words of 32 bits in the order of the machine, as hexadecimal numbers.
    fn ip_address(text: &str) -> Option<IpAddr> {
        let mut bytes = Vec::with_capacity(16);
        for word in text.as_bytes().chunks(8) {
            let word = u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()?;
            bytes.extend(word.to_ne_bytes());
        }
        match bytes.len() {
            4 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).into()),
            16 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).to_canonical()),
            _ => None,
        }
    }
}

//! Which processes have sockets open. To find out is to walk through the open files of every process.

use std::{
    collections::{HashMap, HashSet},
    fs,
};

/// The process that has each of these sockets, by number, as far as it may be seen.
pub(super) fn of(wanted: &HashSet<u64>) -> HashMap<u64, u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    let mut pids: Vec<u32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    // A server hands its socket on to children; the oldest one is the server.
    pids.sort_unstable();
    let mut found = HashMap::new();
    for pid in pids {
        if found.len() == wanted.len() {
            break;
        }
        for number in sockets_of(pid).filter(|number| wanted.contains(number)) {
            found.entry(number).or_insert(pid);
        }
    }
    found
}

/// Whether a process has this socket open.
pub(super) fn has(pid: u32, number: u64) -> bool {
    sockets_of(pid).any(|open| open == number)
}

/// Numbers of the sockets that a process has open; none where that may not be seen.
fn sockets_of(pid: u32) -> impl Iterator<Item = u64> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().filter_map(Result::ok);
    entries.filter_map(|entry| {
        let target = fs::read_link(entry.path()).ok()?;
        target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    })
}

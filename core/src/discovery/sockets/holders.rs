//! Which processes have sockets open. To find out is to walk through the open files of every process.

use std::{
    collections::{HashMap, HashSet},
    fs,
};

/// The oldest process that has each of these sockets, by number, as far as it may be seen: a server hands its socket on
/// to children.
pub(super) fn first_of(wanted: &HashSet<u64>) -> HashMap<u64, u32> {
    let mut found = HashMap::new();
    for pid in processes() {
        if found.len() == wanted.len() {
            break;
        }
        for number in sockets_of(pid).filter(|number| wanted.contains(number)) {
            found.entry(number).or_insert(pid);
        }
    }
    found
}

/// All processes that have each of these sockets, the oldest first.
pub(super) fn all_of(wanted: &HashSet<u64>) -> HashMap<u64, Vec<u32>> {
    let mut found: HashMap<_, Vec<u32>> = HashMap::new();
    for pid in processes() {
        for number in sockets_of(pid).filter(|number| wanted.contains(number)) {
            let pids = found.entry(number).or_default();
            if pids.last() != Some(&pid) {
                pids.push(pid);
            }
        }
    }
    found
}

fn processes() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    let mut pids: Vec<u32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    pids
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

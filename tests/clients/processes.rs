//! What `/proc` tells of a process.

use rustix::process::{Pid, Signal, kill_process};
use std::{collections::BTreeSet, fs, path::Path};

/// Processes whose command line names a folder: hosts, bridges and commands of one test.
pub(crate) fn naming(folder: &Path) -> Vec<u32> {
    let folder = folder.as_os_str().as_encoded_bytes();
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|word| word == folder)
    })
    .collect()
}

/// Of these, the hosts.
pub(crate) fn hosts(state: &Path) -> Vec<u32> {
    naming(state).into_iter().filter(|pid| words(*pid).iter().any(|word| word == "serve")).collect()
}

/// A process that has ended and was not waited for has no words any more.
pub(crate) fn is_alive(pid: u32) -> bool {
    !words(pid).is_empty()
}

fn words(pid: u32) -> Vec<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0)
        .filter(|word| !word.is_empty())
        .map(|word| String::from_utf8_lossy(word).into())
        .collect()
}

pub(crate) fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    // It may have ended meanwhile.
    let _gone = kill_process(pid, signal);
}

/// Resident memory in bytes.
pub(crate) fn memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    1024 * line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
}

/// Ports at which a process listens for TCP or has any UDP socket.
pub(crate) fn ports(pid: u32) -> Vec<String> {
    let links = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let links = links.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok()?.into_os_string().into_string().ok());
    let inodes: BTreeSet<String> =
        links.filter_map(|link| Some(link.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())).collect();
    let mut ports = Vec::new();
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        // A kernel without IPv6 has no table of it.
        let Ok(text) = fs::read_to_string(format!("/proc/{pid}/net/{table}")) else { continue };
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            const LISTENING: &str = "0A";
            let counts = table.starts_with("udp") || fields[3] == LISTENING;
            if counts && inodes.contains(fields[9]) {
                ports.push(format!("{table} {}", fields[1]));
            }
        }
    }
    ports
}

#[test]
fn a_listener_of_this_process_is_seen() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!("{:04X}", listener.local_addr().unwrap().port());
    assert!(ports(std::process::id()).iter().any(|seen| seen.starts_with("tcp ") && seen.ends_with(&port)));
}

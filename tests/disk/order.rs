//! The order of system calls: write, sync, and only then the answer.

use crate::submitting::{KIND, submit};
use anyhow::{Context as _, ensure};
use mdd_tests::ServedHome;
use std::{collections::BTreeMap, ffi::OsStr};

pub(crate) const JOBS: usize = 10;

/// What was done too early.
pub(crate) async fn violations(variables: &[(&str, &str)]) -> anyhow::Result<Vec<String>> {
    let home = ServedHome::new(&[KIND], &[]);
    let trace = home.file("trace");
    let calls = "trace=fsync,fdatasync,pwrite64,write,writev,sendto,sendmsg";
    let words = ["strace", "-f", "-y", "-s", "160", "-e", calls, "-o"].map(OsStr::new);
    let wrapper: Vec<&OsStr> = words.into_iter().chain([trace.as_os_str()]).collect();
    let host = home.serve_under(&wrapper, variables);
    let (mut client, _) = host.answers(&home.state()).await;
    for number in 0..JOBS {
        submit(&mut client, &id(number)).await?;
    }
    // strace lets the host go on; it ends with its own word.
    client.call::<_, mdd_core::rpc::Nothing>("host.stop", &mdd_core::rpc::Nothing {}).await?;
    host.ended().await;
    let text = std::fs::read_to_string(&trace).context("the trace")?;
    let mut journal = Journal::default();
    let mut found = Vec::new();
    let mut acknowledged = 0;
    for line in text.lines() {
        let Some((pid, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        journal.see(pid, call);
        if (0..JOBS).any(|number| is_answer(call, &id(number))) {
            acknowledged += 1;
            if !std::mem::take(&mut journal.durable) {
                found.push(call.to_owned());
            }
        }
    }
    ensure!(acknowledged == JOBS, "{acknowledged} answers were seen in the trace of {} lines", text.lines().count());
    Ok(found)
}

fn id(number: usize) -> String {
    format!("in-order-{number}")
}

fn is_answer(call: &str, id: &str) -> bool {
    let sends = ["write(", "writev(", "sendto(", "sendmsg("].iter().any(|name| call.starts_with(name));
    sends && call.contains("jsonrpc") && call.contains("result") && call.contains(&format!("{id}\\\""))
}

/// The write-ahead log, as far as the calls tell.
#[derive(Default)]
struct Journal {
    /// Something was written that no sync has begun to follow.
    dirty: bool,
    /// Something was written and synced since the last answer.
    durable: bool,
    /// Syncs that have begun, by thread, with whether everything was written by then.
    syncing: BTreeMap<String, bool>,
}

impl Journal {
    fn see(&mut self, pid: &str, call: &str) {
        let is_log = call.contains("journal.db-wal");
        let is_sync = call.starts_with("fsync(") || call.starts_with("fdatasync(");
        if call.starts_with("pwrite64(") && is_log {
            (self.dirty, self.durable) = (true, false);
        } else if is_sync && is_log && call.ends_with("<unfinished ...>") {
            self.syncing.insert(pid.to_owned(), std::mem::take(&mut self.dirty));
        } else if is_sync && is_log && call.ends_with("= 0") {
            self.durable |= std::mem::take(&mut self.dirty);
        } else if call.starts_with("<... f") && call.ends_with("= 0") {
            // More may have been written while it took.
            self.durable |= self.syncing.remove(pid).unwrap_or_default() && !self.dirty;
        }
    }
}

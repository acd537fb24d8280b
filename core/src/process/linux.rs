//! Linux: `/proc` and process file descriptors.

use super::{Activity, Process, Work};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::{
    fs,
    sync::LazyLock,
    time::{Duration, SystemTime},
};
use tokio::{
    io::{Interest, unix::AsyncFd},
    time::sleep,
};

/// Between two looks where the kernel gives no descriptor.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The fields of `/proc/<pid>/stat` behind the name, which may contain anything.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_ascii_whitespace().map(str::to_owned).collect())
}

/// Positions of proc(5), counted from the state, which is its third field.
const STATE: usize = 0;
const USER_TIME: usize = 11;
const SYSTEM_TIME: usize = 12;
const START: usize = 19;

fn number(fields: &[String], at: usize) -> Option<u64> {
    fields.get(at)?.parse().ok()
}

fn ticks(count: u64) -> Duration {
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Duration::from_millis(count.saturating_mul(1000) / per_second)
}

pub(super) fn start(pid: u32) -> Option<(u64, SystemTime)> {
    static BOOT: LazyLock<Option<SystemTime>> = LazyLock::new(|| {
        let text = fs::read_to_string("/proc/stat").ok()?;
        let seconds = text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
        Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
    });
    let started = number(&stat(pid)?, START)?;
    Some((started, (*BOOT)? + ticks(started)))
}

pub(super) fn state(pid: u32) -> Option<(u64, Activity)> {
    let fields = stat(pid)?;
    let activity = match fields.get(STATE)?.as_str() {
        "T" | "t" => Activity::Stopped,
        // A zombie has closed everything that it had open.
        "Z" | "X" | "x" => Activity::Gone,
        _ => Activity::Alive,
    };
    Some((number(&fields, START)?, activity))
}

pub(super) fn work(pid: u32) -> Option<Work> {
    let fields = stat(pid)?;
    let cpu = ticks(number(&fields, USER_TIME)? + number(&fields, SYSTEM_TIME)?);
    Some(Work { cpu, disk: disk(pid).unwrap_or(0) })
}

/// Only the owner of a process may read it.
fn disk(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
    let field = |name| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
    Some(field("read_bytes:")? + field("write_bytes:")?)
}

pub(super) async fn ended(process: &Process) {
    if watched(process).await.is_none() {
        while process.activity() != Activity::Gone {
            sleep(LOOK_EVERY).await;
        }
    }
}

async fn watched(process: &Process) -> Option<()> {
    let pid = Pid::from_raw(process.pid.try_into().ok()?)?;
    let Ok(descriptor) = pidfd_open(pid, PidfdFlags::empty()) else {
        return (process.activity() == Activity::Gone).then_some(());
    };
    // The number may have been given to another process before the descriptor was opened.
    if process.activity() == Activity::Gone {
        return Some(());
    }
    #[expect(deprecated, reason = "it is wrong for types that do not own their descriptor; this one does")]
    let descriptor = AsyncFd::with_interest(descriptor, Interest::READABLE).ok()?;
    descriptor.readable().await.ok().map(drop)
}

pub(super) fn command_line(pid: u32) -> Vec<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words = bytes.split(|&byte| byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
    let mut words: Vec<String> = words.collect();
    while words.last().is_some_and(String::is_empty) {
        words.pop();
    }
    words
}

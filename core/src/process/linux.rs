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

/// What `/proc/<pid>/stat` tells of a process. Each backend on this machine is looked at four times a second, so it is
/// read once for everything.
struct Stat {
    state: u8,
    /// Ticks of processor time, its own and that of the system for it.
    ticks: u64,
    start: u64,
}

fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it may contain anything.
    let (_, fields) = text.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    // proc(5): the state is the third field, the times are the 14th and the 15th, the start is the 22nd.
    let state = *fields.next()?.as_bytes().first()?;
    let mut number = |skipped| fields.nth(skipped)?.parse::<u64>().ok();
    let ticks = number(10)?.saturating_add(number(0)?);
    Some(Stat { state, ticks, start: number(6)? })
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
    let started = stat(pid)?.start;
    Some((started, (*BOOT)? + ticks(started)))
}

impl Stat {
    fn activity(&self) -> Activity {
        match self.state {
            b'T' | b't' => Activity::Stopped,
            // A zombie has closed everything that it had open.
            b'Z' | b'X' | b'x' => Activity::Gone,
            _ => Activity::Alive,
        }
    }
}

pub(super) fn state(pid: u32) -> Option<(u64, Activity)> {
    let stat = stat(pid)?;
    Some((stat.start, stat.activity()))
}

pub(super) fn work(pid: u32) -> Option<Work> {
    Some(Work { cpu: ticks(stat(pid)?.ticks), disk: disk(pid).unwrap_or(0) })
}

/// The processes that its threads have started and that still live.
pub(super) fn children(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().filter_map(Result::ok);
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
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

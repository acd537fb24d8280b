//! Every other system: what the `sysinfo` crate tells. Tested on Linux too, as it works there as well.

use super::{Activity, Process, Work};
use std::time::{Duration, SystemTime};
use sysinfo::{Pid, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System, UpdateKind};
use tokio::time::sleep;

/// Between two looks at a process whose end is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(250);

fn read<T>(pid: u32, what: ProcessRefreshKind, take: impl FnOnce(&sysinfo::Process) -> T) -> Option<T> {
    let pid = Pid::from_u32(pid);
    let mut system = System::new().ok()?;
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, what);
    system.process(pid).map(take)
}

pub(super) fn start(pid: u32) -> Option<(u64, SystemTime)> {
    let started = read(pid, ProcessRefreshKind::nothing(), sysinfo::Process::start_time)?;
    Some((started, SystemTime::UNIX_EPOCH + Duration::from_secs(started)))
}

pub(super) fn state(pid: u32) -> Option<(u64, Activity)> {
    read(pid, ProcessRefreshKind::nothing(), |process| {
        let activity = match process.status() {
            ProcessStatus::Stop | ProcessStatus::Tracing => Activity::Stopped,
            ProcessStatus::Zombie | ProcessStatus::Dead => Activity::Gone,
            _ => Activity::Alive,
        };
        (process.start_time(), activity)
    })
}

pub(super) fn work(pid: u32) -> Option<Work> {
    read(pid, ProcessRefreshKind::nothing().with_cpu().with_disk_usage(), |process| {
        let disk = process.disk_usage();
        Work {
            cpu: Duration::from_millis(process.accumulated_cpu_time()),
            disk: disk.total_read_bytes.saturating_add(disk.total_written_bytes),
        }
    })
}

pub(super) fn children(pid: u32) -> Vec<u32> {
    let Ok(mut system) = System::new() else { return vec![] };
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, ProcessRefreshKind::nothing());
    let all = system.processes().values().filter(|process| process.thread_kind().is_none());
    all.filter(|process| process.parent() == Some(Pid::from_u32(pid))).map(|process| process.pid().as_u32()).collect()
}

pub(super) async fn ended(process: &Process) {
    while process.activity() != Activity::Gone {
        sleep(LOOK_EVERY).await;
    }
}

pub(super) fn command_line(pid: u32) -> Vec<String> {
    let what = ProcessRefreshKind::nothing().with_cmd(UpdateKind::Always);
    let words =
        read(pid, what, |process| process.cmd().iter().map(|word| word.to_string_lossy().into_owned()).collect());
    words.unwrap_or_default()
}

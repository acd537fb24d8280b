//! What another process uses, as Linux tells it.

use std::{fs, time::Duration};

/// What a process has used so far, and has now.
#[derive(Clone, Copy)]
pub(crate) struct Use {
    pub(crate) cpu: Duration,
    pub(crate) resident_kib: u64,
    pub(crate) threads: u64,
    pub(crate) descriptors: usize,
    /// Times that a thread of it has slept of its own will.
    pub(crate) wake_ups: u64,
}

impl Use {
    pub(crate) fn of(pid: u32) -> anyhow::Result<Self> {
        let folder = format!("/proc/{pid}");
        let status = fs::read_to_string(format!("{folder}/status"))?;
        let mut wake_ups = 0;
        for task in fs::read_dir(format!("{folder}/task"))? {
            let status = fs::read_to_string(task?.path().join("status")).unwrap_or_default();
            wake_ups += field(&status, "voluntary_ctxt_switches:");
        }
        Ok(Self {
            cpu: ticks(&fs::read_to_string(format!("{folder}/stat"))?, 11),
            resident_kib: field(&status, "VmRSS:"),
            threads: field(&status, "Threads:"),
            descriptors: fs::read_dir(format!("{folder}/fd"))?.count(),
            wake_ups,
        })
    }
}

/// CPU of all children of this process that have ended.
pub(crate) fn cpu_of_ended_children() -> Duration {
    ticks(&fs::read_to_string("/proc/self/stat").unwrap_or_default(), 13)
}

fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().next().and_then(|value| value.parse().ok()).unwrap_or_default()
}

/// The sum of the field and the next one. Fields count from after the program's name, which may hold spaces.
fn ticks(stat: &str, field: usize) -> Duration {
    let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
    let ticks: u64 = after.split_whitespace().skip(field).take(2).filter_map(|value| value.parse::<u64>().ok()).sum();
    Duration::from_secs(ticks) / u32::try_from(rustix::param::clock_ticks_per_second()).unwrap_or(100)
}

//! Processes of this machine: which one it is, whether it works, and when it ends.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(not(target_os = "linux"), test))]
mod portable;
#[cfg(test)]
mod tests;

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
use portable as system;

use std::time::{Duration, SystemTime};

/// No service has more; the numbers of processes that end meanwhile could lead anywhere.
const MOST_DESCENDANTS: usize = 256;

/// One process. Its start belongs to it, as its number may be given to another one later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    pid: u32,
    /// In the system's own units.
    started: u64,
    started_at: SystemTime,
}

/// What a process is up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// It runs, or waits for something.
    Alive,
    /// Somebody has stopped it; it will not run until it is continued.
    Stopped,
    /// It has ended, or its number belongs to another one.
    Gone,
}

/// What a process has used since it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Work {
    /// Time of processors.
    pub cpu: Duration,
    /// Bytes from and to disks; 0 where the system does not tell.
    pub disk: u64,
}

/// The command line that lets a stopped process go on, where users can do that themselves.
pub fn continuing(pid: u32) -> Option<String> {
    cfg!(unix).then(|| format!("kill -CONT {pid}"))
}

impl Process {
    /// The process that has this number now.
    pub fn of(pid: u32) -> Option<Self> {
        let (started, started_at) = system::start(pid)?;
        Some(Self { pid, started, started_at })
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// When it started.
    pub fn started_at(&self) -> SystemTime {
        self.started_at
    }

    /// What tells it from every other process since the machine was started.
    pub fn identity(&self) -> String {
        format!("{}-{}", self.pid, self.started)
    }

    /// What it is up to; cheap enough to be asked some times a second.
    pub fn activity(&self) -> Activity {
        match system::state(self.pid) {
            Some((started, activity)) if started == self.started => activity,
            Some(_) | None => Activity::Gone,
        }
    }

    /// What it has used, while it lives.
    pub fn work(&self) -> Option<Work> {
        (self.activity() != Activity::Gone).then(|| system::work(self.pid))?
    }

    /// The living processes that descend from it. To find them costs a look at each of its threads.
    pub fn descendants(&self) -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        let mut next = vec![self.pid];
        while let Some(pid) = next.pop().filter(|_| found.len() < MOST_DESCENDANTS) {
            let children: Vec<u32> = system::children(pid);
            next.extend(&children);
            found.extend(children.into_iter().filter_map(Self::of));
        }
        found
    }

    /// Resolves when it has ended; at once when it already has.
    pub async fn ended(&self) {
        system::ended(self).await;
    }
}

/// The program and the arguments that a process was started with; empty when it may not be read.
pub fn command_line(pid: u32) -> Vec<String> {
    system::command_line(pid)
}

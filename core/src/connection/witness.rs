//! The processes that serve a backend, as witnesses of what the backend does not say itself.

use super::Evidence;
use crate::{
    discovery::sockets::Holders,
    process::{Activity, Process, Work},
};
use futures_util::{FutureExt as _, future::BoxFuture};
use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;

/// Between two measurements: the system counts hundredths of a second.
const WINDOW: Duration = Duration::from_secs(1);
/// What was done in less proves nothing.
const SHORTEST_WINDOW: Duration = Duration::from_millis(200);
/// Less is what an idle server does as well.
const LEAST_SHARE: f64 = 0.05;
/// Bytes a second; loading a model reads millions.
const LEAST_DISK: f64 = 65_536.0;

/// The processes that hold a backend's socket, and while it is silent whatever descends from them.
pub(super) struct Witness {
    /// The oldest one that holds the socket: the server.
    process: Process,
    /// Those that it shares the socket with.
    others: Vec<Process>,
    /// They are the service itself; others may only pass connections on to it.
    is_service: bool,
    /// Resolves once, when the server has ended.
    pub(super) ended: BoxFuture<'static, ()>,
    is_stopped: bool,
    baseline: Option<Measured>,
}

/// What each process had used at a moment.
struct Measured {
    at: Instant,
    used: HashMap<u32, Work>,
    /// With those that descend from the holders.
    whole: bool,
}

impl Witness {
    /// Nobody is its own witness: a service within the host's process has none.
    pub(super) fn of(holders: Holders, is_service: bool) -> Option<Self> {
        let Holders { process, others, .. } = holders;
        let ended = async move { process.ended().await }.boxed();
        let witness = Self { process, others, is_service, ended, is_stopped: false, baseline: None };
        (process.pid() != std::process::id()).then_some(witness)
    }

    pub(super) fn process(&self) -> &Process {
        &self.process
    }

    /// Whoever shares its socket answers in its place while it is stopped.
    fn activity(&self) -> Activity {
        match self.process.activity() {
            Activity::Stopped if self.others.iter().any(|other| other.activity() == Activity::Alive) => Activity::Alive,
            activity => activity,
        }
    }

    /// From here on their work is measured. While the backend is silent it is anyway.
    pub(super) fn begin(&mut self, silent: bool, now: Instant) {
        if !silent {
            self.baseline = Some(self.measure(false, now));
        }
    }

    /// What is news about them. Their work is only looked at while the backend is `silent`.
    pub(super) fn look(&mut self, silent: bool, now: Instant) -> Option<Evidence> {
        match (self.activity(), self.is_stopped) {
            (Activity::Stopped, false) => {
                self.is_stopped = true;
                return Some(Evidence::Stopped);
            }
            (Activity::Alive, true) => {
                self.is_stopped = false;
                self.begin(false, now);
                return Some(Evidence::Unclear);
            }
            (Activity::Stopped, true) | (Activity::Gone, _) => return None,
            (Activity::Alive, false) => {}
        }
        let is_due = self.baseline.as_ref().is_some_and(|before| now.duration_since(before.at) >= WINDOW);
        if silent && is_due { self.judge(now) } else { None }
    }

    /// What they did since their work was last looked at.
    pub(super) fn judge(&mut self, now: Instant) -> Option<Evidence> {
        if self.is_stopped || self.activity() == Activity::Stopped {
            self.is_stopped = true;
            return Some(Evidence::Stopped);
        }
        let before = self.baseline.take_if(|before| now.duration_since(before.at) >= SHORTEST_WINDOW)?;
        let after = self.baseline.insert(self.measure(true, now));
        Some(match after.since(&before) {
            Worked::Yes => Evidence::Works,
            Worked::No if self.is_service => Evidence::Idle,
            Worked::No | Worked::Unknown => Evidence::Unclear,
        })
    }

    fn measure(&self, whole: bool, at: Instant) -> Measured {
        let holders = || std::iter::once(&self.process).chain(&self.others);
        let descendants = holders().filter(|_| whole).flat_map(Process::descendants);
        let all = holders().copied().chain(descendants);
        Measured { at, used: all.filter_map(|one| Some((one.pid(), one.work()?))).collect(), whole }
    }
}

enum Worked {
    Yes,
    No,
    /// Some of them are measured for the first time.
    Unknown,
}

impl Measured {
    fn since(&self, before: &Self) -> Worked {
        let (mut cpu, mut disk, mut unknown) = (Duration::ZERO, 0, false);
        for (pid, now) in &self.used {
            let then = before.used.get(pid).copied();
            unknown |= then.is_none() && !before.whole;
            let then = then.unwrap_or(if before.whole { Work::default() } else { *now });
            cpu += now.cpu.saturating_sub(then.cpu);
            disk += now.disk.saturating_sub(then.disk);
        }
        let time = self.at.duration_since(before.at).as_secs_f64();
        let works = cpu.as_secs_f64() >= LEAST_SHARE * time || disk as f64 >= LEAST_DISK * time;
        match (works, unknown) {
            (true, _) => Worked::Yes,
            (false, true) => Worked::Unknown,
            (false, false) => Worked::No,
        }
    }
}

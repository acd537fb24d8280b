//! The process that serves a backend, as a witness of what the backend does not say itself.

use super::Evidence;
use crate::process::{Activity, Process, Work};
use futures_util::{FutureExt as _, future::BoxFuture};
use std::time::Duration;
use tokio::time::Instant;

/// The shortest time over which work is measured: the system counts hundredths of a second.
const WINDOW: Duration = Duration::from_secs(1);
/// Less is what an idle server does as well.
const LEAST_SHARE: f64 = 0.05;
/// Bytes a second; loading a model reads millions.
const LEAST_DISK: f64 = 65_536.0;

/// A process that is watched.
pub(super) struct Witness {
    process: Process,
    /// Resolves once, when it has ended.
    pub(super) ended: BoxFuture<'static, ()>,
    is_stopped: bool,
    baseline: Option<(Instant, Work)>,
}

impl Witness {
    /// Nobody is its own witness: a service within the host's process has none.
    pub(super) fn of(process: Process) -> Option<Self> {
        let ended = async move { process.ended().await }.boxed();
        let witness = Self { process, ended, is_stopped: false, baseline: None };
        (process.pid() != std::process::id()).then_some(witness)
    }

    pub(super) fn process(&self) -> &Process {
        &self.process
    }

    /// From here on its work is measured.
    pub(super) fn begin(&mut self, now: Instant) {
        self.baseline = self.process.work().map(|work| (now, work));
    }

    /// What is news about it. Its work is only looked at while the backend is `silent`.
    pub(super) fn look(&mut self, silent: bool, now: Instant) -> Option<Evidence> {
        match (self.process.activity(), self.is_stopped) {
            (Activity::Stopped, false) => {
                self.is_stopped = true;
                return Some(Evidence::Stopped);
            }
            (Activity::Alive, true) => {
                self.is_stopped = false;
                self.begin(now);
                return Some(Evidence::Idle);
            }
            (Activity::Stopped, true) | (Activity::Gone, _) => return None,
            (Activity::Alive, false) => {}
        }
        let measured = self.baseline.is_some_and(|(since, _)| now.duration_since(since) >= WINDOW);
        if silent && measured { self.judge(now) } else { None }
    }

    /// What it did since the work was last looked at.
    pub(super) fn judge(&mut self, now: Instant) -> Option<Evidence> {
        if self.is_stopped || self.process.activity() == Activity::Stopped {
            self.is_stopped = true;
            return Some(Evidence::Stopped);
        }
        let work = self.process.work()?;
        let (since, before) = self.baseline.replace((now, work))?;
        let time = now.duration_since(since).as_secs_f64();
        let cpu = work.cpu.saturating_sub(before.cpu).as_secs_f64();
        let disk = work.disk.saturating_sub(before.disk) as f64;
        let works = cpu >= LEAST_SHARE * time || disk >= LEAST_DISK * time;
        Some(if works { Evidence::Works } else { Evidence::Idle })
    }
}

//! Every kind fails in every way until the pauses have grown, and nothing tells when it is back: no socket is watched.

use crate::looking::{Looking, SOON};
use mdd_core::{
    Host,
    events::{BackendView, Detail, StateName},
};
use mdd_replay::Script;
use mdd_sim::{Fault, Options, Sim};
use mdd_tests::{Neighbour, THERE, in_own_network, pass_on};
use std::{
    cell::Cell,
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

/// From a service's return until it is connected.
const BACK_WITHIN: Duration = Duration::from_secs(90);
const MOST_TRIES: usize = 3;
/// For the pauses to grow, on a loaded machine.
const GROWN_WITHIN: Duration = Duration::from_secs(180);
/// To whoever needs its user; half a minute, seen on a loaded machine.
const BETWEEN_QUESTIONS: Duration = Duration::from_secs(10);

/// How a service fails.
#[derive(Debug)]
enum Failure {
    Refuses,
    /// No packet comes from its machine.
    IsCutOff,
    /// It accepts connections. One that was connected is not given up then, so it has not been.
    IsSilent(Fault),
    /// In a way that makes no sense.
    Answers(Fault),
    NeedsYou(Fault),
}

impl Failure {
    /// It was met, and so often that the pauses are long.
    fn has_grown(&self, row: &BackendView, tries: &Tries) -> bool {
        let code = row.reason.as_ref().map_or("", |reason| &reason.code);
        let waits = |failures: u32| row.detail == Detail::Waiting && row.attempt > failures;
        match self {
            // Pauses of up to a quarter of a minute. The longest ones come after another failure.
            Self::Refuses => waits(6) && code == "connection-refused",
            Self::IsCutOff => waits(6) && code == "connect-timeout",
            // Each takes six seconds and more.
            Self::IsSilent(_) => waits(4) && code == "no-answer",
            Self::Answers(_) => waits(6) && !["connection-refused", "connect-timeout", "no-answer"].contains(&code),
            // Asked again at least once.
            Self::NeedsYou(_) => row.detail == Detail::Refused && tries.count > 2,
        }
    }
}

/// How often a backend is tried: each try but the last is followed by another pause.
#[derive(Default)]
struct Tries {
    /// Number of the next try, and when it is due.
    next: Option<(u32, Instant)>,
    count: usize,
}

impl Tries {
    fn see(&mut self, row: &BackendView) {
        let Some(left) = row.next_try_ms else {
            // One is under way already.
            self.count = self.count.max(1);
            return;
        };
        let due = Instant::now() + Duration::from_millis(left);
        // Whoever needs its user is asked again and again, and that has no number.
        let is_another = |&(number, at): &(u32, Instant)| number != row.attempt || due > at + BETWEEN_QUESTIONS;
        if self.next.as_ref().is_none_or(is_another) {
            (self.next, self.count) = (Some((row.attempt, due)), self.count + 1);
        }
    }
}

/// A script of a shipped driver.
struct Of {
    kind: String,
    name: String,
    script: Script,
}

/// A service that is played from a script, and its backend.
struct Played {
    name: String,
    sim: Sim,
    id: String,
    _passing: Option<JoinSet<()>>,
}

/// All kinds, and what they fail by.
struct Outage<'a> {
    failure: Failure,
    host: &'a Host,
    neighbour: &'a Neighbour,
    services: Vec<Played>,
}

impl<'a> Outage<'a> {
    async fn of(failure: Failure, scripts: &[Of], host: &'a Host, neighbour: &'a Neighbour) -> Self {
        let mut services = Vec::new();
        for (port, Of { kind, name, script }) in (20_000..).zip(scripts) {
            let sim = Sim::start(Options::replay(script.clone())).await.unwrap();
            let (mut place, mut passing) = (sim.addr().to_string(), None);
            if matches!(failure, Failure::IsCutOff) {
                passing = Some(pass_on(neighbour.listen(port), &sim.url()));
                place = format!("{THERE}:{port}");
            }
            if let Failure::IsSilent(fault) = &failure {
                sim.inject(fault.clone()).await;
            }
            host.add_backend(kind, &format!("http://{place}")).unwrap();
            let (name, id) = (format!("{kind} ({name}), {failure:?}"), format!("{kind}@{place}"));
            services.push(Played { name, sim, id, _passing: passing });
        }
        Self { failure, host, neighbour, services }
    }

    /// Says how it went.
    async fn run(self) -> String {
        if !matches!(self.failure, Failure::IsSilent(_)) {
            self.until_each(SOON, |_, row, _| row.state == StateName::Connected).await;
            self.fail().await;
        }
        self.until_each(GROWN_WITHIN, |_, row, tries| self.failure.has_grown(row, tries)).await;
        self.end().await;
        let returned = Instant::now();
        let most = Cell::new(0);
        let is_back = |service: &Played, row: &BackendView, tries: &Tries| {
            assert!(tries.count <= MOST_TRIES, "{}: {} tries, {row:#?}", service.name, tries.count);
            most.set(tries.count.max(most.get()));
            row.state == StateName::Connected
        };
        self.until_each(BACK_WITHIN, is_back).await;
        let (failure, count, time) = (&self.failure, self.services.len(), returned.elapsed().as_secs());
        format!("{failure:?}: all {count} are back after {time} s, with {} tries at most", most.get())
    }

    async fn fail(&self) {
        if matches!(self.failure, Failure::IsCutOff) {
            self.neighbour.vanish();
        }
        for Played { sim, .. } in &self.services {
            match &self.failure {
                Failure::Refuses => sim.stop().await,
                Failure::IsCutOff => {}
                Failure::IsSilent(fault) | Failure::Answers(fault) | Failure::NeedsYou(fault) => {
                    sim.inject(fault.clone()).await;
                }
            }
        }
    }

    async fn end(&self) {
        if matches!(self.failure, Failure::IsCutOff) {
            self.neighbour.appear();
        }
        for Played { sim, .. } in &self.services {
            sim.clear_faults().await;
            sim.start_again().await.unwrap();
        }
    }

    /// Waits until each of the services has been as wanted.
    async fn until_each(&self, within: Duration, wanted: impl Fn(&Played, &BackendView, &Tries) -> bool) {
        let deadline = Instant::now() + within;
        let mut changes = self.host.changes();
        let mut missing: Vec<(&Played, Tries)> =
            self.services.iter().map(|service| (service, Tries::default())).collect();
        loop {
            let rows = self.host.snapshot().backends;
            missing.retain_mut(|(service, tries)| {
                let row = rows.iter().find(|row| row.id == service.id).unwrap();
                tries.see(row);
                !wanted(service, row, tries)
            });
            if missing.is_empty() {
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let row = |id: &str| rows.iter().find(|row| row.id == id);
            let still = || missing.iter().map(|(of, _)| format!("{}: {:#?}", of.name, row(&of.id))).collect::<Vec<_>>();
            let changed = tokio::time::timeout(left, changes.next()).await;
            assert!(changed.is_ok(), "not within {within:?}: {}", still().join("\n"));
        }
    }
}

#[test]
fn whatever_returns_is_connected_within_three_tries_and_90_seconds() {
    in_own_network("returns::whatever_returns_is_connected_within_three_tries_and_90_seconds", async {
        let drivers = xtask::workspace::drivers().unwrap();
        let of_driver = |driver: &xtask::workspace::Driver| {
            let scripts = Script::read_all(&driver.manifest.with_file_name("conformance")).unwrap();
            let kind = driver.kind.clone();
            scripts.into_iter().map(move |(name, script)| Of { kind: kind.clone(), name, script })
        };
        let scripts: Vec<Of> = drivers.iter().flat_map(of_driver).collect();
        let kinds: Vec<&str> = drivers.iter().map(|driver| driver.kind.as_str()).collect();
        let looking = Looking::with(&kinds, "[discovery]\nsockets = false\n");
        let neighbour = Neighbour::join();
        let outage = async |failure| Outage::of(failure, &scripts, &looking.host, &neighbour).await.run().await;
        let said = tokio::join!(
            outage(Failure::Refuses),
            outage(Failure::IsCutOff),
            outage(Failure::IsSilent(Fault::Freeze)),
            outage(Failure::Answers(Fault::Garbage)),
            outage(Failure::Answers(Fault::Status(500))),
            outage(Failure::NeedsYou(Fault::Html)),
            outage(Failure::NeedsYou(Fault::Status(401))),
        );
        println!("{said:#?}");
    });
}

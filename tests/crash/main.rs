//! Kills the host at random points, again and again, and counts what has become of every job: by the ledgers of the
//! simulated services, not by the host's own account.
//!
//! `MDD_CRASH_KILLS` says how often (200 without it), `MDD_CRASH_SEED` repeats the choices of an earlier run.

#![forbid(unsafe_code)]
// The lint spares only functions that carry `#[test]` themselves.
#![allow(clippy::unwrap_used)]

mod chance;
mod client;
mod journal;
mod judge;
mod report;
mod services;
mod world;

use chance::Chance;
use report::Report;
use std::time::Duration;
use world::World;

/// Hosts that are killed beside each other, each with services of its own.
const WORLDS: u64 = 2;
/// Nothing takes longer on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often each point must have been hit, of all 200 kills. The rarest, an answer that is lost, is hit 16 to 50 times.
const LEAST_HITS: u64 = 8;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_killed_at_any_moment_loses_no_job_and_runs_none_twice() {
    let kills = number("MDD_CRASH_KILLS").unwrap_or(200);
    let seed = number("MDD_CRASH_SEED").unwrap_or_else(rand_seed);
    println!("seed {seed}, {kills} kills");
    let mut worlds = tokio::task::JoinSet::new();
    for index in 0..WORLDS {
        let share = kills / WORLDS + u64::from(index < kills % WORLDS);
        let chance = Chance::new(seed.wrapping_add(index));
        worlds.spawn(async move { World::start(chance).await.run(share).await });
    }
    let reports: Vec<Report> = worlds.join_all().await;
    let report = reports.into_iter().fold(Report::default(), Report::and);
    println!("{report}");
    assert_eq!(report.kills, kills);
    assert!(report.wrong.is_empty(), "seed {seed}: {:#?}", report.wrong);
    for (point, hits) in report.hits() {
        assert!(hits * 200 >= LEAST_HITS * kills.min(200), "{point} was hit only {hits} times; seed {seed}\n{report}");
    }
}

fn rand_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    now.as_nanos() as u64 & 0xffff_ffff
}

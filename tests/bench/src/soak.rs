//! Many small jobs, one after the other: nothing may grow but what is kept of them: R10.

use crate::{
    figures::short,
    goals::{Measured, Verdict},
    process::Use,
    watching::Watching,
    world::World,
};
use anyhow::ensure;
use mdd_core::{
    events::JobState,
    jobs::{Submission, Target},
};
use mdd_sim::Sim;
use serde_json::json;
use std::{
    path::Path,
    time::{Duration, Instant},
};

const JOBS: usize = 10_000;
/// As many as an eager artist has open at once.
const OPEN: usize = 8;
/// Of those that are over; so many are there at both looks.
const KEPT: &str = "200";
/// The journal and its log, after which SQLite uses its pages again.
const JOURNAL: [&str; 2] = ["journal.db", "journal.db-wal"];

/// What may not grow.
struct Look {
    used: Use,
    journal: u64,
}

impl Look {
    fn at(host: u32, state: &Path) -> anyhow::Result<Self> {
        let size = |name: &str| state.join(name).metadata().map_or(0, |metadata| metadata.len());
        Ok(Self { used: Use::of(host)?, journal: JOURNAL.map(size).iter().sum() })
    }
}

pub(crate) async fn jobs(world: &World) -> anyhow::Result<Measured> {
    let (home, sim) = (tempfile::tempdir_in(world.root.join("target"))?, Sim::start("comfyui").await?);
    let (mut command, state) = (world.command(home.path()), home.path().join("state"));
    let (host, mut client) = Watching::host_of(command.env("MDD_JOBS_KEEP_COUNT", KEPT), home.path(), &sim).await?;
    let (mut settled, began) = (None, Instant::now());
    for number in 0..JOBS {
        client.until(|snapshot| snapshot.jobs.iter().filter(|job| !job.state.is_final()).count() < OPEN).await?;
        if number == JOBS / 5 {
            settled = Some(Look::at(host.pid(), &state)?);
        }
        let submission = submission(number);
        client.call("jobs.submit", &submission).await?;
        client.until(|snapshot| snapshot.jobs.iter().any(|job| job.id == submission.id)).await?;
    }
    client.until(|snapshot| snapshot.jobs.iter().all(|job| job.state.is_final())).await?;
    let took = began.elapsed();
    let (Some(before), after) = (settled, Look::at(host.pid(), &state)?) else { anyhow::bail!("too few jobs") };
    ensure!(client.snapshot.jobs.iter().all(|job| job.state == JobState::Done), "{:#?}", client.snapshot.jobs);
    let runs: u32 = sim.ledger().jobs.iter().map(|job| job.runs).sum();
    ensure!(runs as usize == JOBS, "{runs} runs of {JOBS} jobs");
    let grown = after.used.resident_kib as i64 - before.used.resident_kib as i64;
    let opened = after.used.descriptors as i64 - before.used.descriptors as i64;
    let written = after.journal as i64 / 1024 - before.journal as i64 / 1024;
    Ok(Measured {
        ours: format!(
            "{JOBS} pictures in {} ({} each), none lost, none twice; over the last four fifths the host is {grown} kB \
             larger (of {} kB), has {opened} more descriptors (of {}), and its journal is {written} kB larger (of {} kB)",
            short(took),
            short(took / u32::try_from(JOBS)?),
            after.used.resident_kib,
            after.used.descriptors,
            after.journal / 1024
        ),
        beside: "-".to_owned(),
        ratio: None,
        verdict: Verdict::of(grown <= 1024 && opened <= 0 && written <= 256 && took < Duration::from_secs(3600)),
    })
}

fn submission(number: usize) -> Submission {
    Submission {
        id: format!("soak-{number}"),
        target: Target::Kind("comfyui".to_owned()),
        operation: None,
        payload: json!({
            "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": number}},
            "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "soak"}},
        }),
        files: Vec::new(),
    }
}

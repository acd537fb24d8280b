//! What it takes until a job is safe: P13.

use crate::{
    figures::{Times, ratio, short},
    goals::{Measured, Verdict},
    world::{World, settings},
};
use anyhow::Context as _;
use mdd_core::{
    Host,
    jobs::{Submission, Target},
    plugins::Vetting,
    rpc::HostLock,
};
use serde_json::json;
use std::{
    fs::File,
    io::Write as _,
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

const SINGLE: usize = 200;
const AT_ONCE: usize = 100;
const KEPT: usize = 10_000;

fn submission(id: String) -> Submission {
    Submission {
        id,
        target: Target::Kind("litellm".to_owned()),
        operation: None,
        payload: json!({"model": "mock-gpt", "messages": [{"role": "user", "content": "hi"}]}),
        files: Vec::new(),
    }
}

async fn at_once(host: &Host, ids: impl Iterator<Item = String>) -> anyhow::Result<Duration> {
    let mut all = JoinSet::new();
    let began = Instant::now();
    for id in ids {
        let jobs = host.jobs().clone();
        all.spawn(async move { jobs.submit(submission(id)).await.map(drop) });
    }
    while let Some(submitted) = all.join_next().await {
        submitted??;
    }
    Ok(began.elapsed())
}

pub(crate) async fn accepted(world: &World) -> anyhow::Result<Measured> {
    // A temporary folder of the system may be in memory, where no sync takes any time.
    let folder = tempfile::tempdir_in(world.root.join("target"))?;
    let (plugins, state) = (world.plugins(&["litellm"])?, folder.path().join("state"));
    std::fs::create_dir(&state)?;
    let lock = HostLock::take(&state)?;
    let start = || -> anyhow::Result<Host> {
        Ok(Host::lasting(settings(plugins.path(), &state, &[], false)?, Vetting::InProcess, &lock)?)
    };
    let host = start()?;
    host.jobs().restored().await?;
    let mut log = File::create(folder.path().join("log"))?;
    let (mut ours, mut floor, mut group) = (Times::default(), Times::default(), Times::default());
    for number in 0..SINGLE {
        let began = Instant::now();
        host.jobs().submit(submission(format!("one-{number}"))).await?;
        ours.add(began.elapsed());
        let began = Instant::now();
        log.write_all(&[7; 4096])?;
        log.sync_data()?;
        floor.add(began.elapsed());
    }
    for round in 0..crate::world::ROUNDS {
        group.add(at_once(&host, (0..AT_ONCE).map(|number| format!("group-{round}-{number}"))).await?);
    }
    let more = KEPT - SINGLE - AT_ONCE * crate::world::ROUNDS;
    at_once(&host, (0..more).map(|number| format!("more-{number}"))).await?;
    let kept = host.jobs().list().len();
    drop(host);
    let began = Instant::now();
    let host = start()?;
    host.jobs().restored().await?;
    let again = began.elapsed();
    let left = host.jobs().list().len();
    anyhow::ensure!(left == kept, "{left} of {kept} are left");
    let single = ratio(ours.p50(), floor.p50());
    let grouped = ratio(group.p50(), ours.p50());
    drop(host);
    folder.close().context("the folder of ten thousand jobs")?;
    Ok(Measured {
        ours: format!(
            "{}; {AT_ONCE} at once {} ({grouped:.1} times one); {kept} read again in {}",
            ours.told(),
            short(group.p50()),
            short(again)
        ),
        beside: format!("write and fdatasync in the same folder {}", floor.told()),
        ratio: Some(single),
        verdict: Verdict::of(single <= 2.0 && grouped <= 2.0 && again <= Duration::from_millis(50)),
    })
}

//! Calls that fail: at the first, the second, … write or sync, once or from then on.

use crate::submitting::{KIND, submit};
use anyhow::{Context as _, ensure};
use mdd_core::{
    events::{Snapshot, StoreState},
    rpc::{CallError, Client, JobList, Nothing},
};
use mdd_tests::{Served, ServedHome};
use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fmt,
    time::{Duration, Instant},
};

const JOBS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(crate) struct Tally {
    runs: u32,
    /// Runs in which a fault was met.
    pub(crate) hits: u32,
    acknowledged: usize,
    refused: usize,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runs, hits, acknowledged, refused } = self;
        write!(
            f,
            "{runs} runs with a disk that fails, which was met in {hits}: {acknowledged} jobs were acknowledged and \
             none is lost, {refused} submissions were refused and none is there"
        )
    }
}

pub(crate) async fn run(depth: u32) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    for call in ["fsync", "fdatasync", "pwrite64"] {
        for error in ["EIO", "ENOSPC"] {
            for first in 1..=depth {
                // Once, or until the host is started anew.
                let lasting = if first % 2 == 0 { "+" } else { "" };
                let fault = format!("inject={call}:error={error}:when={first}{lasting}");
                one(&fault, &mut tally).await.with_context(|| fault.clone())?;
            }
        }
    }
    Ok(tally)
}

async fn one(fault: &str, tally: &mut Tally) -> anyhow::Result<()> {
    let home = ServedHome::new(&[KIND], &[]);
    let files = ["journal.db", "journal.db-wal"].map(|name| home.state().join(name));
    let trace = home.file("trace");
    let mut wrapper: Vec<&OsStr> = ["strace", "-f", "-o"].map(OsStr::new).into();
    wrapper.extend([trace.as_os_str(), "-e".as_ref(), fault.as_ref()]);
    for file in &files {
        wrapper.extend(["-P".as_ref(), file.as_os_str()]);
    }
    let host = home.serve_under(&wrapper, &[]);
    let (mut client, _) = host.answers(&home.state()).await;
    let (mut acknowledged, mut refused) = (BTreeSet::new(), BTreeSet::new());
    for number in 0..JOBS {
        let id = format!("job-{number}");
        match submit(&mut client, &id).await {
            Ok(_) => drop(acknowledged.insert(id)),
            Err(CallError::Refused(error)) => {
                let code = error.data.as_ref().and_then(|data| data["code"].as_str());
                ensure!(code == Some("store-degraded"), "{error:?}");
                refused.insert(id);
            }
            Err(error) => return Err(error).with_context(|| home.log()),
        }
    }
    if let Some(id) = refused.first().filter(|_| !fault.ends_with('+')) {
        // The fault has passed: the same is accepted, and the store says that all is well.
        let deadline = Instant::now() + PATIENCE;
        while submit(&mut client, id).await.is_err() {
            ensure!(Instant::now() < deadline, "it is refused for ever\n{}", home.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        acknowledged.insert(id.clone());
        ensure!(state(&mut client).await? == StoreState::Ok, "it is accepted by a store that is not well");
    } else if !refused.is_empty() {
        ensure!(state(&mut client).await? == StoreState::Degraded, "it refuses and does not say why");
    }
    let met = std::fs::read_to_string(&trace)?.contains("(INJECTED)");
    ensure!(met || refused.is_empty(), "it refuses for no reason");
    kill(host, &home).await?;
    let host = home.serve();
    let (mut client, _) = host.answers(&home.state()).await;
    let list: JobList = client.call("jobs.list", &Nothing {}).await?;
    let there: BTreeSet<String> = list.jobs.into_iter().map(|job| job.id).collect();
    let lost: Vec<_> = acknowledged.difference(&there).collect();
    ensure!(lost.is_empty(), "lost: {lost:?}; there: {there:?}\n{}", home.log());
    if !fault.ends_with('+') {
        // A host that cannot write any more cannot take back either.
        ensure!(there == acknowledged, "refused, and there: {there:?}, {acknowledged:?}");
    }
    ensure!(!home.log().contains("panicked"), "{}", home.log());
    host.kill().await;
    tally.runs += 1;
    tally.hits += u32::from(met);
    tally.acknowledged += acknowledged.len();
    tally.refused += refused.len();
    Ok(())
}

async fn state(client: &mut Client) -> anyhow::Result<StoreState> {
    let snapshot: Snapshot = client.call("snapshot", &Nothing {}).await?;
    Ok(snapshot.store.state)
}

/// strace would only let go of the host, so it is the host that is killed.
async fn kill(host: Served, home: &ServedHome) -> anyhow::Result<()> {
    let (client, _) = host.answers(&home.state()).await;
    let pid = i32::try_from(client.host().pid)?;
    let pid = rustix::process::Pid::from_raw(pid).context("a process has a number")?;
    rustix::process::kill_process(pid, rustix::process::Signal::KILL)?;
    host.ended().await;
    Ok(())
}

//! What a shell offers behind a command: backends, kinds, drivers and jobs, as they are at that moment.

use crate::{arguments::Arguments, connect, on_runtime};
use clap::CommandFactory as _;
use clap_complete::engine::CompletionCandidate;
use clap_complete::{CompleteEnv, Shell, env::Shells};
use mdd_core::{
    events::Snapshot,
    plugins::{SearchPath, inspect},
    rpc::{JobList, Nothing},
    settings,
};
use serde::de::DeserializeOwned;
use std::{collections::BTreeMap, env, io, path::PathBuf, time::Duration};
use tokio::time::timeout;

/// By which a shell asks this program. No user sets it.
const VARIABLE: &str = "_MDD_HOST_COMPLETE";
/// Whoever presses a key does not wait for longer.
const ANSWER_WITHIN: Duration = Duration::from_millis(300);

/// Answers a shell and ends, where it is one that asks.
pub(crate) fn answer() {
    CompleteEnv::with_factory(Arguments::command).var(VARIABLE).complete();
}

/// The script by which a shell asks.
pub(crate) fn script(shell: Shell) -> io::Result<Vec<u8>> {
    let name = "mdd-host";
    let mut text = Vec::new();
    let shells = Shells::builtins();
    let found = shells.completer(&shell.to_string()).ok_or(io::ErrorKind::Unsupported)?;
    found.write_registration(VARIABLE, name, name, name, &mut text)?;
    Ok(text)
}

/// The ids of all backends that the running host knows.
pub(crate) fn backends() -> Vec<CompletionCandidate> {
    let snapshot: Option<Snapshot> = ask("snapshot");
    let known = snapshot.into_iter().flat_map(|snapshot| snapshot.backends);
    known.map(|backend| CompletionCandidate::new(backend.id).help(Some(backend.state.to_string().into()))).collect()
}

/// The ids of all jobs that the running host keeps.
pub(crate) fn jobs() -> Vec<CompletionCandidate> {
    let list: Option<JobList> = ask("jobs.list");
    let kept = list.into_iter().flat_map(|list| list.jobs);
    kept.map(|job| CompletionCandidate::new(job.id).help(Some(job.state.to_string().into()))).collect()
}

/// The kinds of all drivers in the plugins folders. Their files are read, and none of their code runs.
pub(crate) fn kinds() -> Vec<CompletionCandidate> {
    let files = SearchPath::new(typed("--plugins")).files();
    let drivers = files.iter().filter_map(|file| inspect::inspect(file).ok()).map(|file| file.manifest.driver);
    let titles: BTreeMap<_, _> = drivers.map(|driver| (driver.kind, driver.title)).collect();
    titles.into_iter().map(|(kind, title)| CompletionCandidate::new(kind).help(Some(title.into()))).collect()
}

/// The folders that this option names on the line that is completed.
fn typed(option: &str) -> Vec<PathBuf> {
    let words: Vec<_> = env::args_os().collect();
    words.windows(2).filter(|pair| pair[0] == option).map(|pair| PathBuf::from(&pair[1])).collect()
}

fn ask<R: DeserializeOwned>(method: &'static str) -> Option<R> {
    let state = typed("--state-dir").pop().or_else(settings::default_state_folder)?;
    let answer = async {
        let mut client = connect::running(&state, "mdd-host completions").await?;
        client.call(method, &Nothing {}).await.ok()
    };
    on_runtime(async { Ok(timeout(ANSWER_WITHIN, answer).await.ok().flatten()) }).ok().flatten()
}

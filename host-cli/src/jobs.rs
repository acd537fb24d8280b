//! `jobs`: carrying work to a backend and its results back.

use crate::{
    Verdict,
    arguments::{Global, JobsCommand, SubmitOptions},
    connect,
    output::{self, BAD, DIM, FAIR, GOOD, styled},
};
use anyhow::{Context as _, bail};
use mdd_core::{
    events::{JobState, JobView, Snapshot, Update},
    jobs::{FileSource, Submission, Target},
    rpc::{Client, FolderAnswer, JobChoice, JobList, Nothing},
};
use serde_json::Value;
use std::{
    fmt::Write as _,
    io::Read as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

pub(crate) async fn run(global: &Global, state: &Path, command: JobsCommand) -> anyhow::Result<Verdict> {
    let mut client = match (&command, connect::running(state, "mdd-host jobs").await) {
        (_, Some(client)) => client,
        // A job outlives the command that submits it, so it belongs to the host that stays.
        (JobsCommand::Submit(_), None) => connect::or_start(global, state, "mdd-host jobs").await?,
        (JobsCommand::List { json }, None) => {
            print_list(&JobList { jobs: vec![] }, *json)?;
            return Ok(Verdict::InOrder);
        }
        (_, None) => bail!("no host runs, so there are no jobs"),
    };
    let client = &mut client;
    match command {
        JobsCommand::Submit(options) => submit(client, options).await,
        JobsCommand::List { json } => list(client, json).await,
        JobsCommand::Show { job, json } => {
            let view: JobView = client.call("jobs.show", &JobChoice { job }).await?;
            print(&view, json)?;
            Ok(Verdict::InOrder)
        }
        JobsCommand::Open { job } => {
            let FolderAnswer { folder } = client.call("jobs.open_folder", &JobChoice { job }).await?;
            open::that_detached(&folder).with_context(|| format!("{folder} cannot be shown"))?;
            output::text(&format!("{folder}\n"))?;
            Ok(Verdict::InOrder)
        }
        JobsCommand::Watch { job, json } => {
            let view: JobView = client.call("jobs.show", &JobChoice { job }).await?;
            finish(client, view, json).await
        }
        JobsCommand::Cancel { job } => change(client, "jobs.cancel", job).await,
        JobsCommand::Retry { job } => change(client, "jobs.retry", job).await,
        JobsCommand::Resubmit { job } => change(client, "jobs.resubmit", job).await,
        JobsCommand::Discard { job } => {
            client.call::<_, Nothing>("jobs.discard", &JobChoice { job }).await?;
            Ok(Verdict::InOrder)
        }
    }
}

async fn change(client: &mut Client, method: &str, job: String) -> anyhow::Result<Verdict> {
    let view: JobView = client.call(method, &JobChoice { job }).await?;
    print(&view, false)?;
    Ok(Verdict::InOrder)
}

async fn submit(client: &mut Client, options: SubmitOptions) -> anyhow::Result<Verdict> {
    let target = match (options.kind, options.backend_id) {
        (Some(kind), None) => Target::Kind(kind),
        (None, Some(backend)) => Target::Backend(backend),
        (Some(_), Some(_)) | (None, None) => bail!("a job needs either --kind or --on"),
    };
    let submission = Submission {
        id: options.id.unwrap_or_else(new_id),
        target,
        operation: options.operation,
        payload: payload(&options.payload)?,
        files: options.file.iter().map(|text| file(text)).collect::<anyhow::Result<_>>()?,
    };
    let view: JobView = client.call("jobs.submit", &submission).await?;
    if options.wait {
        return finish(client, view, options.json).await;
    }
    print(&view, options.json)?;
    Ok(Verdict::InOrder)
}

/// Unique on this machine: the time in nanoseconds and the process.
fn new_id() -> String {
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("job-{:x}-{:x}", time.as_nanos(), std::process::id())
}

/// JSON itself, a file that holds it, or `-` for stdin.
fn payload(text: &str) -> anyhow::Result<Value> {
    let begins_as_json = text.trim_start().starts_with(['{', '[', '"']);
    let json = match text {
        "-" => {
            let mut json = String::new();
            std::io::stdin().read_to_string(&mut json).context("stdin")?;
            json
        }
        _ if begins_as_json => text.to_owned(),
        path => std::fs::read_to_string(path).with_context(|| format!("the payload {path}"))?,
    };
    serde_json::from_str(&json).context("the payload is no JSON")
}

/// `NAME=PATH`, or `PATH` under its own name.
fn file(text: &str) -> anyhow::Result<FileSource> {
    let (name, path) = match text.split_once('=') {
        Some((name, path)) if !name.contains(['/', '\\']) => (name.to_owned(), PathBuf::from(path)),
        Some(_) | None => {
            let path = PathBuf::from(text);
            let name = path.file_name().and_then(|name| name.to_str()).context("a file needs a name in plain text")?;
            (name.to_owned(), path)
        }
    };
    let path = std::path::absolute(&path).with_context(|| format!("the file {text}"))?;
    Ok(FileSource { name, path })
}

/// Follows a job to its end. Progress goes to stderr, so that stdout holds the end alone.
async fn finish(client: &mut Client, mut view: JobView, json: bool) -> anyhow::Result<Verdict> {
    client.call::<_, Nothing>("subscribe", &Nothing {}).await?;
    let mut last = String::new();
    let mut known: Option<Snapshot> = None;
    while !view.state.is_final() {
        match (client.update().await?, &mut known) {
            (Update::Snapshot(snapshot), known) => *known = Some(*snapshot),
            (changes, Some(snapshot)) => snapshot.apply(changes),
            (Update::Changes { .. }, None) => bail!("the host sent changes before a snapshot"),
        }
        let found = known.iter().flat_map(|snapshot| &snapshot.jobs).find(|job| job.id == view.id);
        view = found.cloned().with_context(|| format!("the job {} is no longer kept", view.id))?;
        let line = progress(&view);
        if line != last {
            eprintln!("{line}");
            last = line;
        }
    }
    print(&view, json)?;
    Ok(if view.state == JobState::Done { Verdict::InOrder } else { Verdict::NotInOrder })
}

fn progress(view: &JobView) -> String {
    let mut line = format!("{} {}", view.id, view.state);
    if let Some(reason) = &view.reason {
        let _infallible = write!(line, " ({})", reason.observation);
    }
    if let Some(place) = view.queue_place {
        let _infallible = write!(line, ", {place} before it");
    }
    if let Some(progress) = &view.progress
        && progress.total > 0.0
    {
        let _infallible = write!(line, " {} of {} {}", progress.step, progress.total, progress.detail);
        if let Some(left) = progress.left_ms.map(|ms| Duration::from_secs(ms.div_ceil(1000))) {
            let _infallible = write!(line, ", {} left", humantime::format_duration(left));
        }
    }
    line.trim_end().to_owned()
}

async fn list(client: &mut Client, json: bool) -> anyhow::Result<Verdict> {
    print_list(&client.call("jobs.list", &Nothing {}).await?, json)?;
    Ok(Verdict::InOrder)
}

fn print_list(list: &JobList, json: bool) -> anyhow::Result<()> {
    if json {
        output::json(list)?;
    } else if list.jobs.is_empty() {
        output::text("There are no jobs.\n")?;
    } else {
        output::text(&list.jobs.iter().map(|job| format!("{}\n", headline(job))).collect::<String>())?;
    }
    Ok(())
}

fn headline(view: &JobView) -> String {
    let style = match view.state {
        JobState::Done => GOOD,
        JobState::Failed | JobState::Lost | JobState::Unknown | JobState::Held => BAD,
        JobState::Queued | JobState::Submitting | JobState::Running | JobState::Fetching | JobState::Cancelled => FAIR,
    };
    let place = view.backend.as_ref().unwrap_or(&view.kind);
    format!(
        "{} {}  {place}  {}  {}",
        styled(style, format_args!("{:<10}", view.state)),
        view.id,
        view.operation,
        view.since
    )
}

fn print(view: &JobView, json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(view);
    }
    let mut text = format!("{}\n", headline(view));
    if let Some(reason) = &view.reason {
        let _infallible = writeln!(text, "  {}", styled(DIM, format_args!("{} ({})", reason.observation, reason.code)));
        let _infallible = writeln!(text, "  {}", styled(DIM, &reason.meaning));
        for remedy in &reason.remedies {
            let argument = remedy.argument.as_ref().map(|argument| format!(": {argument}")).unwrap_or_default();
            let _infallible = writeln!(text, "  {}", styled(DIM, format_args!("→ {}{argument}", remedy.label)));
        }
    }
    let _infallible = writeln!(text, "  {}", styled(DIM, &view.folder));
    for result in &view.results {
        let _infallible = writeln!(text, "  {}  {} bytes", result.path, result.bytes);
    }
    if let Some(answer) = &view.text {
        let _infallible = writeln!(text, "{answer}");
    }
    output::text(&text)?;
    Ok(())
}

//! `jobs`: carrying work to a backend and its results back.

use crate::{
    Verdict,
    arguments::{Global, JobsCommand, SubmitOptions},
    bar::Bar,
    connect,
    failure::Coded,
    output::{self, BAD, DIM, FAIR, GOOD, styled},
    remedies::{About, explained},
};
use anyhow::{Context as _, bail};
use mdd_core::{
    events::{JobState, JobView, Snapshot, Update},
    jobs::{self, FileSource, JobError, Submission, Target},
    rpc::{Client, FolderAnswer, JobChoice, JobList, Nothing},
    settings::Settings,
};
use serde_json::Value;
use std::{
    fmt::Write as _,
    io::Read as _,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// What the host knows this client by.
const CLIENT: &str = "mdd-host jobs";

pub(crate) async fn run(global: &Global, settings: &Settings, command: JobsCommand) -> anyhow::Result<Verdict> {
    let (json, state) = (global.json, &settings.state_folder);
    let running = || async {
        let client = connect::running(state, CLIENT).await;
        client.ok_or_else(|| Coded::no_host("jobs can only be looked at"))
    };
    match command {
        JobsCommand::Submit(options) => return submit(&options, global, state).await,
        JobsCommand::List => list(settings, json).await?,
        JobsCommand::Show { job } => print(&look(settings, job).await?, json)?,
        JobsCommand::Open { job } => open(settings, job, json).await?,
        JobsCommand::Watch { job } => {
            let client = &mut running().await?;
            let view: JobView = client.call("jobs.show", &JobChoice { job }).await?;
            return finish(client, view, global).await;
        }
        JobsCommand::Cancel { job } => show(&mut running().await?, "jobs.cancel", job, json).await?,
        JobsCommand::Retry { job } => show(&mut running().await?, "jobs.retry", job, json).await?,
        JobsCommand::Resubmit { job } => show(&mut running().await?, "jobs.resubmit", job, json).await?,
        JobsCommand::Discard { job } => {
            let nothing: Nothing = running().await?.call("jobs.discard", &JobChoice { job }).await?;
            if json {
                output::json(&nothing)?;
            }
        }
    }
    Ok(Verdict::InOrder)
}

/// Shows a job after something was asked of it.
async fn show(client: &mut Client, method: &str, job: String, json: bool) -> anyhow::Result<()> {
    let view: JobView = client.call(method, &JobChoice { job }).await?;
    print(&view, json)
}

async fn open(settings: &Settings, job: String, json: bool) -> anyhow::Result<()> {
    let answer: FolderAnswer = match connect::running(&settings.state_folder, CLIENT).await {
        Some(mut client) => client.call("jobs.open_folder", &JobChoice { job }).await?,
        None => FolderAnswer { folder: left(settings, job)?.folder },
    };
    let folder = &answer.folder;
    open::that_detached(folder).with_context(|| format!("{folder} cannot be shown"))?;
    match json {
        true => output::json(&answer),
        false => Ok(output::text(&format!("{folder}\n"))?),
    }
}

async fn submit(options: &SubmitOptions, global: &Global, state: &Path) -> anyhow::Result<Verdict> {
    // Nothing is started for what cannot be sent.
    let submission = submission(options)?;
    // A job outlives the command that submits it, so it belongs to the host that stays.
    let client = &mut match connect::running(state, CLIENT).await {
        Some(client) => {
            tell_what_does_not_count(global);
            client
        }
        None => connect::or_start(global, state, CLIENT).await?,
    };
    let view: JobView = client.call("jobs.submit", &submission).await?;
    if options.wait {
        return finish(client, view, global).await;
    }
    print(&view, global.json)?;
    Ok(Verdict::InOrder)
}

/// The host that runs has been started with options of its own.
fn tell_what_does_not_count(global: &Global) {
    let options = global.of_a_start().join(", ");
    if !options.is_empty() {
        tracing::warn!(
            remedy = "`mdd-host stop`, then try again; or name the backend for good with `mdd-host backends add`",
            "{options}: not used, as a host runs already and a job goes to that one"
        );
    }
}

fn submission(options: &SubmitOptions) -> anyhow::Result<Submission> {
    let target = match (&options.kind, &options.backend_id) {
        (Some(kind), None) => Target::Kind(kind.clone()),
        (None, Some(backend)) => Target::Backend(backend.clone()),
        (Some(_), Some(_)) | (None, None) => bail!("a job needs either --kind or --on"),
    };
    Ok(Submission {
        id: options.id.clone().unwrap_or_else(new_id),
        target,
        operation: options.operation.clone(),
        payload: payload(&options.payload)?,
        files: options.file.iter().map(|text| file(text)).collect::<anyhow::Result<_>>()?,
    })
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
async fn finish(client: &mut Client, mut view: JobView, global: &Global) -> anyhow::Result<Verdict> {
    client.call::<_, Nothing>("subscribe", &Nothing {}).await?;
    let mut bar = Bar::new(global.quiet);
    bar.show(&view);
    let mut known: Option<Snapshot> = None;
    while !view.state.is_final() {
        match (client.update().await?, &mut known) {
            (Update::Snapshot(snapshot), known) => *known = Some(*snapshot),
            (changes, Some(snapshot)) => snapshot.apply(changes),
            (Update::Changes { .. }, None) => bail!("the host sent changes before a snapshot"),
        }
        let found = known.iter().flat_map(|snapshot| &snapshot.jobs).find(|job| job.id == view.id);
        view = found.cloned().with_context(|| format!("the job {} is no longer kept", view.id))?;
        bar.show(&view);
    }
    bar.end();
    print(&view, global.json)?;
    Ok(if view.state == JobState::Done { Verdict::InOrder } else { Verdict::NotInOrder })
}

async fn list(settings: &Settings, json: bool) -> anyhow::Result<()> {
    match connect::running(&settings.state_folder, CLIENT).await {
        Some(mut client) => print_list(&client.call("jobs.list", &Nothing {}).await?, json),
        None => {
            let list = JobList { jobs: jobs::left_in(settings)? };
            tell_who_waits(&list.jobs);
            print_list(&list, json)
        }
    }
}

/// A job as the host has it, or as the last one has left it.
async fn look(settings: &Settings, job: String) -> anyhow::Result<JobView> {
    match connect::running(&settings.state_folder, CLIENT).await {
        Some(mut client) => Ok(client.call("jobs.show", &JobChoice { job }).await?),
        None => {
            let view = left(settings, job)?;
            tell_who_waits(std::slice::from_ref(&view));
            Ok(view)
        }
    }
}

fn left(settings: &Settings, job: String) -> anyhow::Result<JobView> {
    let found = jobs::left_in(settings)?.into_iter().find(|view| view.id == job);
    Ok(found.ok_or(JobError::Unknown(job))?)
}

/// Whoever sees a job that runs believes that it goes on.
fn tell_who_waits(jobs: &[JobView]) {
    if jobs.iter().any(|view| !view.state.is_final()) {
        tracing::warn!("no host runs, so this is how jobs were left; `mdd-host serve` goes on with them");
    }
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
        text.push_str(&explained(reason, About::Job(&view.id)));
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

//! A simulated AI service as a process: `mdd-sim KIND …`, steered by lines on its standard input.
#![forbid(unsafe_code)]

mod ending;

use std::{
    io::{self, BufRead, Write},
    path::{Path, PathBuf},
    pin::pin,
    process,
    time::Duration,
};

use anyhow::{Context, bail};
use clap::Parser;
use mdd_replay::Script;
use mdd_sim::{Options, Rule, Sim, kinds};
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// The kind that is none.
const REPLAY: &str = "replay";

/// A simulated AI service that can misbehave on command.
///
/// Prints one JSON line with kind, url and pid when it listens, and serves until SIGTERM or Ctrl-C. Commands are
/// lines on the standard input: `fault SPEC`, `clear`, `stop`, `start`, `restart`, `ledger`; each is answered with
/// one JSON line.
#[derive(Parser)]
#[command(disable_version_flag = true)]
struct Arguments {
    /// What to simulate; `replay` plays a script.
    #[arg(value_parser = kinds().iter().map(|kind| kind.name).chain([REPLAY]).collect::<Vec<_>>())]
    kind: String,
    /// The folder with the scripts to replay.
    #[arg(value_name = "DIR", required_if_eq("kind", REPLAY))]
    scripts: Option<PathBuf>,
    /// A recorded version; the newest by default. Of a replay: which script, where there are several.
    #[arg(long)]
    version: Option<String>,
    /// The port on 127.0.0.1; an ephemeral one by default.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The key that clients must present, where the kind knows keys.
    #[arg(long)]
    key: Option<String>,
    /// Leave out the database package, without which LiteLLM answers a missing key with 500.
    #[arg(long)]
    no_prisma: bool,
    /// A fault in force from the start: NAME[=ARGUMENT][@PATH][*COUNT], as in `slow=250ms@/prompt*2`.
    #[arg(long = "fault", value_name = "SPEC")]
    faults: Vec<Rule>,
    /// Close idle connections after so many seconds instead of the recorded time.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    keep_alive: Option<Duration>,
    /// End when the standard input does.
    #[arg(long)]
    exit_with_stdin: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let exit_with_stdin = arguments.exit_with_stdin;
    let mut asked = pin!(ending::asked()?);
    let sim = Sim::start(options(arguments)?).await?;
    print(&json!({ "kind": sim.kind(), "url": sim.url(), "pid": process::id() }))?;
    let mut lines = lines();
    let mut has_input = true;
    loop {
        tokio::select! {
            () = &mut asked => return Ok(()),
            line = lines.recv(), if has_input => match line {
                Some(line) => print(&obey(&sim, &line).await)?,
                None if exit_with_stdin => return Ok(()),
                None => has_input = false,
            },
        }
    }
}

/// The script of that name, or the only one.
fn script(folder: &Path, name: Option<&str>) -> anyhow::Result<Script> {
    let mut scripts = Script::read_all(folder)?;
    let known = scripts.keys().cloned().collect::<Vec<_>>().join(", ");
    let found = match name {
        Some(name) => scripts.remove(name),
        None if scripts.len() == 1 => scripts.pop_first().map(|(_, script)| script),
        None => bail!("{} has several scripts; --version chooses one of {known}", folder.display()),
    };
    found.with_context(|| format!("no script of that name in {}; there are {known}", folder.display()))
}

fn options(arguments: Arguments) -> anyhow::Result<Options> {
    let mut options = match &arguments.scripts {
        Some(folder) if arguments.kind == REPLAY => Options::replay(script(folder, arguments.version.as_deref())?),
        Some(folder) => bail!("only `{REPLAY}` takes a folder, and not {}", folder.display()),
        None => Options::new(arguments.kind),
    };
    options = options.port(arguments.port);
    if let Some(version) = arguments.version {
        options = options.version(version);
    }
    if let Some(key) = arguments.key {
        options = options.key(key);
    }
    if arguments.no_prisma {
        options = options.without_prisma();
    }
    if let Some(time) = arguments.keep_alive {
        options = options.keep_alive(time);
    }
    Ok(arguments.faults.into_iter().fold(options, Options::fault))
}

/// Does what a line says; the answer tells what went wrong, if anything did.
async fn obey(sim: &Sim, line: &str) -> Value {
    match run(sim, line).await {
        Ok(answer) => answer,
        Err(error) => json!({ "ok": false, "error": format!("{error:#}") }),
    }
}

async fn run(sim: &Sim, line: &str) -> anyhow::Result<Value> {
    let (command, argument) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
    match command {
        "fault" => sim.inject(argument.parse::<Rule>()?).await,
        "clear" => sim.clear_faults().await,
        "stop" => sim.stop().await,
        "start" => sim.start_again().await?,
        "restart" => sim.restart().await?,
        "ledger" => return Ok(serde_json::to_value(sim.ledger())?),
        _ => bail!("unknown command `{command}`; known are fault, clear, stop, start, restart, ledger"),
    }
    Ok(json!({ "ok": true }))
}

/// The lines of the standard input, read by a thread of their own because reading cannot be cancelled.
fn lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok).filter(|line| !line.trim().is_empty()) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

fn print(value: &Value) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{value}").and_then(|()| out.flush()).context("cannot write to the standard output")
}

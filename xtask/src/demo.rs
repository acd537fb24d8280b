//! `cargo xtask demo`: a host and its services in three acts.

mod acts;
mod host;
mod status;
mod view;

use crate::dist;
use crate::simulator::Simulator;
use crate::workspace;
use acts::{ACTS, Act};
use anyhow::{Context, Result, bail, ensure};
use host::Host;
use status::Status;
use std::fs;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use view::View;

/// Quick to build; nothing in the demo needs speed.
const PROFILE: &str = "dev";
/// How long the host may take to notice what an act is about.
const NOTICE: Duration = Duration::from_secs(45);
/// How long a state stays on the screen for a person to read it.
const READ: Duration = Duration::from_secs(6);

/// The service that goes and comes back.
const CHANGING: &str = "comfyui";

/// Plays the acts. With `once` there are no pauses for reading.
///
/// A state that the host does not show in time is an error.
pub fn run(once: bool) -> Result<()> {
    let began = Instant::now();
    let (sender, news) = mpsc::channel();
    let interrupt = sender.clone();
    let tell = move || {
        // Nobody listens any more when the demo is over: the process ends by itself then.
        let _ = interrupt.send(News::Interrupted);
    };
    ctrlc::set_handler(tell).context("cannot listen for Ctrl-C")?;

    let installation = dist::lay_out(PROFILE)?;
    let mut changing = Simulator::start(&installation.simulator, &[CHANGING])?;
    let steady = steady(&installation.simulator)?;
    let others = steady.iter().map(|(kind, simulator)| (kind.as_str(), simulator.url.as_str()));
    let backends: Vec<(&str, &str)> = [(CHANGING, changing.url.as_str())].into_iter().chain(others).collect();
    let _host = Host::start(&installation.host, &backends, sender)?;
    let urls: Vec<String> = backends.iter().map(|(_, url)| (*url).to_owned()).collect();
    let view = View::new(urls.clone());
    let pause = if once { Duration::ZERO } else { READ };
    let mut stage = Stage { news, latest: None, view, pause };

    for (index, act) in ACTS.iter().enumerate() {
        stage.view.caption(&format!("Act {} of {}: {}", index + 1, ACTS.len(), act.caption));
        if let Some(line) = act.cue {
            changing.tell(line)?;
        }
        if let Ending::Interrupted = stage.play(act, &urls[0], &urls[1..])? {
            ensure!(!once, "interrupted in act {}", index + 1);
            println!("interrupted");
            return Ok(());
        }
        if index == 0 {
            stage.view.note(&format!("built, started and connected in {} s", began.elapsed().as_secs()));
        }
    }
    println!("\nThat was all. The services that really run on this machine are shown by");
    println!("  {} status --follow", installation.host.display());
    Ok(())
}

/// The services that stay: one for each other driver, played from the first of its scripts.
fn steady(program: &Path) -> Result<Vec<(String, Simulator)>> {
    let mut steady = Vec::new();
    for driver in workspace::drivers()?.into_iter().filter(|driver| driver.kind != CHANGING) {
        let scripts = driver.manifest.with_file_name("conformance");
        let mut names = fs::read_dir(&scripts)
            .with_context(|| format!("{} has no scripts", driver.kind))?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<Result<Vec<String>>>()?;
        names.retain(|name| name.ends_with(".json"));
        let first = names.iter().min().with_context(|| format!("{} has no scripts", driver.kind))?;
        let name = first.trim_end_matches(".json");
        let folder = scripts.display().to_string();
        steady.push((driver.kind, Simulator::start(program, &["replay", &folder, "--version", name])?));
    }
    Ok(steady)
}

/// What the demo waits for.
enum News {
    /// The host says how things stand.
    Status(Status),
    /// The host has ended or says something strange.
    Lost(String),
    /// Somebody wants the end.
    Interrupted,
}

enum Ending {
    Seen,
    Interrupted,
}

struct Stage {
    news: Receiver<News>,
    latest: Option<Status>,
    view: View,
    pause: Duration,
}

impl Stage {
    /// Watches until the host shows what the act expects, then goes on watching for as long as a person reads.
    fn play(&mut self, act: &Act, changing: &str, steady: &[String]) -> Result<Ending> {
        let mut end = Instant::now() + NOTICE;
        let mut seen = false;
        loop {
            match self.news.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(News::Status(status)) => {
                    self.view.show(&status);
                    if !seen && act.is_seen(&status, changing, steady) {
                        seen = true;
                        end = Instant::now() + self.pause;
                    }
                    self.latest = Some(status);
                }
                Ok(News::Lost(why)) => bail!("{why}"),
                Ok(News::Interrupted) => return Ok(Ending::Interrupted),
                Err(RecvTimeoutError::Timeout) if seen => return Ok(Ending::Seen),
                Err(_) => bail!(
                    "within {} s the host did not show that {changing} is {}; it shows {:?}",
                    NOTICE.as_secs(),
                    act.expected,
                    self.latest
                ),
            }
        }
    }
}

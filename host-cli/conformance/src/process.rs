//! A check in a process of its own: a driver that crashes, hangs or ends the process breaks the law that it was checked
//! for, and no more.

use crate::{
    laws::LAWS,
    report::{Finding, Line, Report},
};
use mdd_replay::{Invalid, Script};
use serde::{Deserialize, Serialize};
use std::{
    io::{self, BufRead as _, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

/// No law takes longer: it has no network and no waiting.
const DEADLINE: Duration = Duration::from_secs(30);
/// More than any report has, in bytes.
const MAX_REPORT: u64 = 1 << 20;

/// What the child tells, one line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Said {
    /// The law that is checked next.
    At(String),
    /// What was found.
    Found(Line),
    /// That was all, with the codes that nothing has provoked.
    Over { not_seen: Vec<String> },
}

/// How far a check is.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'p> {
    /// The law that is checked next.
    pub law: &'p str,
    /// How many were checked.
    pub done: usize,
    /// How many there are.
    pub of: usize,
}

/// Why a check could not begin.
#[derive(Debug, thiserror::Error)]
pub enum Impossible {
    /// The scripts cannot be used.
    #[error(transparent)]
    Script(#[from] Invalid),
    /// The program that checks cannot be started.
    #[error("the laws cannot be checked")]
    Start(#[from] io::Error),
    /// It said nothing of any law.
    #[error("the laws cannot be checked: {0}")]
    Ended(String),
}

/// Checks a driver file by `program`, called as `PROGRAM drivers conform FILE [--script DIR]`, and tells `on_progress`
/// each law before it is checked.
///
/// # Errors
/// A script that is none, or a check that could not begin: then with what it said.
pub fn check(
    program: &Path,
    file: &Path,
    scripts: Option<&Path>,
    on_progress: impl FnMut(Progress<'_>),
) -> Result<Report, Impossible> {
    // They are read here for the sake of what is wrong with them: the child has only words.
    scripts.map(Script::read_all).transpose()?;
    let mut command = Command::new(program);
    command.args(["drivers", "conform"]).arg(file);
    if let Some(folder) = scripts {
        command.arg("--script").arg(folder);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let words = words(&mut child);
    let report = listen(&mut child, on_progress);
    // Nothing that it may have become is left behind.
    let _ended = child.kill();
    let _reaped = child.wait();
    match report {
        report if report.laws.is_empty() => Err(Impossible::Ended(words.join().unwrap_or_default())),
        report => Ok(report),
    }
}

/// The last sentence that it says on stderr, below which only what helps is told, indented. It is read as it comes so that nobody waits for it.
fn words(child: &mut Child) -> thread::JoinHandle<String> {
    let pipe = child.stderr.take();
    thread::spawn(move || {
        let mut text = String::new();
        if let Some(pipe) = pipe {
            // What is no text is not worth a report.
            let _read = pipe.take(MAX_REPORT).read_to_string(&mut text);
        }
        let last = text
            .lines()
            .rev()
            .find(|line| !line.trim().is_empty() && !line.starts_with(' '))
            .unwrap_or("it said nothing");
        last.to_owned()
    })
}

fn listen(child: &mut Child, mut on_progress: impl FnMut(Progress<'_>)) -> Report {
    let lines = lines(child);
    let mut report = Report::default();
    let mut place: Option<String> = None;
    let broken = loop {
        match lines.recv_timeout(DEADLINE) {
            Ok(Said::At(law)) => {
                on_progress(Progress { law: &law, done: report.laws.len(), of: LAWS.len() });
                place = Some(law);
            }
            Ok(Said::Found(line)) => {
                place = None;
                report.laws.push(line);
            }
            Ok(Said::Over { not_seen }) => return Report { not_seen, ..report },
            Err(RecvTimeoutError::Timeout) => break format!("it hangs: nothing for {} s", DEADLINE.as_secs()),
            Err(RecvTimeoutError::Disconnected) => {
                break match child.wait() {
                    Ok(status) => format!("it ended the process: {status}"),
                    Err(error) => format!("it ended the process: {error}"),
                };
            }
        }
    };
    let Some(place) = place else { return report };
    for law in LAWS.iter().skip_while(|law| law.name != place) {
        let finding = match law.name == place {
            true => Finding::Broken(broken.clone()),
            false => Finding::NotChecked(format!("the check ended at {place}")),
        };
        report.laws.push(Line { law: law.name.to_owned(), title: law.title.to_owned(), finding });
    }
    report
}

fn lines(child: &mut Child) -> mpsc::Receiver<Said> {
    let (sender, receiver) = mpsc::sync_channel(64);
    if let Some(out) = child.stdout.take() {
        thread::spawn(move || {
            let lines = BufReader::new(out.take(MAX_REPORT)).lines();
            for said in lines.map_while(Result::ok).filter_map(|line| serde_json::from_str(&line).ok()) {
                if sender.send(said).is_err() {
                    return;
                }
            }
        });
    }
    receiver
}

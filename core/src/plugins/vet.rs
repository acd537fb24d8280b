//! Trying a driver in a process of its own before it may come into ours: one that crashes, hangs, ends the process,
//! starts others or prints harms nothing there.
//!
//! This is no wall against malice: the process has the user's rights. It is one against mistakes.

mod child;

pub use child::{Said, least_power, run as run_child};

use super::{Inspected, Refusal, image::Image};
use std::{
    io::{self, BufRead as _, BufReader, Seek as _},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// A driver that takes longer waits for something, which it must not.
const DEADLINE: Duration = Duration::from_secs(5);
/// What the loader and libraries may need of the environment; nothing else is given.
const VARIABLES: &[&str] = &["DYLD_LIBRARY_PATH", "LD_LIBRARY_PATH", "PATH", "SystemRoot", "TEMP", "TMP", "TMPDIR"];

/// How drivers are tried before they are loaded.
#[derive(Debug, Clone, Default)]
pub enum Vetting {
    /// In this process, after they were loaded: for programs that load only what they trust.
    #[default]
    InProcess,
    /// By this program, called as `PROGRAM drivers vet` with the file on its standard input.
    By(PathBuf),
}

/// Tries an inspected file in a child.
///
/// # Errors
/// What the child says against it, or how it ended.
pub(super) fn vet(file: &Inspected, image: &Image, program: &PathBuf) -> Result<(), Refusal> {
    let mut child = start(image, program).map_err(Refusal::NotVetted)?;
    let group = Group::of(&child);
    let ended = listen(&mut child, file);
    // Whatever it has started goes with it.
    group.kill();
    let _dead = child.kill();
    let _reaped = child.wait();
    ended
}

fn start(image: &Image, program: &PathBuf) -> io::Result<Child> {
    let mut bytes = image.file.try_clone()?;
    bytes.rewind()?;
    let mut command = Command::new(program);
    command.args(["drivers", "vet"]).env_clear();
    command.envs(VARIABLES.iter().filter_map(|name| Some((*name, std::env::var_os(name)?))));
    command.stdin(bytes).stdout(Stdio::piped()).stderr(Stdio::null());
    in_its_own_group(&mut command);
    command.spawn()
}

#[cfg(unix)]
fn in_its_own_group(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
    command.current_dir("/");
}

#[cfg(not(unix))]
fn in_its_own_group(_command: &mut Command) {}

/// Follows the child to its end.
fn listen(child: &mut Child, file: &Inspected) -> Result<(), Refusal> {
    let deadline = Instant::now() + DEADLINE;
    let lines = lines(child);
    let mut place = "start".to_owned();
    let mut verdict = None;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match lines.recv_timeout(left) {
            Ok(Said::At(step)) => place = step,
            Ok(Said::Good) => verdict = Some(Ok(())),
            Ok(Said::Refused { code, reason, remedy }) => verdict = Some(Err(Refusal::Told { code, reason, remedy })),
            Err(mpsc::RecvTimeoutError::Timeout) => return Err(Refusal::Hung { place, seconds: DEADLINE.as_secs() }),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
        if verdict.is_some() {
            "the end".clone_into(&mut place);
        }
    }
    let status = until(child, deadline).map_err(Refusal::NotVetted)?;
    tracing::debug!(kind = file.manifest.driver.kind, ?status, ?verdict, "vetted");
    match (status, verdict) {
        (None, _) => Err(Refusal::Hung { place, seconds: DEADLINE.as_secs() }),
        (Some(status), verdict) => match (died(status), verdict) {
            (Some(how), _) => Err(Refusal::Crashed { place, how }),
            (None, Some(verdict)) => verdict,
            (None, None) => Err(Refusal::EndsProcess { place, code: status.code().unwrap_or_default() }),
        },
    }
}

/// What the child says, line by line. A process that it has started may hold the pipe open, so nobody waits for its end.
fn lines(child: &mut Child) -> mpsc::Receiver<Said> {
    let (sender, receiver) = mpsc::sync_channel(64);
    if let Some(out) = child.stdout.take() {
        thread::spawn(move || {
            let lines = BufReader::new(io::Read::take(out, 1 << 16)).lines();
            for said in lines.map_while(Result::ok).filter_map(|line| serde_json::from_str(&line).ok()) {
                if sender.send(said).is_err() {
                    return;
                }
            }
        });
    }
    receiver
}

#[expect(clippy::disallowed_methods, reason = "the system has no wait with a deadline for a child")]
fn until(child: &mut Child, deadline: Instant) -> io::Result<Option<ExitStatus>> {
    loop {
        match child.try_wait()? {
            Some(status) => return Ok(Some(status)),
            None if Instant::now() >= deadline => return Ok(None),
            None => thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// How a process died, unless it ended by itself.
#[cfg(unix)]
fn died(status: ExitStatus) -> Option<String> {
    let signal = std::os::unix::process::ExitStatusExt::signal(&status)?;
    Some(match super::signals::signal_name(signal) {
        Some(name) => format!("{name} (signal {signal})"),
        None => format!("signal {signal}"),
    })
}

/// Windows tells of a crash by an exit code that is an NTSTATUS of severity "error".
#[cfg(not(unix))]
fn died(status: ExitStatus) -> Option<String> {
    let code = status.code()?;
    (code < 0).then(|| format!("exception {code:#010x}"))
}

/// The processes that a child may have started.
struct Group(#[cfg_attr(not(unix), allow(dead_code))] u32);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id())
    }

    #[cfg(unix)]
    fn kill(&self) {
        use rustix::process::{Pid, Signal, kill_process_group};
        if let Some(group) = i32::try_from(self.0).ok().and_then(Pid::from_raw) {
            // There may be nobody left in it.
            let _gone = kill_process_group(group, Signal::KILL);
        }
    }

    #[cfg(not(unix))]
    fn kill(&self) {}
}

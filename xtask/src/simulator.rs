//! A running `mdd-sim`: started with a line of JSON, steered by lines on its stdin, ended with us.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

/// How long a simulator may take to listen, or to do what it is told.
const PATIENCE: Duration = Duration::from_secs(15);

/// One simulated service on an ephemeral port of this machine.
#[derive(Debug)]
pub struct Simulator {
    process: Child,
    answers: Receiver<String>,
    /// Where it listens, without a slash at the end.
    pub url: String,
}

#[derive(Deserialize)]
struct Greeting {
    url: String,
}

#[derive(Deserialize)]
struct Answer {
    ok: bool,
    error: Option<String>,
}

impl Simulator {
    /// Starts a service; `arguments` begin with its kind. It ends with the value, or with this process.
    pub fn start(program: &Path, arguments: &[&str]) -> Result<Simulator> {
        let mut process = Command::new(program)
            .args(arguments)
            .args(["--port", "0", "--exit-with-stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let stdout = process.stdout.take().expect("it was piped");
        let (sender, answers) = mpsc::channel();
        std::thread::spawn(move || {
            // Ends when the simulator does, or when nobody listens to it any more.
            BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let mut simulator = Simulator { process, answers, url: String::new() };
        let greeting: Greeting = simulator.answer()?;
        simulator.url = greeting.url.trim_end_matches('/').to_owned();
        Ok(simulator)
    }

    /// Sends one line of steering, such as `stop` or `start`, and waits until it is done.
    pub fn tell(&mut self, line: &str) -> Result<()> {
        let stdin = self.process.stdin.as_mut().context("the simulator has no stdin")?;
        writeln!(stdin, "{line}").and_then(|()| stdin.flush()).context("the simulator is gone")?;
        let answer: Answer = self.answer()?;
        if !answer.ok {
            bail!("the simulator does not {line}: {}", answer.error.unwrap_or_default());
        }
        Ok(())
    }

    fn answer<T: for<'a> Deserialize<'a>>(&self) -> Result<T> {
        let line = self.answers.recv_timeout(PATIENCE).context("the simulator says nothing")?;
        serde_json::from_str(&line).with_context(|| format!("the simulator says {line:?}"))
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

//! A real service for the tests in Blender: a LiteLLM proxy with mock models.

use crate::{venv, workspace};
use anyhow::{Context, Result, bail};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A proxy takes 10 to 30 s until it listens, more on a busy machine.
const START: Duration = Duration::from_secs(180);

/// A running proxy; it ends with the value.
pub(super) struct Litellm {
    process: Child,
    /// Where it listens.
    pub(super) url: String,
    home: TempDir,
}

impl Litellm {
    /// What its driver calls it.
    pub(super) const KIND: &str = "litellm";

    /// Starts one and waits until it listens.
    pub(super) fn start() -> Result<Self> {
        let python = venv::ensure("litellm-1.106.2")?;
        let home = tempfile::tempdir().context("no temporary folder")?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let log = std::fs::File::create(home.path().join("log"))?;
        let mut command = Command::new(python.with_file_name("litellm"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home.path());
        command.env("LITELLM_LOCAL_MODEL_COST_MAP", "True").current_dir(home.path());
        command.env("LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY", "true");
        command.arg("--config").arg(workspace::root().join("tests/real/litellm.yaml"));
        command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        let process = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("LiteLLM cannot be started")?;
        let mut started = Self { process, url: format!("http://127.0.0.1:{port}"), home };
        started.wait(port)?;
        Ok(started)
    }

    fn wait(&mut self, port: u16) -> Result<()> {
        let deadline = Instant::now() + START;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if self.process.try_wait()?.is_some() || Instant::now() >= deadline {
                let log = std::fs::read_to_string(self.home.path().join("log")).unwrap_or_default();
                bail!("LiteLLM does not listen:\n{log}");
            }
            pause();
        }
        Ok(())
    }
}

/// Between two looks at the port.
#[allow(clippy::disallowed_methods, reason = "nothing tells when another process listens, and there is a deadline")]
fn pause() {
    std::thread::sleep(Duration::from_millis(100));
}

impl Drop for Litellm {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

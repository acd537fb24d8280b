//! Real services for the tests in Blender: a LiteLLM proxy with mock models, and the apps of the tests on real Gradio.

use crate::{venv, workspace};
use anyhow::{Context, Result, bail};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// They take 10 to 30 s until they listen, more on a busy machine.
const START: Duration = Duration::from_secs(180);

/// An app on Gradio, by the kind of its driver, with its shape and the version that it runs on.
struct App {
    kind: &'static str,
    shape: &'static str,
    gradio: &'static str,
}

const APPS: [App; 3] = [
    App { kind: "audioldm", shape: "2", gradio: "4.44.1" },
    App { kind: "rvc", shape: "", gradio: "3.14.0" },
    App { kind: "wan2gp", shape: "", gradio: "5.50.0" },
];

/// A running service; it ends with the value.
pub(super) struct Service {
    /// What its driver calls it.
    pub(super) kind: &'static str,
    /// Where it listens.
    pub(super) url: String,
    process: Child,
    port: u16,
    home: TempDir,
}

/// Starts all of them, and waits until they listen.
pub(super) fn start_all() -> Result<Vec<Service>> {
    let mut services = vec![litellm()?];
    for app in &APPS {
        services.push(app.start()?);
    }
    services.iter_mut().try_for_each(Service::wait)?;
    Ok(services)
}

fn litellm() -> Result<Service> {
    let python = venv::ensure("litellm-1.106.2")?;
    let mut command = Command::new(python.with_file_name("litellm"));
    command.env_clear().env("LITELLM_LOCAL_MODEL_COST_MAP", "True");
    command.env("LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY", "true");
    command.arg("--config").arg(workspace::root().join("tests/real/litellm.yaml"));
    let port = free_port()?;
    command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
    Service::spawn("litellm", port, command)
}

impl App {
    fn start(&self) -> Result<Service> {
        let mut command = Command::new(venv::ensure(&format!("gradio-{}", self.gradio))?);
        // Nothing of it is to be sent anywhere, and nothing is to be left beside it.
        command.env_clear().env("GRADIO_ANALYTICS_ENABLED", "False").env("HF_HUB_OFFLINE", "1");
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        let port = free_port()?;
        command.arg(workspace::root().join("tests/real/gradio").join(self.kind).with_extension("py"));
        command.arg(port.to_string()).arg(self.shape);
        Service::spawn(self.kind, port, command)
    }
}

impl Service {
    fn spawn(kind: &'static str, port: u16, mut command: Command) -> Result<Self> {
        // Some versions of Gradio give away nothing out of folders that are hidden.
        let home = tempfile::Builder::new().prefix("service-").tempdir().context("no temporary folder")?;
        let log = std::fs::File::create(home.path().join("log"))?;
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home.path());
        command.env("TMPDIR", home.path()).env("GRADIO_TEMP_DIR", home.path().join("gradio"));
        command.current_dir(home.path()).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let process = command.spawn().with_context(|| format!("{kind} cannot be started"))?;
        Ok(Self { kind, url: format!("http://127.0.0.1:{port}"), process, port, home })
    }

    fn wait(&mut self) -> Result<()> {
        let deadline = Instant::now() + START;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if self.process.try_wait()?.is_some() || Instant::now() >= deadline {
                let log = std::fs::read_to_string(self.home.path().join("log")).unwrap_or_default();
                bail!("{} does not listen:\n{log}", self.kind);
            }
            pause();
        }
        Ok(())
    }
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Between two looks at the port.
#[allow(clippy::disallowed_methods, reason = "nothing tells when another process listens, and there is a deadline")]
fn pause() {
    std::thread::sleep(Duration::from_millis(100));
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

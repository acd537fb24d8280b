//! Real Gradio servers of several versions, which serve apps shaped like those that the drivers are for.

mod jobs;

use super::server::{Server, free_port};
use mdd_core::events::{BackendView, Detail, StateName};
use mdd_tests::{Running, plugins};
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};
use tempfile::TempDir;

/// Gradio itself needs seconds to be imported, more on a busy machine.
const START: Duration = Duration::from_secs(180);
const SOON: Duration = Duration::from_secs(60);

/// One of our apps on one version of Gradio.
pub(crate) struct App {
    /// Kind of its driver, and the flavour that it is to be.
    pub(crate) kind: &'static str,
    pub(crate) flavour: &'static str,
    /// The program, and which of its shapes.
    pub(crate) program: &'static str,
    pub(crate) shape: &'static str,
    pub(crate) gradio: &'static str,
}

/// A server, and where it works.
pub(crate) struct Served {
    server: Server,
    home: TempDir,
    python: PathBuf,
}

impl App {
    async fn serve(&self) -> Served {
        self.serve_at(free_port()).await
    }

    pub(crate) async fn serve_at(&self, port: u16) -> Served {
        let python = xtask::venv::ensure(&format!("gradio-{}", self.gradio)).unwrap();
        // Some versions give away nothing out of folders that are hidden.
        let home = tempfile::Builder::new().prefix("gradio-").tempdir().unwrap();
        let server = self.start(&python, home.path(), port).await;
        Served { server, home, python }
    }

    async fn start(&self, python: &Path, home: &Path, port: u16) -> Server {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("real/gradio").join(self.program);
        let mut command = Command::new(python);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home);
        // Nothing of it is to be sent anywhere, and nothing is to be left behind.
        command.env("GRADIO_ANALYTICS_ENABLED", "False").env("HF_HUB_OFFLINE", "1").env("TMPDIR", home);
        command.env("GRADIO_TEMP_DIR", home.join("gradio")).env("PYTHONDONTWRITEBYTECODE", "1");
        command.arg(program).arg(port.to_string()).arg(self.shape).current_dir(home);
        Server::start(&mut command, port, &home.join("log"), START).await
    }

    /// A host that knows it, once it is connected.
    async fn connected(&self, served: &Served) -> (TempDir, Running) {
        let folder = plugins(&[self.kind]);
        let running = Running::start(folder.path(), &[(self.kind, &served.server.url())]);
        running.until(self.kind, SOON, is_ready).await;
        (folder, running)
    }
}

fn is_ready(backend: &BackendView) -> bool {
    backend.state == StateName::Connected && backend.detail == Detail::Ready
}

//! A service as a process of its own, which can be killed, stopped, and kept busy.

use mdd_core::events::BackendView;
use mdd_tests::{Running, built, plugins};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;

/// Longer than any deadline and pause of the host's state machine, on a loaded machine.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// A service in Python. It finds what lies beside it, and nothing else that is not Python's own.
fn script(name: &str) -> Command {
    let python = xtask::python::find("3.11").unwrap();
    let mut command = Command::new(python.program);
    command.args(["-B", "-E", "-s"]).arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("host").join(name));
    command
}

/// What ComfyUI says of its machine, as recorded.
fn stats() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/comfyui-0.33.0/system_stats.json")
}

/// Ends with the test.
pub(crate) struct Service {
    process: Child,
    pub(crate) port: u16,
}

impl Service {
    /// A simulated ComfyUI.
    pub(crate) fn simulated(port: u16) -> Self {
        Self::simulated_with(port, &[])
    }

    /// The same with options.
    pub(crate) fn simulated_with(port: u16, options: &[&str]) -> Self {
        let mut command = Command::new(built().program("mdd-sim"));
        command.args(["comfyui", "--exit-with-stdin", "--port", &port.to_string()]).args(options);
        Self::of(command, port)
    }

    /// One that answers by a single thread, after being ready so late.
    pub(crate) fn single_threaded(port: u16, ready_after: f64) -> Self {
        Self::blocker(port, ready_after, &[])
    }

    /// The same, in a child of the process that opened the port.
    pub(crate) fn forked(port: u16) -> Self {
        Self::blocker(port, 0.0, &["fork"])
    }

    fn blocker(port: u16, ready_after: f64, options: &[&str]) -> Self {
        let mut command = script("blocker.py");
        command.arg(port.to_string()).arg(stats()).arg(ready_after.to_string()).args(options);
        Self::of(command, port)
    }

    /// One whose connections are served by children, which ask at a port what they shall say of the queue.
    pub(crate) fn handed(port: u16, gate: u16) -> Self {
        let mut command = script("handed.py");
        command.arg(port.to_string()).arg(stats()).arg(gate.to_string());
        Self::of(command, port)
    }

    /// One process with a ComfyUI at each of these addresses.
    pub(crate) fn with_doors(doors: &[(&str, u16)]) -> Self {
        let mut command = script("doors.py");
        command.args(["main.py", "--port"]).arg(stats());
        for (host, port) in doors {
            command.arg(host).arg(port.to_string());
        }
        Self::of(command, doors[0].1)
    }

    fn of(mut command: Command, port: u16) -> Self {
        let process = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        Self { process, port }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }

    /// Ends it at once, as a crash would.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Asks for something without waiting for the answer.
    pub(crate) async fn ask(&self, target: &str) -> tokio::net::TcpStream {
        use tokio::io::AsyncWriteExt as _;
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        stream.write_all(format!("GET {target} HTTP/1.0\r\n\r\n").as_bytes()).await.unwrap();
        stream
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _already_ended = self.process.kill();
        let _already_waited = self.process.wait();
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A host that watches one port.
pub(crate) struct Watched {
    pub(crate) running: Running,
    pub(crate) port: u16,
    _plugins: TempDir,
}

impl Watched {
    pub(crate) fn start() -> Self {
        let port = free_port();
        let plugins = plugins(&["comfyui"]);
        let running = Running::start(plugins.path(), &[("comfyui", &format!("http://127.0.0.1:{port}"))]);
        Self { running, port, _plugins: plugins }
    }

    pub(crate) async fn until(&self, wanted: impl Fn(&BackendView) -> bool) -> BackendView {
        self.running.until("comfyui", SOON, wanted).await
    }

    pub(crate) async fn until_code(&self, code: &str) -> BackendView {
        self.until(|view| view.reason.as_ref().is_some_and(|reason| reason.code == code)).await
    }

    pub(crate) async fn until_connected(&self) -> BackendView {
        let usable = |view: &BackendView| {
            view.state == mdd_core::events::StateName::Connected && view.process.is_some() && view.devices.is_some()
        };
        self.until(usable).await
    }
}

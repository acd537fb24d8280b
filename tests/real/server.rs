//! A server process that is ended with the test.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A running server.
pub(crate) struct Server {
    process: Child,
    /// Where it listens.
    pub(crate) port: u16,
}

impl Server {
    /// Starts a server and waits until it accepts connections.
    pub(crate) async fn start(command: &mut Command, port: u16, log: &Path, within: Duration) -> Self {
        let out = std::fs::File::options().create(true).append(true).open(log).unwrap();
        let process = command
            .stdin(Stdio::null())
            .stdout(out.try_clone().unwrap())
            .stderr(out)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut server = Self { process, port };
        let deadline = Instant::now() + within;
        while tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
            let ended = server.process.try_wait().unwrap();
            let lines = || std::fs::read_to_string(log).unwrap_or_default();
            assert!(ended.is_none(), "the server ended with {ended:?}:\n{}", lines());
            assert!(Instant::now() < deadline, "the server does not listen after {within:?}:\n{}", lines());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        server
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Ends it at once, as a crash would.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _already_ended = self.process.kill();
        let _already_waited = self.process.wait();
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

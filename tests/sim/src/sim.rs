//! The handle of a simulated service: start, stop, restart, break and look inside.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use mdd_replay::Script;
use thiserror::Error;
use tokio::sync::Mutex;

use crate::{
    fault::{Board, Rule},
    ledger::{Book, Ledger, NotReached},
    registry::{self, Setup},
    replay,
    server::{Port, Running, Server},
};

/// What to simulate.
#[derive(Clone, Debug)]
pub struct Options {
    kind: String,
    version: Option<String>,
    port: u16,
    key: Option<String>,
    prisma: bool,
    keep_alive: Option<Duration>,
    first_miss: Option<Duration>,
    faults: Vec<Rule>,
    script: Option<Arc<Script>>,
}

impl Options {
    /// The newest recorded version of a kind (see [`crate::kinds`]) on an ephemeral port, without a key.
    pub fn new(kind: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            version: None,
            port: 0,
            key: None,
            prisma: true,
            keep_alive: None,
            first_miss: None,
            faults: Vec::new(),
            script: None,
        }
    }

    /// What a script says, in place of a simulated kind.
    pub fn replay(script: Script) -> Self {
        Self { script: Some(Arc::new(script)), ..Self::new(replay::KIND.name) }
    }

    /// Another recorded version.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// A given port instead of an ephemeral one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The key that clients must present; services without keys ignore it.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Leaves out the `prisma` package, without which LiteLLM answers a missing key with 500.
    pub fn without_prisma(mut self) -> Self {
        self.prisma = false;
        self
    }

    /// How long idle connections are kept instead of the recorded time (LiteLLM: 5.0 s).
    pub fn keep_alive(mut self, time: Duration) -> Self {
        self.keep_alive = Some(time);
        self
    }

    /// How long the first unknown path blocks LiteLLM 1.106.2 instead of 3 s.
    pub fn first_miss(mut self, time: Duration) -> Self {
        self.first_miss = Some(time);
        self
    }

    /// A fault in force from the start.
    pub fn fault(mut self, rule: impl Into<Rule>) -> Self {
        self.faults.push(rule.into());
        self
    }
}

impl From<&str> for Options {
    fn from(kind: &str) -> Self {
        Options::new(kind)
    }
}

/// Why a simulator did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// No kind has this name.
    #[error("unknown kind `{kind}`; known are {known}")]
    UnknownKind {
        /// The name asked for.
        kind: String,
        /// All names.
        known: String,
    },
    /// The kind was not recorded in this version.
    #[error("no recording of `{kind}` {version}; there are {known}")]
    UnknownVersion {
        /// The kind.
        kind: String,
        /// The version asked for.
        version: String,
        /// All versions.
        known: String,
    },
    /// The port cannot be listened at.
    #[error("cannot listen on 127.0.0.1:{port}")]
    Listen {
        /// The port asked for; 0 for any.
        port: u16,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
}

/// One simulated service process on loopback. Dropping it ends everything at once.
pub struct Sim {
    server: Arc<Server>,
    running: Mutex<Option<Running>>,
    addr: SocketAddr,
    kind: &'static str,
    version: &'static str,
}

impl Sim {
    /// Starts a service and returns when it accepts connections.
    pub async fn start(options: impl Into<Options>) -> Result<Self, StartError> {
        let options = options.into();
        let (kind, version) = match options.script {
            Some(_) => (&replay::KIND, replay::KIND.versions[0]),
            None => choose(&options.kind, options.version.as_deref())?,
        };
        let listen = |source| StartError::Listen { port: options.port, source };
        let port = Port::reserve(options.port).map_err(listen)?;
        let addr = port.addr();
        let board = Arc::new(Board::new(options.faults));
        let setup = Setup {
            version,
            port: addr.port(),
            key: options.key,
            prisma: options.prisma,
            keep_alive: options.keep_alive,
            first_miss: options.first_miss,
            script: options.script,
            book: Arc::new(Book::default()),
            board,
        };
        let server = Arc::new(Server::new(kind, setup, port));
        let running = Running::start(Arc::clone(&server)).map_err(listen)?;
        Ok(Self { server, running: Mutex::new(Some(running)), addr, kind: kind.name, version })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where it listens, as `http://127.0.0.1:PORT` without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The name of its kind.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// The version it answers as, faults aside.
    pub fn version(&self) -> &'static str {
        self.version
    }

    /// What it saw and ran so far.
    pub fn ledger(&self) -> Ledger {
        self.server.setup.book.snapshot()
    }

    /// Waits until the ledger satisfies a condition.
    pub async fn wait_for(
        &self,
        reached: impl FnMut(&Ledger) -> bool,
        patience: Duration,
    ) -> Result<Ledger, NotReached> {
        self.server.setup.book.wait_for(reached, patience).await
    }

    /// Puts a fault into force and returns when it is; faults add up.
    pub async fn inject(&self, rule: impl Into<Rule>) {
        self.server.setup.board.inject(rule.into());
        self.settle().await;
    }

    /// Ends all faults and returns when they have ended.
    pub async fn clear_faults(&self) {
        self.server.setup.board.clear();
        self.settle().await;
    }

    /// Closes the listener and all connections, without a word, and keeps the port. The process lives on:
    /// its jobs continue unseen, and [`Sim::start_again`] finds them.
    pub async fn stop(&self) {
        if let Some(running) = self.running.lock().await.take() {
            running.stop().await;
        }
    }

    /// Listens again on the same port after [`Sim::stop`]; does nothing if it listens.
    pub async fn start_again(&self) -> io::Result<()> {
        let mut running = self.running.lock().await;
        if running.is_none() {
            *running = Some(Running::start(Arc::clone(&self.server))?);
        }
        Ok(())
    }

    /// Kills the process and starts another on the same port. It forgets what the real service would forget;
    /// the ledger remembers.
    pub async fn restart(&self) -> io::Result<()> {
        self.stop().await;
        self.server.replace_service();
        self.start_again().await
    }

    async fn settle(&self) {
        if let Some(running) = &mut *self.running.lock().await {
            running.settle(&self.server).await;
        }
    }
}

fn choose(kind: &str, version: Option<&str>) -> Result<(&'static registry::Kind, &'static str), StartError> {
    let known = || registry::kinds().iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ");
    let found =
        registry::find(kind).ok_or_else(|| StartError::UnknownKind { kind: kind.to_owned(), known: known() })?;
    let version = found.version(version).ok_or_else(|| StartError::UnknownVersion {
        kind: kind.to_owned(),
        version: version.unwrap_or_default().to_owned(),
        known: found.versions.join(", "),
    })?;
    Ok((found, version))
}

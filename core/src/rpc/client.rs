//! A client of the host: what the terminal and the bridge use.

use super::{Hello, HelloAnswer, Line, LineReader, Message, PROTOCOL, RpcError, SocketError, socket};
use crate::{events::Update, settings::Environment};
use interprocess::local_socket::tokio::Stream;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{collections::VecDeque, io, path::Path, time::Duration};
use tokio::{
    io::{AsyncWriteExt as _, BufReader, ReadHalf, WriteHalf, split},
    time::timeout,
};

/// Snapshots of a thousand backends fit.
const MAX_LINE: usize = 64 << 20;
/// A host that has not greeted by then is stopped or stuck.
const HELLO_WITHIN: Duration = Duration::from_secs(3);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No host runs, or its socket cannot be used.
    #[error("no host answers")]
    NoHost(#[from] SocketError),
    /// The host did not greet us.
    #[error(transparent)]
    Hello(#[from] CallError),
}

impl ConnectError {
    /// Whether nobody is there, or somebody who cannot answer: ending, stopped or stuck.
    pub fn is_no_answer(&self) -> bool {
        match self {
            Self::NoHost(_) | Self::Hello(CallError::Broken(_) | CallError::NoAnswer) => true,
            Self::Hello(CallError::Refused(_) | CallError::Unexpected(_)) => false,
        }
    }
}

/// Why a call gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The connection broke.
    #[error("the connection to the host broke")]
    Broken(#[from] io::Error),
    /// The host did not greet us in time.
    #[error("the host does not answer")]
    NoAnswer,
    /// The host refused.
    #[error(transparent)]
    Refused(#[from] RpcError),
    /// The host answered something else.
    #[error("the host answered something unexpected: {0}")]
    Unexpected(String),
}

/// A bare connection to the host.
pub struct Wire {
    /// What the host says.
    pub lines: LineReader<BufReader<ReadHalf<Stream>>>,
    /// What it is told.
    pub writer: WriteHalf<Stream>,
}

impl Wire {
    /// Connects to the host of a state folder.
    ///
    /// # Errors
    /// When no host runs.
    pub async fn open(state: &Path) -> Result<Self, SocketError> {
        let (reader, writer) = split(socket::connect(state).await?);
        Ok(Self { lines: LineReader::new(BufReader::new(reader), MAX_LINE), writer })
    }

    /// Sends bytes that end a line.
    ///
    /// # Errors
    /// When the host is gone.
    pub async fn send(&mut self, line: &[u8]) -> io::Result<()> {
        self.writer.write_all(line).await?;
        self.writer.flush().await
    }
}

/// A connection after `hello`.
pub struct Client {
    wire: Wire,
    next_id: u64,
    updates: VecDeque<Update>,
    host: HelloAnswer,
}

impl Client {
    /// Connects to the host of a state folder and greets it.
    ///
    /// # Errors
    /// When no host runs, or it speaks another protocol.
    pub async fn connect(state: &Path, client: &str) -> Result<Self, ConnectError> {
        let host = HelloAnswer::default();
        let mut this = Self { wire: Wire::open(state).await?, next_id: 0, updates: VecDeque::new(), host };
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let ours = Environment::of_process();
        let environment = Some(ours.fingerprints());
        let hello = Hello { protocol: PROTOCOL, client: client.to_owned(), version, environment, online: None };
        this.host = timeout(HELLO_WITHIN, this.call("hello", &hello)).await.map_err(|_| CallError::NoAnswer)??;
        let others = ours.differing_of(&this.host.environment);
        this.host.environment_differs.extend(others);
        Ok(this)
    }

    /// What the host said of itself.
    pub fn host(&self) -> &HelloAnswer {
        &self.host
    }

    /// Calls a method and waits for its answer. Updates that come meanwhile are kept for [`update`](Self::update).
    ///
    /// # Errors
    /// When the host refuses or is gone.
    pub async fn call<P: Serialize, R: DeserializeOwned>(&mut self, method: &str, params: &P) -> Result<R, CallError> {
        self.next_id += 1;
        let id = Value::from(self.next_id);
        let params = serde_json::to_value(params).map_err(io::Error::other)?;
        self.wire.send(&Message::request(self.next_id, method, params).line()).await?;
        loop {
            match self.message().await? {
                Message::Response { id: theirs, outcome } if theirs == id => {
                    return serde_json::from_value(outcome?).map_err(|error| CallError::Unexpected(error.to_string()));
                }
                message => self.keep(message)?,
            }
        }
    }

    /// The next update after `subscribe`.
    ///
    /// # Errors
    /// When the host is gone.
    pub async fn update(&mut self) -> Result<Update, CallError> {
        loop {
            if let Some(update) = self.updates.pop_front() {
                return Ok(update);
            }
            let message = self.message().await?;
            self.keep(message)?;
        }
    }

    fn keep(&mut self, message: Message) -> Result<(), CallError> {
        if let Message::Request { method, params, .. } = message
            && method == "update"
        {
            let update = serde_json::from_value(params).map_err(|error| CallError::Unexpected(error.to_string()))?;
            self.updates.push_back(update);
        }
        Ok(())
    }

    async fn message(&mut self) -> Result<Message, CallError> {
        match self.wire.lines.next().await? {
            Some(Line::Whole(line)) => Ok(Message::parse(&line)?),
            Some(Line::TooLong) => Err(CallError::Unexpected(format!("a line of more than {MAX_LINE} bytes"))),
            None => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        }
    }
}

//! One side of a conversation in JSON-RPC, strict about what the other side says.

use crate::{home::Home, soon, until};
use mdd_core::{
    events::{Snapshot, Update},
    rpc::PROTOCOL,
};
use serde_json::{Value, json};
use std::{collections::VecDeque, os::unix::net::UnixStream as StdUnixStream, process::Stdio};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader, Lines},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    process::{Child, ChildStdin, ChildStdout, Command},
};

/// A conversation with a host or a bridge.
pub(crate) struct Talk<R, W> {
    lines: Lines<BufReader<R>>,
    /// `None` after [`Talk::finish`].
    writer: Option<W>,
    next_id: u64,
    /// Notifications that came while an answer was waited for.
    kept: VecDeque<Value>,
}

/// Over the host's socket.
pub(crate) type SocketTalk = Talk<OwnedReadHalf, OwnedWriteHalf>;

impl SocketTalk {
    /// Connects as soon as a host listens.
    pub(crate) async fn open(home: &Home) -> Self {
        let address = home.socket();
        let stream = until("a host", || StdUnixStream::connect(&address).ok()).await;
        stream.set_nonblocking(true).unwrap();
        let (reader, writer) = UnixStream::from_std(stream).unwrap().into_split();
        Self::over(reader, writer)
    }

    /// After `hello`.
    pub(crate) async fn greeted(home: &Home) -> Self {
        let mut talk = Self::open(home).await;
        talk.hello().await;
        talk
    }

    /// After `hello` and `subscribe`.
    pub(crate) async fn subscribed(home: &Home) -> Self {
        let mut talk = Self::greeted(home).await;
        talk.ask("subscribe", Value::Null).await;
        talk
    }
}

/// Through a bridge that belongs to the test.
pub(crate) struct Bridge {
    pub(crate) child: Child,
    pub(crate) talk: Talk<ChildStdout, ChildStdin>,
}

impl Bridge {
    pub(crate) fn start(home: &Home) -> Self {
        Self::of(home.starter(&["bridge"]))
    }

    pub(crate) fn of(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, talk: Talk::over(output, input) }
    }

    /// After `hello`, with what the host said of itself.
    pub(crate) async fn greeted(home: &Home) -> (Self, Value) {
        let mut bridge = Self::start(home);
        let hello = bridge.talk.hello().await;
        (bridge, hello)
    }

    pub(crate) async fn ended(&mut self) -> Option<i32> {
        soon("the end of the bridge", self.child.wait()).await.unwrap().code()
    }
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Talk<R, W> {
    pub(crate) fn over(reader: R, writer: W) -> Self {
        Self { lines: BufReader::new(reader).lines(), writer: Some(writer), next_id: 0, kept: VecDeque::new() }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        soon("room for a request", self.writer.as_mut().unwrap().write_all(bytes)).await.unwrap();
    }

    /// Says nothing more, but goes on listening.
    pub(crate) async fn finish(&mut self) {
        let mut writer = self.writer.take().unwrap();
        writer.shutdown().await.unwrap();
    }

    /// For a writer that runs beside the reader.
    pub(crate) fn take_writer(&mut self) -> W {
        self.writer.take().unwrap()
    }

    /// The next message; `None` at the end.
    pub(crate) async fn hear(&mut self) -> Option<Value> {
        // Whoever was killed while we had something for it to read has reset the connection.
        let line = soon("a message", self.lines.next_line()).await.unwrap_or_default()?;
        let message: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(message["jsonrpc"], "2.0", "{line}");
        Some(message)
    }

    /// The next message with an id, which may be null. Notifications are kept.
    pub(crate) async fn answer(&mut self) -> Value {
        loop {
            let message = self.hear().await.expect("an answer comes before the end");
            if message.get("id").is_some() {
                return message;
            }
            self.kept.push_back(message);
        }
    }

    /// Sends a request and returns its id.
    pub(crate) async fn request(&mut self, method: &str, params: Value) -> u64 {
        self.next_id += 1;
        let request = json!({"jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params});
        self.send(format!("{request}\n").as_bytes()).await;
        self.next_id
    }

    /// The result of a method, or its error.
    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        let id = self.request(method, params).await;
        let mut answer = self.answer().await;
        assert_eq!(answer["id"], id, "{answer}");
        match answer.get("error") {
            Some(error) => Err(error.clone()),
            None => Ok(answer["result"].take()),
        }
    }

    /// The result of a method that must succeed.
    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.call(method, params).await.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// The code of the error of a method that must fail.
    pub(crate) async fn error(&mut self, method: &str, params: Value) -> (i64, String) {
        let error = self.call(method, params).await.expect_err("an error");
        (error["code"].as_i64().unwrap(), error["message"].as_str().unwrap().to_owned())
    }

    pub(crate) async fn hello(&mut self) -> Value {
        self.ask("hello", json!({"protocol": PROTOCOL, "client": "a test", "version": "1.0.0"})).await
    }

    pub(crate) async fn snapshot(&mut self) -> Snapshot {
        serde_json::from_value(self.ask("snapshot", Value::Null).await).unwrap()
    }

    /// The next notification of a name; others before it must not come.
    pub(crate) async fn notification(&mut self, method: &str) -> Value {
        let message = match self.kept.pop_front() {
            Some(message) => message,
            None => self.hear().await.expect("a notification comes before the end"),
        };
        assert_eq!((&message["method"], message.get("id")), (&json!(method), None), "{message}");
        message["params"].clone()
    }

    pub(crate) async fn update(&mut self) -> Update {
        let params = self.notification("update").await;
        serde_json::from_value(params.clone()).unwrap_or_else(|error| panic!("{error}: {params}"))
    }
}

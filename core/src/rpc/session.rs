//! One client.

use super::{
    BackendChoice, ErrorCode, HandOver, HandOverAnswer, Hello, HelloAnswer, Line, LineReader, MAX_LINE, Message,
    Nothing, PROTOCOL, RpcError, server::Serving,
};
use crate::events::{Subscription, Update};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{io, sync::Arc};
use tokio::io::{AsyncBufRead, AsyncWrite, AsyncWriteExt as _};

/// Changes that are sent as one line at the most, so that no line grows without end.
const CHANGES_IN_A_LINE: usize = 64;

/// Serves a client until it goes away. There is no queue: while a client does not read, nothing more is read from it and
/// its changes are kept by the bus, once for all.
pub(super) async fn run(
    serving: Arc<Serving>,
    reader: impl AsyncBufRead + Unpin,
    writer: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    let mut session = Session { serving, writer, greeted: false, subscription: None };
    let mut lines = LineReader::new(reader, MAX_LINE);
    loop {
        tokio::select! {
            line = lines.next() => match line? {
                Some(line) => session.take(line).await?,
                None => return Ok(()),
            },
            update = next(&mut session.subscription) => session.update(update).await?,
        }
    }
}

async fn next(subscription: &mut Option<Subscription>) -> Update {
    match subscription {
        Some(subscription) => subscription.next().await,
        None => std::future::pending().await,
    }
}

struct Session<W> {
    serving: Arc<Serving>,
    writer: W,
    greeted: bool,
    subscription: Option<Subscription>,
}

impl<W: AsyncWrite + Unpin> Session<W> {
    async fn take(&mut self, line: Line) -> io::Result<()> {
        let message = match line {
            Line::Whole(line) => Message::parse(&line),
            Line::TooLong => Err(RpcError::new(ErrorCode::Parse, format!("the line is longer than {MAX_LINE} bytes"))),
        };
        match message {
            Ok(Message::Request { id, method, params }) => {
                let outcome = self.call(&method, params).await;
                match id {
                    Some(id) => self.write(&Message::Response { id, outcome }).await,
                    None => Ok(()),
                }
            }
            // The host asks clients nothing.
            Ok(Message::Response { .. }) => Ok(()),
            Err(error) => self.write(&Message::Response { id: Value::Null, outcome: Err(error) }).await,
        }
    }

    async fn call(&mut self, method: &str, params: Value) -> Result<Value, RpcError> {
        if method == "hello" {
            return given(&self.hello(&taken(params)?)?);
        }
        if !self.greeted {
            return Err(RpcError::new(ErrorCode::HelloFirst, "the first request must be `hello`"));
        }
        let host = &self.serving.host;
        match method {
            "ping" => given(&Nothing {}),
            "snapshot" => given(&host.snapshot()),
            "subscribe" => {
                self.subscription = Some(host.subscribe());
                given(&Nothing {})
            }
            "unsubscribe" => {
                self.subscription = None;
                given(&Nothing {})
            }
            "backends.refresh" => {
                host.refresh();
                given(&Nothing {})
            }
            "backends.try" => {
                let BackendChoice { backend } = taken(params)?;
                if host.try_now(&backend) { given(&Nothing {}) } else { Err(not_found("backend", &backend)) }
            }
            "drivers.list" => given(&host.drivers()),
            "diagnostics" => given(&host.diagnostics()),
            "host.stop" => {
                self.serving.stop();
                given(&Nothing {})
            }
            "host.hand-over" => {
                let HandOver { version } = taken(params)?;
                tracing::info!(version, "another version asks to take over");
                given(&HandOverAnswer { open_jobs: self.serving.hand_over() })
            }
            _ => Err(RpcError::new(ErrorCode::MethodNotFound, format!("there is no method {}", shown(method)))),
        }
    }

    fn hello(&mut self, hello: &Hello) -> Result<HelloAnswer, RpcError> {
        if hello.protocol != PROTOCOL {
            let older = if hello.protocol < PROTOCOL { "client" } else { "host" };
            let text = format!(
                "the client ({}) speaks protocol {}, the host ({}) protocol {PROTOCOL}: update the {older}",
                shown(&hello.version),
                hello.protocol,
                env!("CARGO_PKG_VERSION"),
            );
            return Err(RpcError::new(ErrorCode::ProtocolMismatch, text));
        }
        tracing::debug!(client = shown(&hello.client), version = shown(&hello.version), "hello");
        self.greeted = true;
        Ok(HelloAnswer {
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            started: self.serving.host.started(),
        })
    }

    async fn update(&mut self, update: Update) -> io::Result<()> {
        match update {
            Update::Changes { summary, changes } if changes.len() > CHANGES_IN_A_LINE => {
                for part in changes.chunks(CHANGES_IN_A_LINE) {
                    self.notify(&Update::Changes { summary: summary.clone(), changes: part.to_vec() }).await?;
                }
                Ok(())
            }
            update => self.notify(&update).await,
        }
    }

    async fn notify(&mut self, update: &Update) -> io::Result<()> {
        let params = serde_json::to_value(update).map_err(io::Error::other)?;
        self.write(&Message::notification("update", params)).await
    }

    async fn write(&mut self, message: &Message) -> io::Result<()> {
        self.writer.write_all(&message.line()).await?;
        self.writer.flush().await
    }
}

/// Parameters of a method; none at all stands for an empty object.
fn taken<P: DeserializeOwned>(params: Value) -> Result<P, RpcError> {
    let params = if params.is_null() { Value::Object(serde_json::Map::new()) } else { params };
    serde_json::from_value(params).map_err(|error| RpcError::new(ErrorCode::InvalidParams, error.to_string()))
}

fn given(result: &impl Serialize) -> Result<Value, RpcError> {
    serde_json::to_value(result).map_err(|error| RpcError::new(ErrorCode::Internal, error.to_string()))
}

fn not_found(what: &str, id: &str) -> RpcError {
    RpcError::new(ErrorCode::NotFound, format!("there is no {what} {}", shown(id)))
}

fn shown(text: &str) -> String {
    format!("{:?}", mdd_driver_api::text::printable(text, 80))
}

//! A driver that does as its service tells: each method asks for a path of its own name, and the answer says what becomes
//! of it. So a test can have any error, question and ending of a driver, through everything that the host has.

#![forbid(unsafe_code)]

use mdd_driver_api::{
    Connect, Driver, DriverError, ErrorKind, Host, Job, Request, Result, Sink, Stage,
    abi::{FrameKind, Segment, SegmentKind},
    model::{Attempt, Identity, Instance, Outcome, OutcomeStatus, Queue, ResultMeta, Sample},
};
use serde_json::Value;
use std::{future::pending, time::Duration};

struct Told {
    host: Host,
}

/// `error` is a kind's number and a code, `running` how many jobs there are, `ask` another question to be asked first,
/// `talk` a WebSocket to be opened first, `download` a result to be saved, and `panic` says what it is.
type Order = Value;

impl Told {
    async fn order(&self, path: &str) -> Result<Order> {
        let order: Order = self.host.get(path).await?.success()?.json()?;
        if let Some(question) = order.get("ask") {
            self.ask(question).await?;
        }
        if let Some(socket) = order.get("talk") {
            self.talk(socket).await?;
        }
        assert!(order.get("panic").is_none(), "it was told so");
        match order.get("error") {
            Some(error) => {
                let number = error.get(0).and_then(Value::as_u64).unwrap_or_default();
                let kind = ErrorKind(u32::try_from(number).unwrap_or_default());
                let code = error.get(1).and_then(Value::as_str).unwrap_or_default();
                Err(DriverError::new(kind, "it was told so").with_code(code))
            }
            None => Ok(order),
        }
    }

    /// `target`, with a body that is a `secret`, a `file` or any other `segment`, within so many `ms`, and with no longer
    /// pause than `idle` ms.
    async fn ask(&self, question: &Value) -> Result<()> {
        let text = |name: &str| question.get(name).and_then(Value::as_str);
        let number = |name: &str| question.get(name).and_then(Value::as_u64);
        let mut request = Request::get(text("target").unwrap_or("/"));
        let segment = match (text("secret"), text("file"), number("segment")) {
            (Some(name), ..) => Some(Segment::named(SegmentKind::SECRET_JSON, name)),
            (_, Some(name), _) => Some(Segment::named(SegmentKind::FILE, name)),
            (.., Some(kind)) => Some(Segment::named(SegmentKind(u32::try_from(kind).unwrap_or_default()), "it")),
            (None, None, None) => None,
        };
        if let Some(segment) = segment {
            request = request.body(vec![segment]);
        }
        if let Some(ms) = number("ms") {
            request = request.total_within(Duration::from_millis(ms));
        }
        if let Some(ms) = number("idle") {
            request = request.idle_within(Duration::from_millis(ms));
        }
        self.host.send(request).await.map(drop)
    }

    /// Opens `target`, sends so many `bytes`, and after so many `ms` reads to the end.
    async fn talk(&self, socket: &Value) -> Result<()> {
        let number = |name: &str| socket.get(name).and_then(Value::as_u64).unwrap_or_default();
        let target = socket.get("target").and_then(Value::as_str).unwrap_or("/");
        let mut open = self.host.connect(Connect::new(target)).await?;
        let bytes = usize::try_from(number("bytes")).unwrap_or_default();
        open.send(FrameKind::BINARY, vec![Segment::bytes(vec![0; bytes])]).await?;
        self.host.sleep(Duration::from_millis(number("ms"))).await;
        loop {
            open.next().await?;
        }
    }
}

impl Driver for Told {
    fn create(host: Host, _instance: Instance) -> Result<Self> {
        Ok(Self { host })
    }

    async fn identify(&self) -> Result<Identity> {
        self.order("/identify").await.map(|_| Identity::mine(95, "it does as it is told"))
    }

    async fn check(&self) -> Result<Sample> {
        let order = self.order("/check").await?;
        let running = order.get("running").and_then(Value::as_u64).unwrap_or_default();
        let running = u32::try_from(running).unwrap_or_default();
        Ok(Sample::with_queue(Queue { running, pending: Some(0) }))
    }

    async fn watch(&self, _sink: Sink) -> Result<()> {
        match self.order("/watch").await {
            Ok(_) => Err(DriverError::unsupported("watch")),
            Err(error) => Err(error),
        }
    }

    async fn run(&self, _attempt: Attempt, job: Job) -> Result<Outcome> {
        job.checkpoint(Stage::SENT, "it", &Value::Null).await?;
        let order = self.order("/run").await?;
        if let Some(target) = order.get("download").and_then(Value::as_str) {
            job.download(Request::get(target).max_bytes(u64::MAX), &ResultMeta::new("it", "image")).await?;
        }
        match order.get("status").and_then(Value::as_str) {
            Some("failed") => Ok(Outcome::new(OutcomeStatus::Failed)),
            Some("cancelled") => Ok(Outcome::new(OutcomeStatus::Cancelled)),
            Some("lost") => Ok(Outcome::new(OutcomeStatus::Lost)),
            Some("unknown") => Ok(Outcome::new(OutcomeStatus::Unknown)),
            Some("never") => pending().await,
            _ => Ok(Outcome::new(OutcomeStatus::Done)),
        }
    }
}

mdd_driver_api::export_driver!(
    Told,
    r#"{"kind": "told", "title": "Told", "secrets": {"key": {"title": "A key", "header": "authorization"}},
        "operations": {"do": {"title": "Do", "parameters": {"type": "object"}, "files": ["*"], "results": ["image"]}}}"#
);

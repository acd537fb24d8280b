//! A driver's object for one backend, with its futures on the drivers' runtime and its answers decoded.

use crate::{
    plugins::{DriverRuntime, LoadedDriver, Tag},
    transport::{Credential, Policy, SecretError, Services, Transport},
};
use mdd_driver_api::{
    DriverError, ErrorKind,
    abi::{DriverBox, Event, EventKind, EventSink, EventSinkArc, J, JobPortArc},
    model::{Attempt, Identity, Inspection, Outcome, Problem, Sample},
};
use serde::de::DeserializeOwned;
use tokio::sync::{Notify, mpsc};

/// News from a push channel that may wait to be read; more are dropped, as the next check tells the same.
const KEPT_NEWS: usize = 64;

/// One driver object and its policy.
pub struct Instance {
    /// `None` once it is dropped.
    object: Option<DriverBox>,
    tag: &'static Tag,
    runtime: DriverRuntime,
    policy: Policy,
    doubt: Notify,
}

/// What `watch` reports.
#[derive(Debug)]
pub enum News {
    /// The channel is alive.
    Status(Sample),
    /// A part is missing, or there again.
    Problem(Option<Problem>),
    /// The inventory has changed.
    Changed,
}

impl Instance {
    /// Makes the driver's object, as a candidate: without secrets until [`promote`](Self::promote).
    ///
    /// # Errors
    /// The driver's own, or its panic.
    pub fn create(
        driver: &LoadedDriver,
        transport: &Transport,
        runtime: &DriverRuntime,
        policy: Policy,
        instance: &mdd_driver_api::model::Instance,
    ) -> Result<Self, DriverError> {
        let object = driver.create(Services::under(transport, &policy), instance)?;
        Ok(Self { object: Some(object), tag: driver.tag(), runtime: runtime.clone(), policy, doubt: Notify::new() })
    }

    /// Lets it use the secrets: the service was recognised.
    ///
    /// # Errors
    /// A secret that cannot travel as its manifest says.
    pub fn promote(&self, credentials: Vec<Credential>) -> Result<(), SecretError> {
        self.policy.promote(credentials)
    }

    /// Takes the secrets away again.
    pub fn demote(&self) {
        self.policy.demote();
    }

    /// Ends everything that it has open: later calls of the driver fail.
    pub fn close(&self) {
        self.policy.close();
    }

    /// The network broke under an attempt: whether the service lives is worth a question now.
    pub fn doubt(&self) {
        self.doubt.notify_one();
    }

    /// Resolves once somebody has a doubt.
    pub async fn doubted(&self) {
        self.doubt.notified().await;
    }

    /// What it may do; jobs add their files to it.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Carries one attempt at a job. Dropping the future detaches from it.
    pub fn run(
        &self,
        attempt: &Attempt,
        port: JobPortArc,
    ) -> impl Future<Output = Result<Outcome, DriverError>> + Send + use<> {
        let running =
            J::encode(attempt).map(|attempt| self.runtime.run(self.tag, "run", self.object().run(attempt, port)));
        async move { running?.await?.decode() }
    }

    /// Is it one of this driver's?
    pub fn identify(&self) -> impl Future<Output = Result<Identity, DriverError>> + Send + use<> {
        decoded(self.runtime.run(self.tag, "identify", self.object().identify()))
    }

    /// The cheapest proof of life.
    pub fn check(&self) -> impl Future<Output = Result<Sample, DriverError>> + Send + use<> {
        decoded(self.runtime.run(self.tag, "check", self.object().check()))
    }

    /// What it can do and holds.
    pub fn inspect(&self) -> impl Future<Output = Result<Inspection, DriverError>> + Send + use<> {
        decoded(self.runtime.run(self.tag, "inspect", self.object().inspect()))
    }

    /// One life of the push channel, and where its news come out.
    pub fn watch(&self) -> (impl Future<Output = Result<(), DriverError>> + Send + use<>, mpsc::Receiver<News>) {
        let (sender, receiver) = mpsc::channel(KEPT_NEWS);
        let sink = EventSinkArc::of(Sink(sender));
        (self.runtime.run(self.tag, "watch", self.object().watch(sink)), receiver)
    }
}

impl Instance {
    fn object(&self) -> &DriverBox {
        self.object.as_ref().expect("it is only taken when the instance is dropped")
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.close();
        self.tag.during("drop", || drop(self.object.take()));
    }
}

async fn decoded<X: DeserializeOwned>(
    answer: impl Future<Output = Result<J<X>, DriverError>>,
) -> Result<X, DriverError> {
    answer.await?.decode()
}

#[derive(Clone)]
struct Sink(mpsc::Sender<News>);

impl EventSink for Sink {
    fn emit(&self, event: Event) -> bool {
        mdd_driver_api::guard::catch(|| self.pass_on(&event)).unwrap_or(false)
    }
}

impl Sink {
    fn pass_on(&self, event: &Event) -> bool {
        let news = match event.kind {
            EventKind::STATUS => decode(&event.payload).map(News::Status),
            EventKind::DEGRADED => decode(&event.payload).map(|problem| News::Problem(Some(problem))),
            EventKind::CLEARED => Ok(News::Problem(None)),
            EventKind::CHANGED => Ok(News::Changed),
            // A newer driver may report more.
            _ => return !self.0.is_closed(),
        };
        match news {
            Ok(news) => !matches!(self.0.try_send(news), Err(mpsc::error::TrySendError::Closed(_))),
            Err(error) => {
                tracing::warn!(%error, kind = ?event.kind, "a driver reported something that cannot be read");
                !self.0.is_closed()
            }
        }
    }
}

fn decode<X: DeserializeOwned>(payload: &str) -> Result<X, DriverError> {
    serde_json::from_str(payload).map_err(|error| DriverError::new(ErrorKind::PROTOCOL, error.to_string()))
}

//! The handle to a supervised backend: what it is, and what one may ask of its [`task`].

mod task;

use super::{Backend, Input, Instance, Link, Tempo};
use crate::{
    endpoint::Endpoint,
    events::Bus,
    health::Records,
    plugins::{DriverRuntime, LoadedDriver},
    transport::{Credential, Transport},
};
use mdd_driver_api::model::Identity;
use std::{collections::BTreeMap, sync::Arc};
use task::Task;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tracing::Instrument as _;

/// What every supervisor works with.
#[derive(Clone)]
pub struct Shared {
    /// The network.
    pub transport: Transport,
    /// Polls drivers.
    pub runtime: DriverRuntime,
    /// Where views go.
    pub bus: Arc<Bus>,
    /// Where histories are kept.
    pub records: Records,
    /// When checks come.
    pub tempo: Tempo,
}

/// What may change of a backend while it is supervised.
pub struct Configuration {
    /// Settings for its driver.
    pub settings: serde_json::Value,
    /// By the names of the manifest.
    pub secrets: BTreeMap<String, Credential>,
    /// A person has named it or given their word for it.
    pub is_trusted: bool,
}

/// The handle to a supervised backend. Dropping it ends the supervision and takes the backend out of the bus.
pub struct Supervisor {
    id: String,
    backend: Backend,
    link: watch::Receiver<Link>,
    requests: mpsc::Sender<Request>,
    task: JoinHandle<()>,
    bus: Arc<Bus>,
}

enum Request {
    TryNow,
    Listens,
    Disable,
    Configure(Box<Configuration>),
}

impl Supervisor {
    /// Starts to connect.
    pub fn start(backend: Backend, shared: &Shared) -> Self {
        Self::spawn(Task::new(backend, shared.clone()), Input::TryNow)
    }

    /// Knows it and leaves it alone, as its user has switched it off.
    pub fn start_disabled(backend: Backend, shared: &Shared) -> Self {
        Self::spawn(Task::new(backend, shared.clone()), Input::Disable)
    }

    /// Goes on with a service that discovery has recognised, with the same instance.
    pub fn adopt(backend: Backend, shared: &Shared, instance: Instance, identity: Identity) -> Self {
        let task = Task::recognised(backend, shared.clone(), instance, identity.clone());
        Self::spawn(task, Input::Identified(Ok(identity)))
    }

    fn spawn(task: Task, first: Input) -> Self {
        // Requests are rare and idempotent; a caller that finds no room has asked often enough.
        let (requests, receiver) = mpsc::channel(8);
        let (backend, link, bus) = (task.backend().clone(), task.link(), task.bus().clone());
        let id = backend.id();
        let span = tracing::error_span!("backend", id);
        // Published before the task runs, so that a snapshot taken right away knows the backend.
        let mut task = task;
        task.publish();
        let task = tokio::spawn(task.run(first, receiver).instrument(span));
        Self { id, backend, link, requests, task, bus }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it is.
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// Where it is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.backend.endpoint
    }

    /// Its driver.
    pub fn driver(&self) -> &Arc<LoadedDriver> {
        &self.backend.driver
    }

    /// What jobs need to know of it, now and whenever it changes.
    pub fn link(&self) -> watch::Receiver<Link> {
        self.link.clone()
    }

    /// Tries at once instead of waiting.
    pub fn try_now(&self) {
        let _asked_often_enough = self.requests.try_send(Request::TryNow);
    }

    /// Somebody has begun to listen at its address, or has opened what names it: what waits need not wait any longer. It
    /// keeps quiet where it is off or connected.
    pub fn hurry(&self) {
        self.request(Request::Listens);
    }

    /// Switches it off.
    pub fn disable(&self) {
        self.request(Request::Disable);
    }

    /// Connects anew with what has changed.
    pub fn configure(&self, configuration: Configuration) {
        self.request(Request::Configure(Box::new(configuration)));
    }

    /// For what must not be lost: the room for requests is only full while the task is about to read them.
    fn request(&self, request: Request) {
        if let Err(mpsc::error::TrySendError::Full(request)) = self.requests.try_send(request) {
            let requests = self.requests.clone();
            tokio::spawn(async move { requests.send(request).await });
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.task.abort();
        if let Some(instance) = &self.link.borrow().instance {
            instance.close();
        }
        self.bus.remove(&self.id);
    }
}

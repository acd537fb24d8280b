//! The server that all kinds share: sockets, HTTP, keep-alive, WebSockets and faults live here, once.

mod connection;
mod idle;
mod listener;
mod misbehaviour;
mod respond;
mod socket;
mod wire;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{sync::oneshot, task::JoinSet};

pub(crate) use self::{
    listener::{Port, Running},
    socket::{Incoming, Socket, SocketSender},
};
use crate::{
    fault::Fault,
    registry::{self, Kind, Setup},
    service::{Answer, Handling, Service},
};

/// A kind and, if it is given, a version.
type Identity = (String, Option<String>);

/// A service with everything around it that outlives its restarts.
pub(crate) struct Server {
    pub(crate) setup: Setup,
    kind: &'static Kind,
    port: Port,
    service: Mutex<Arc<dyn Service>>,
    /// Services that answer in place of the real one while an identity fault is in force.
    impostors: Mutex<HashMap<Identity, Arc<dyn Service>>>,
    requests: Mutex<JoinSet<()>>,
}

impl Server {
    pub(crate) fn new(kind: &'static Kind, setup: Setup, port: Port) -> Self {
        Self {
            service: Mutex::new((kind.create)(&setup)),
            kind,
            setup,
            port,
            impostors: Mutex::default(),
            requests: Mutex::default(),
        }
    }

    /// The service that answers requests to this path now.
    fn service(&self, path: &str) -> Arc<dyn Service> {
        match self.setup.board.lasting(path, |fault| matches!(fault, Fault::Identity { .. })) {
            Some(Fault::Identity { kind, version }) => self.impostor(kind, version),
            _ => Arc::clone(&lock(&self.service)),
        }
    }

    fn impostor(&self, kind: String, version: Option<String>) -> Arc<dyn Service> {
        let found = registry::find(&kind).unwrap_or(self.kind);
        let mut setup = self.setup.clone();
        setup.version = found.version(version.as_deref()).unwrap_or(found.versions[0]);
        let mut impostors = lock(&self.impostors);
        Arc::clone(impostors.entry((kind, version)).or_insert_with(|| (found.create)(&setup)))
    }

    /// Ends the process and everything it was doing, and puts a fresh one in its place.
    pub(crate) fn replace_service(&self) {
        lock(&self.requests).abort_all();
        lock(&self.impostors).clear();
        let mut service = lock(&self.service);
        let next = service.restarted();
        *service = next;
        self.setup.book.restarted();
    }

    /// Runs a request to its end, whatever becomes of the client. `None` if the process died over it.
    async fn run(&self, handling: Handling) -> Option<Answer> {
        let (done, answer) = oneshot::channel();
        {
            let mut requests = lock(&self.requests);
            while requests.try_join_next().is_some() {}
            requests.spawn(async move {
                // The client may have gone; nobody is left to tell.
                let _ = done.send(handling.await);
            });
        }
        answer.await.ok()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Why jobs wait, in words: one explanation for each target, kept up to date while somebody wants it.

use super::{
    declarations::Declarations,
    dispatch::{Cause, Dispatcher},
    submission::Target,
};
use crate::{diagnosis::Reason, events::Bus};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, time::sleep};

/// How often explanations may change.
const PACE: Duration = Duration::from_millis(500);

/// The explanations.
pub(super) struct Waiting {
    dispatcher: Arc<Dispatcher>,
    bus: Arc<Bus>,
    declarations: Arc<Declarations>,
    reasons: Mutex<BTreeMap<Target, watch::Sender<Reason>>>,
}

impl Waiting {
    pub(super) fn new(dispatcher: Arc<Dispatcher>, bus: Arc<Bus>, declarations: Arc<Declarations>) -> Self {
        Self { dispatcher, bus, declarations, reasons: Mutex::default() }
    }

    /// Why a job for this target waits, now and whenever that changes.
    pub(super) fn why(&self, kind: &str, target: &Target) -> watch::Receiver<Reason> {
        let reason = self.explain(kind, target);
        let mut reasons = self.reasons();
        match reasons.get(target) {
            Some(sender) => {
                sender.send_if_modified(|current| std::mem::replace(current, reason.clone()) != reason);
                sender.subscribe()
            }
            None => {
                let (sender, receiver) = watch::channel(reason);
                reasons.insert(target.clone(), sender);
                receiver
            }
        }
    }

    /// Keeps them up to date.
    pub(super) async fn run(&self) {
        let mut changes = self.bus.changes();
        loop {
            tokio::select! {
                () = self.dispatcher.changed.notified() => {}
                lives = changes.next() => if !lives { return },
            }
            self.refresh();
            sleep(PACE).await;
        }
    }

    fn refresh(&self) {
        self.reasons().retain(|_, sender| !sender.is_closed());
        let targets: Vec<Target> = self.reasons().keys().cloned().collect();
        for target in targets {
            let kind = match &target {
                Target::Backend(backend) => self.dispatcher.kind_of(backend).unwrap_or_default(),
                Target::Kind(kind) => kind.clone(),
            };
            let reason = self.explain(&kind, &target);
            if let Some(sender) = self.reasons().get(&target) {
                sender.send_if_modified(|current| std::mem::replace(current, reason.clone()) != reason);
            }
        }
    }

    fn explain(&self, kind: &str, target: &Target) -> Reason {
        let declaration = self.declarations.of(kind);
        let title = &declaration.title;
        let (row, observation) = match self.dispatcher.cause(target) {
            // A kind of which nothing was found has a row of its own, under its name.
            Cause::NoBackend => (kind.to_owned(), format!("waiting for {title}: none is known")),
            Cause::Away(backend) => {
                let observation = format!("waiting for {backend}, which is not connected");
                (backend, observation)
            }
            Cause::Silent(backend) => {
                let observation = format!("waiting for {backend}, which does not answer");
                (backend, observation)
            }
            Cause::Full(backend) => {
                let observation = format!("waiting for {backend}, which works on other jobs");
                return Reason::new("waiting-for-slot", observation, &declaration);
            }
            Cause::Draining(backend) => {
                let observation = format!("waiting for {backend}, which ends its jobs before it uses a newer driver");
                return Reason::new("waiting-for-slot", observation, &declaration);
            }
        };
        let own = self.bus.backend(&row).and_then(|backend| backend.reason);
        own.unwrap_or_else(|| Reason::new("waiting-for-backend", observation, &declaration))
    }

    fn reasons(&self) -> MutexGuard<'_, BTreeMap<Target, watch::Sender<Reason>>> {
        // A panic in a holder leaves a whole map: each change is one insertion or removal.
        self.reasons.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! The questions to a backend: each is a future that ends in an answer.

use super::{
    Answer, Task, Watching,
    reasons::{fault, own, refused_key},
};
use crate::{
    connection::{Backend, Fault, Input, Instance, State},
    diagnosis::{Class, Reason},
};
use futures_util::FutureExt as _;
use mdd_driver_api::{
    DriverError, ErrorKind,
    model::{Identity, Verdict},
};
use std::time::Duration;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};

/// From the close of a process's sockets to its end.
const ENDING: Duration = Duration::from_millis(100);

impl Task {
    pub(super) fn dial(&mut self) {
        let backend = self.backend.clone();
        let dialing = self.shared.transport.dial(&backend.endpoint, backend.is_named());
        self.asks.push(
            async move {
                let result = dialing
                    .await
                    .map_err(|failure| fault(&failure.into_error(&backend.endpoint), &backend.driver.manifest.driver));
                Answer::Life(Input::Dialed(result))
            }
            .boxed(),
        );
    }

    pub(super) fn identify(&mut self) {
        let backend = self.backend.clone();
        let instance = self.instance();
        self.asks.push(
            async move {
                let result = match instance {
                    Ok(instance) => recognise(&backend, &instance).await,
                    Err(error) => Err(fault(&error, &backend.driver.manifest.driver)),
                };
                Answer::Life(Input::Identified(result))
            }
            .boxed(),
        );
    }

    pub(super) fn check(&mut self) {
        let start = Instant::now();
        let silent = self.is_silent();
        if let Some(witness) = &mut self.witness {
            witness.begin(silent, start);
        }
        let instance = self.instance();
        let backend = self.backend.clone();
        let patience = self.life.patience(start);
        let process = self.witness.as_ref().map(|witness| *witness.process());
        let may_be_another = matches!(self.life.state(), State::Connected(connected) if connected.exited.is_some());
        let wrong_service = self.life.words().wrong_service.clone();
        self.asks.push(
            async move {
                let fault =
                    |error: DriverError| refused_key(fault(&error, &backend.driver.manifest.driver), &error, &backend);
                let asked = async {
                    let instance = instance.map_err(fault)?;
                    if may_be_another {
                        recognise_again(&backend, &instance, wrong_service).await?;
                    }
                    instance.check().await.map_err(fault)
                };
                let result = timeout(patience, asked).await.unwrap_or_else(|_| {
                    let seconds = (patience.as_secs_f64() * 10.0).round() / 10.0;
                    let text = format!("{} gave no answer within {seconds} s", backend.endpoint.subject());
                    Err(fault(DriverError::new(ErrorKind::TIMEOUT, text).with_code("no-answer")))
                });
                let time = start.elapsed();
                if let (Err(Fault { class: Class::Gone, .. }), Some(process)) = (&result, process) {
                    // Its port is closed a moment before it has ended, and that is what is to be told.
                    let _goes_on_without_its_port = timeout(ENDING, process.ended()).await;
                }
                Answer::Check(result, time)
            }
            .boxed(),
        );
    }

    pub(super) fn watch(&mut self) {
        self.watching = Some(match self.instance().map(|instance| instance.watch()) {
            Ok((end, news)) => Watching { end: end.boxed(), news },
            Err(error) => Watching { end: async move { Err(error) }.boxed(), news: mpsc::channel(1).1 },
        });
    }

    pub(super) fn inspect(&mut self) {
        if std::mem::replace(&mut self.inspecting, true) {
            self.inspect_again = true;
            return;
        }
        let Ok(asked) = self.instance().map(|instance| instance.inspect()) else { return };
        self.asks.push(async move { Answer::Inventory(asked.await) }.boxed());
    }
}

/// Who is it, and the user's? Whoever listens there now may be a stranger, who gets no secret.
async fn recognise(backend: &Backend, instance: &Instance) -> Result<Identity, Fault> {
    instance.demote();
    let identity = instance.identify().await.map_err(|error| fault(&error, &backend.driver.manifest.driver))?;
    if is_its(&identity) {
        own(backend).await?;
    }
    Ok(identity)
}

fn is_its(identity: &Identity) -> bool {
    matches!(identity.verdict, Verdict::Mine | Verdict::Locked)
}

/// The process has ended: whoever holds the port now may be a stranger, who gets no secret.
async fn recognise_again(backend: &Backend, instance: &Instance, wrong_service: Reason) -> Result<(), Fault> {
    let identity = recognise(backend, instance).await?;
    if !is_its(&identity) {
        return Err(Fault { class: Class::NeedsYou, reason: wrong_service, may_start: false });
    }
    promote(backend, instance);
    Ok(())
}

/// It may have the secrets.
pub(super) fn promote(backend: &Backend, instance: &Instance) {
    if let Err(error) = instance.promote(backend.secrets.values().cloned().collect()) {
        tracing::error!(%error, "a secret cannot be used, so the backend is asked without it");
    }
}

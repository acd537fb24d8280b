//! The host that a command asks: the one that runs, or a small one of its own.

use crate::{arguments::Global, connect};
use mdd_core::{
    Host,
    rpc::{CallError, Client, HelloAnswer, Here},
    settings::Settings,
};
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;
use tokio::time::timeout;

/// A first look never takes longer: a service that has not answered by then is shown as it stands.
const FIRST_LOOK: Duration = Duration::from_secs(7);

pub(crate) enum Reach {
    Running(Box<Client>),
    Own(Box<Here>),
}

impl Reach {
    /// The host that runs, unless the options ask for another.
    pub(crate) async fn host(global: &Global, settings: Settings, client: &str) -> anyhow::Result<Self> {
        if !global.wants_own_host()
            && let Some(client) = connect::running(&settings.state_folder, client).await
        {
            return Ok(Self::Running(Box::new(client)));
        }
        Ok(Self::Own(Box::new(Here::new(Host::start_vetting(settings, crate::drivers::vetting()?)?))))
    }

    /// What the host that runs said of itself.
    pub(crate) fn answer(&self) -> Option<&HelloAnswer> {
        match self {
            Self::Running(client) => Some(client.host()),
            Self::Own(_) => None,
        }
    }

    /// When the host that runs was started.
    pub(crate) fn since(&self) -> Option<&str> {
        self.answer().map(|answer| answer.started.as_str())
    }

    /// Waits until a host that has just been started knows what there is. One that runs knows already.
    pub(crate) async fn settled(&self) {
        if let Self::Own(here) = self {
            // Running out of time is no failure here: whatever is known by then is the answer.
            let _in_time = timeout(FIRST_LOOK, here.host().settled()).await;
        }
    }

    pub(crate) async fn call<P: Serialize, R: DeserializeOwned>(
        &mut self,
        method: &str,
        params: &P,
    ) -> Result<R, CallError> {
        match self {
            Self::Running(client) => client.call(method, params).await,
            Self::Own(here) => here.call(method, params).await,
        }
    }
}

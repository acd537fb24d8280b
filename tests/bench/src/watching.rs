//! A client of a running host that knows what the host shows.

use crate::{
    peer::Peer,
    world::{SOON, any},
};
use anyhow::{Context as _, bail, ensure};
use mdd_core::{
    events::{Snapshot, StateName, Update},
    rpc::{Client, Nothing},
};
use mdd_sim::Sim;
use serde::Serialize;
use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

pub(crate) struct Watching {
    client: Client,
    pub(crate) snapshot: Snapshot,
}

impl Watching {
    /// Starts a host that stays, with this command in this home, and waits until it has its only service.
    pub(crate) async fn host_of(command: &mut Command, home: &Path, sim: &Sim) -> anyhow::Result<(Peer, Self)> {
        command.args(["serve", "--no-discovery", "--backend", &format!("comfyui={}", sim.url())]);
        let host = Peer::start(command.stderr(Stdio::null()))?;
        let mut this = Self::start(&home.join("state")).await?;
        this.until(|snapshot| any(snapshot, |view| view.state == StateName::Connected)).await?;
        Ok((host, this))
    }

    /// Connects as soon as the host of this state folder answers.
    pub(crate) async fn start(state: &Path) -> anyhow::Result<Self> {
        let mut client = connected(state).await?;
        client.call::<_, Nothing>("subscribe", &Nothing {}).await?;
        let Update::Snapshot(snapshot) = client.update().await? else { bail!("changes came before a snapshot") };
        Ok(Self { client, snapshot: *snapshot })
    }

    /// Resolves once the snapshot is as wanted.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&Snapshot) -> bool) -> anyhow::Result<()> {
        while !wanted(&self.snapshot) {
            let update = tokio::time::timeout(SOON, self.client.update()).await;
            self.snapshot.apply(update.with_context(|| format!("{:#?}", self.snapshot))??);
        }
        Ok(())
    }

    pub(crate) async fn call(&mut self, method: &str, parameters: &impl Serialize) -> anyhow::Result<()> {
        self.client.call::<_, Nothing>(method, parameters).await?;
        Ok(())
    }
}

/// A client as soon as the host of this state folder answers.
pub(crate) async fn connected(state: &Path) -> anyhow::Result<Client> {
    let began = Instant::now();
    loop {
        match Client::connect(state, "a measurement").await {
            Ok(client) => return Ok(client),
            Err(error) => ensure!(began.elapsed() < SOON, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

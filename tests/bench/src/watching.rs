//! A client of a running host that knows what the host shows.

use crate::world::SOON;
use anyhow::{Context as _, bail, ensure};
use mdd_core::{
    events::{Snapshot, Update},
    rpc::{Client, Nothing},
};
use serde::Serialize;
use std::{
    path::Path,
    time::{Duration, Instant},
};

pub(crate) struct Watching {
    client: Client,
    pub(crate) snapshot: Snapshot,
}

impl Watching {
    /// Connects as soon as the host of this state folder answers.
    pub(crate) async fn start(state: &Path) -> anyhow::Result<Self> {
        let began = Instant::now();
        let mut client = loop {
            match Client::connect(state, "a measurement").await {
                Ok(client) => break client,
                Err(error) => ensure!(began.elapsed() < SOON, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        };
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

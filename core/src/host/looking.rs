//! What the host makes of what discovery tells.

use super::Inner;
use crate::{
    connection::Supervisor,
    discovery::{News, PortWatch},
    events::Origin,
};
use std::{collections::BTreeSet, sync::Arc};
use tokio::sync::{mpsc, watch};

impl Inner {
    pub(super) async fn discover(self: Arc<Self>, first_round: watch::Sender<bool>) {
        let mut orders = self.orders.subscribe();
        loop {
            let Ok(_) = orders.wait_for(|orders| orders.enabled).await else { return };
            tokio::select! {
                () = self.clone().look(&first_round) => {}
                _ = orders.wait_for(|orders| !orders.enabled) => {}
            }
        }
    }

    async fn look(self: Arc<Self>, first_round: &watch::Sender<bool>) {
        let (sender, mut news) = mpsc::channel(16);
        let ports = PortWatch::new(self.shared.clone(), self.plugins.clone());
        let inner = self.clone();
        let looking = ports.run(sender, move || inner.taken_ports());
        let listening = async {
            while let Some(news) = news.recv().await {
                self.learn(news, first_round);
            }
        };
        tokio::join!(looking, listening);
    }

    fn learn(&self, news: News, first_round: &watch::Sender<bool>) {
        match news {
            News::Found(found) => self.adopt(*found, Origin::DefaultPort, None),
            News::Stranger { port, seen } => {
                let mut book = self.book();
                match seen {
                    Some(seen) => book.strangers.insert(port, seen),
                    None => book.strangers.remove(&port),
                };
                self.reconcile(&mut book);
            }
            News::FirstRoundOver => {
                let mut book = self.book();
                book.looked = true;
                self.reconcile(&mut book);
                drop(book);
                first_round.send_replace(true);
            }
        }
    }

    /// Ports of this machine that have a backend.
    fn taken_ports(&self) -> BTreeSet<u16> {
        let supervisors = self.supervisors();
        let endpoints = supervisors.values().map(Supervisor::endpoint);
        endpoints.filter(|endpoint| endpoint.is_loopback()).map(|endpoint| endpoint.port()).collect()
    }
}

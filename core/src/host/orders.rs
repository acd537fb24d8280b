//! What discovery shall do: what the settings say, as far as the clients allow it.

use super::{Host, Inner, book::Book};
use crate::{config::Config, discovery::Orders};
use std::sync::Arc;

/// While it lives nothing is heard from other machines, whatever the settings say: a program of the user has its switch
/// for the network off.
#[must_use = "it counts until it is dropped"]
pub struct Offline(Arc<Inner>);

impl Host {
    /// From now on a client of this host is offline.
    pub fn offline(&self) -> Offline {
        self.inner.count_offline(|clients| clients + 1);
        Offline(self.inner.clone())
    }
}

impl Drop for Offline {
    fn drop(&mut self) {
        self.0.count_offline(|clients| clients - 1);
    }
}

impl Inner {
    fn count_offline(&self, count: impl FnOnce(usize) -> usize) {
        let mut book = self.book();
        book.offline_clients = count(book.offline_clients);
        self.tell_scout(&book);
    }

    pub(super) fn tell_scout(&self, book: &Book) {
        self.orders.send_if_modified(|orders| {
            let next = Orders { rounds: orders.rounds, ..Orders::of(book) };
            let changed = *orders != next;
            *orders = next;
            changed
        });
    }
}

impl Orders {
    /// Before anybody wants more rounds than the usual ones.
    pub(super) fn of(book: &Book) -> Self {
        let config: &Config = &book.config;
        Self {
            enabled: config.discovers(),
            sockets: config.is_on("discovery.sockets"),
            mdns: config.is_on("discovery.mdns"),
            lan: config.is_on("discovery.lan") && book.offline_clients == 0,
            interfaces: config.interfaces(),
            ports: config.ports.clone(),
            rounds: 0,
        }
    }
}

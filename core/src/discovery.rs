//! Where could a backend be? Default ports are looked at again and again; what answers is shown to the drivers.

mod candidate;
mod missing;

pub use candidate::{Found, Nobody, identify};
pub use missing::missing_view;

use crate::{
    connection::Shared,
    endpoint::Endpoint,
    plugins::{LoadedDriver, Plugins},
};
use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval},
};

/// Between two looks at the default ports. A look at a closed port costs some 25 µs.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Until somebody who was recognised by no driver is asked again.
const ASK_STRANGER_EVERY: Duration = Duration::from_secs(30);
/// Until somebody who gave no answer is asked again.
const ASK_SILENT_EVERY: Duration = Duration::from_secs(5);

/// What discovery tells.
pub enum News {
    /// A service was recognised.
    Found(Box<Found>),
    /// Who holds a port and was recognised by nobody.
    Stranger {
        /// The port.
        port: u16,
        /// What it is, in words; `None` when the port is free again.
        seen: Option<String>,
    },
    /// Every port was looked at once.
    FirstRoundOver,
}

/// Looks at the default ports of all drivers.
pub struct PortWatch {
    shared: Shared,
    plugins: Plugins,
    strangers: BTreeMap<u16, Instant>,
    under_way: BTreeSet<u16>,
}

enum Outcome {
    Closed,
    Found(Box<Found>),
    Stranger(String, Duration),
}

impl PortWatch {
    /// The drivers that there are at each look are asked.
    pub fn new(shared: Shared, plugins: Plugins) -> Self {
        Self { shared, plugins, strangers: BTreeMap::new(), under_way: BTreeSet::new() }
    }

    /// Runs until nobody listens any more. `taken` says which ports have a backend already.
    pub async fn run(mut self, news: mpsc::Sender<News>, taken: impl Fn() -> BTreeSet<u16> + Send) {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut probes = FuturesUnordered::new();
        let mut first_round = true;
        let mut changes = self.plugins.changes();
        loop {
            let told = tokio::select! {
                Ok(()) = changes.changed() => {
                    // A stranger may be one of theirs.
                    self.strangers.clear();
                    first_round = true;
                    looks.reset_immediately();
                    None
                }
                _ = looks.tick() => {
                    probes.extend(self.due(&taken()));
                    None
                }
                Some((port, outcome)) = probes.next(), if !probes.is_empty() => self.settle(port, outcome),
            };
            if let Some(told) = told
                && news.send(told).await.is_err()
            {
                return;
            }
            if first_round && probes.is_empty() && !changes.has_changed().unwrap_or(false) {
                first_round = false;
                if news.send(News::FirstRoundOver).await.is_err() {
                    return;
                }
            }
        }
    }

    /// The probes of all ports that may be looked at now.
    fn due(&mut self, taken: &BTreeSet<u16>) -> Vec<BoxFuture<'static, (u16, Option<Outcome>)>> {
        let now = Instant::now();
        let drivers = self.plugins.active();
        let ports: BTreeSet<u16> =
            drivers.iter().flat_map(|driver| driver.manifest.driver.default_ports.iter().copied()).collect();
        let mut probes = Vec::new();
        for port in ports {
            if taken.contains(&port) || !self.under_way.insert(port) {
                continue;
            }
            let known_stranger = self.strangers.get(&port).is_some_and(|again| now < *again);
            let probe = look(port, self.shared.clone(), order(&drivers, port), known_stranger);
            probes.push(async move { (port, probe.await) }.boxed());
        }
        probes
    }

    fn settle(&mut self, port: u16, outcome: Option<Outcome>) -> Option<News> {
        self.under_way.remove(&port);
        match outcome? {
            Outcome::Closed => {
                self.strangers.remove(&port)?;
                Some(News::Stranger { port, seen: None })
            }
            Outcome::Found(found) => {
                self.strangers.remove(&port);
                Some(News::Found(found))
            }
            Outcome::Stranger(seen, again) => {
                self.strangers.insert(port, Instant::now() + again);
                Some(News::Stranger { port, seen: Some(seen) })
            }
        }
    }
}

/// Drivers that call this port theirs come first; each group by rank.
fn order(drivers: &[Arc<LoadedDriver>], port: u16) -> Vec<Arc<LoadedDriver>> {
    let mut drivers = drivers.to_vec();
    drivers.sort_by_key(|driver| !driver.manifest.driver.default_ports.contains(&port));
    drivers
}

/// Both loopback addresses at once; the older family wins when both are open. `None`: nothing new.
async fn look(port: u16, shared: Shared, drivers: Vec<Arc<LoadedDriver>>, known_stranger: bool) -> Option<Outcome> {
    let [v4, v6] =
        [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)].map(|ip| Endpoint::http(ip, port));
    let (v4_open, v6_open) = tokio::join!(shared.transport.dial(&v4, false), shared.transport.dial(&v6, false));
    let endpoint = match (v4_open, v6_open) {
        (Ok(()), _) => v4,
        (_, Ok(())) => v6,
        _ => return Some(Outcome::Closed),
    };
    if known_stranger {
        return None;
    }
    Some(match identify(&endpoint, &drivers, &shared, false).await {
        Ok(found) => Outcome::Found(Box::new(found)),
        Err(nobody) if nobody.answered => Outcome::Stranger(nobody.seen, ASK_STRANGER_EVERY),
        Err(nobody) => Outcome::Stranger(nobody.seen, ASK_SILENT_EVERY),
    })
}

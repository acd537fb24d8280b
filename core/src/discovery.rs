//! Where could a backend be? The default ports of the drivers, the programs of this machine that listen, and what
//! announces itself are looked at again and again; what answers is shown to the drivers.

mod announced;
mod candidate;
mod missing;
mod order;
pub mod sockets;
mod watcher;

pub use candidate::{Found, Nobody, identify};
pub use missing::missing_view;
pub(crate) use order::is_hinted;
pub use watcher::{Port, Seen, Watcher};

use crate::{
    connection::Shared,
    endpoint::Endpoint,
    events::Origin,
    plugins::{LoadedDriver, Plugins},
};
use announced::Announced;
use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use order::{hinted, order};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, MissedTickBehavior, interval},
};

/// Between two looks at the default ports. A look at a closed port costs some 25 µs.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Until somebody who was recognised by no driver is asked again.
const ASK_STRANGER_EVERY: Duration = Duration::from_secs(30);
/// Until somebody who gave no answer is asked again.
const ASK_SILENT_EVERY: Duration = Duration::from_secs(5);

/// Announced places that are looked at again and again.
const MAX_ANNOUNCED: usize = 256;

/// What discovery shall do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orders {
    /// Look around at all.
    pub enabled: bool,
    /// See which programs of this machine listen.
    pub sockets: bool,
    /// Hear what announces itself on this machine.
    pub mdns: bool,
    /// Hear it from other machines as well.
    pub lan: bool,
    /// At these interfaces, by name or address; at all when there is none.
    pub interfaces: Vec<String>,
    /// Ports of this machine to look at beside the usual ones.
    pub ports: BTreeSet<u16>,
    /// Raised to begin anew at once.
    pub rounds: u64,
}

/// What discovery tells.
pub enum News {
    /// A service was recognised.
    Found {
        /// What and where.
        found: Box<Found>,
        /// What is known of it beside that.
        standing: Standing,
    },
    /// Who holds a port and was recognised by nobody.
    Stranger {
        /// The port.
        port: u16,
        /// What it is, in words; `None` when the port is free again.
        seen: Option<String>,
    },
    /// Somebody has begun to listen at these ports of this machine.
    Listens(BTreeSet<u16>),
    /// Nobody listens at this port of this machine any more.
    Silent(u16),
    /// Nobody takes connections any more where something was found that is no backend.
    Gone(Endpoint),
    /// Somebody announces that a service is there.
    Announced(Endpoint),
    /// Every port was looked at once.
    FirstRoundOver,
}

/// What is known of a find that it does not say itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// How it became known.
    pub origin: Origin,
    /// Why it may not be the user's.
    pub doubt: Option<String>,
    /// Other ports of the same process, where that is the service and no go-between.
    pub also: BTreeSet<u16>,
    /// Another process has the same port at the loopback address of the other family.
    pub apart: bool,
}

/// What may be there and is asked one question at a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// A port of this machine, at whichever loopback address.
    Port(u16),
    /// The IPv6 address of such a port, where IPv4 is another process.
    PortOverIpv6(u16),
    /// Another machine.
    Elsewhere(Endpoint),
}

enum Outcome {
    Closed,
    /// What was found there and is no backend is no longer there.
    Gone(Endpoint),
    /// What it is, and why it may not be the user's.
    Found(Box<Found>, Option<String>),
    Stranger(String, Duration),
}

type Probe = BoxFuture<'static, (Place, Option<Outcome>)>;

/// Looks around.
pub struct Scout {
    shared: Shared,
    plugins: Plugins,
    strangers: BTreeMap<Place, Instant>,
    under_way: BTreeSet<Place>,
    /// What listens on this machine, as far as that is known.
    listening: BTreeMap<u16, Port>,
    announced: BTreeSet<Place>,
    orders: Orders,
    /// Where other ones come from.
    next_orders: watch::Receiver<Orders>,
}

impl Scout {
    /// The drivers that there are at each look are asked.
    pub fn new(shared: Shared, plugins: Plugins, mut next_orders: watch::Receiver<Orders>) -> Self {
        let orders = next_orders.borrow_and_update().clone();
        Self {
            shared,
            plugins,
            strangers: BTreeMap::new(),
            under_way: BTreeSet::new(),
            listening: BTreeMap::new(),
            announced: BTreeSet::new(),
            orders,
            next_orders,
        }
    }

    /// Runs until nobody listens any more. `taken` says which places have a backend already.
    pub async fn run(mut self, news: mpsc::Sender<News>, taken: impl Fn() -> Taken + Send) {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut probes: FuturesUnordered<Probe> = FuturesUnordered::new();
        let mut changes = self.plugins.changes();
        let mut watcher = watcher(&self.orders);
        let mut announcer = Announced::start(&self.orders, &self.plugins.active());
        // The first round is not over before the system has said who listens.
        let mut awaited = watcher.is_some();
        let mut first_round = true;
        loop {
            let mut told = Vec::new();
            tokio::select! {
                Ok(()) = changes.changed() => {
                    // A stranger may be one of theirs.
                    self.strangers.clear();
                    first_round = true;
                    announcer = Announced::start(&self.orders, &self.plugins.active());
                    looks.reset_immediately();
                }
                Ok(()) = self.next_orders.changed() => {
                    let before = std::mem::replace(&mut self.orders, self.next_orders.borrow_and_update().clone());
                    self.strangers.clear();
                    if !self.orders.lan {
                        self.announced.retain(|place| place.here().is_some());
                    }
                    if self.orders.sockets != before.sockets {
                        watcher = self::watcher(&self.orders);
                        self.listening.clear();
                    }
                    // Asking anew is how one hears again of what was there all the time.
                    announcer = Announced::start(&self.orders, &self.plugins.active());
                    looks.reset_immediately();
                }
                seen = next_of(&mut watcher) => {
                    awaited = false;
                    match seen {
                        Some(seen) => told = self.notice(seen),
                        None => watcher = None,
                    }
                    probes.extend(self.due(&taken(), watcher.is_some()));
                }
                endpoint = announcer.next() => {
                    told.push(News::Announced(endpoint.clone()));
                    if self.announced.len() < MAX_ANNOUNCED {
                        self.announced.insert(place(endpoint));
                    }
                    probes.extend(self.due(&taken(), watcher.is_some()));
                }
                _ = looks.tick() => probes.extend(self.due(&taken(), watcher.is_some())),
                Some((place, outcome)) = probes.next(), if !probes.is_empty() => {
                    told.extend(self.settle(place, outcome));
                }
            }
            for told in told {
                if news.send(told).await.is_err() {
                    return;
                }
            }
            if first_round && !awaited && probes.is_empty() && !changes.has_changed().unwrap_or(false) {
                first_round = false;
                if news.send(News::FirstRoundOver).await.is_err() {
                    return;
                }
            }
        }
    }

    /// Takes in what listens now.
    fn notice(&mut self, seen: Seen) -> Vec<News> {
        for port in &seen.fresh {
            // Whoever was there before may be somebody else now.
            self.strangers.remove(&Place::Port(*port));
            self.strangers.remove(&Place::PortOverIpv6(*port));
        }
        let silent = self.listening.keys().filter(|port| !seen.ports.contains_key(port)).copied();
        let mut told: Vec<News> = silent.map(News::Silent).collect();
        self.listening = seen.ports;
        if !seen.fresh.is_empty() {
            told.push(News::Listens(seen.fresh));
        }
        told
    }

    /// The probes of all places that may be looked at now. `watched` says that whoever ends on this machine is seen.
    fn due(&mut self, taken: &Taken, watched: bool) -> Vec<Probe> {
        let now = Instant::now();
        let drivers = self.plugins.active();
        let default = drivers.iter().flat_map(|driver| driver.manifest.driver.default_ports.iter().copied());
        let plausible = self.listening.iter().filter(|(_, port)| drivers.iter().any(|driver| hinted(driver, port)));
        let ports =
            default.chain(self.orders.ports.iter().copied()).chain(plausible.map(|(port, _)| *port)).map(Place::Port);
        let mut places: BTreeSet<Place> = ports.chain(self.announced.iter().cloned()).collect();
        let apart = self.listening.iter().filter(|(port, seen)| seen.apart && places.contains(&Place::Port(**port)));
        let apart: Vec<Place> = apart.map(|(port, _)| Place::PortOverIpv6(*port)).collect();
        places.extend(apart);
        let mut probes = Vec::new();
        for place in places {
            if taken.has(&place, self.is_apart(&place)) || !self.under_way.insert(place.clone()) {
                continue;
            }
            let known_stranger = self.strangers.get(&place).is_some_and(|again| now < *again);
            let port = place.here().and_then(|port| self.listening.get(&port));
            let number = match &place {
                Place::Port(port) | Place::PortOverIpv6(port) => *port,
                Place::Elsewhere(endpoint) => endpoint.port(),
            };
            let drivers = order(&drivers, number, port);
            let probe = look(place.clone(), self.shared.clone(), drivers, known_stranger);
            probes.push(async move { (place, probe.await) }.boxed());
        }
        for endpoint in &taken.idle {
            let place = place(endpoint.clone());
            let is_here = place.here().is_some();
            let may_be_asked = if is_here { !watched } else { self.orders.lan };
            if !may_be_asked || !self.under_way.insert(place.clone()) {
                continue;
            }
            let dialing = self.shared.transport.dial(endpoint, !is_here);
            let endpoint = endpoint.clone();
            probes.push(async move { (place, dialing.await.is_err().then_some(Outcome::Gone(endpoint))) }.boxed());
        }
        probes
    }

    fn settle(&mut self, place: Place, outcome: Option<Outcome>) -> Option<News> {
        self.under_way.remove(&place);
        match (outcome?, place) {
            // What was announced is looked at once more.
            (Outcome::Gone(endpoint), _) => Some(News::Gone(endpoint)),
            (Outcome::Closed, Place::Port(port)) => {
                self.announced.remove(&Place::Port(port));
                self.strangers.remove(&Place::Port(port))?;
                Some(News::Stranger { port, seen: None })
            }
            (Outcome::Closed, place) => {
                // It is asked again when it announces itself again.
                self.announced.remove(&place);
                None
            }
            (Outcome::Found(found, doubt), place) => {
                self.strangers.remove(&place);
                let standing = self.standing(&found, &place, doubt);
                Some(News::Found { found, standing })
            }
            (Outcome::Stranger(seen, again), place) => {
                self.strangers.insert(place.clone(), Instant::now() + again);
                match place {
                    Place::Port(port) => Some(News::Stranger { port, seen: Some(seen) }),
                    Place::PortOverIpv6(_) | Place::Elsewhere(_) => None,
                }
            }
        }
    }

    fn is_apart(&self, place: &Place) -> bool {
        place.here().and_then(|port| self.listening.get(&port)).is_some_and(|port| port.apart)
    }

    /// How it became known, and why it may not be the user's.
    fn standing(&self, found: &Found, place: &Place, doubt: Option<String>) -> Standing {
        match place {
            Place::Elsewhere(endpoint) => {
                let doubt = format!("{} announces itself, and it is on another machine", endpoint.subject());
                Standing { origin: Origin::Mdns, doubt: Some(doubt), also: BTreeSet::new(), apart: false }
            }
            Place::Port(port) | Place::PortOverIpv6(port) => {
                let is_default =
                    found.driver.manifest.driver.default_ports.contains(port) || self.orders.ports.contains(port);
                let origin = match (is_default, self.announced.contains(place)) {
                    (true, _) => Origin::DefaultPort,
                    (false, true) => Origin::Mdns,
                    (false, false) => Origin::Socket,
                };
                // A tunnel holds the ports of many services.
                let is_it = |port: &&Port| hinted(&found.driver, port);
                let also = self.listening.get(port).filter(is_it).map(|port| port.also.clone()).unwrap_or_default();
                Standing { origin, doubt, also, apart: self.is_apart(place) }
            }
        }
    }
}

/// Places that have a backend already.
#[derive(Debug, Default)]
pub struct Taken {
    /// Ports of this machine, at its IPv4 address or by its name.
    pub ports: BTreeSet<u16>,
    /// The same at its IPv6 address.
    pub over_ipv6: BTreeSet<u16>,
    /// Addresses of other machines.
    pub elsewhere: BTreeSet<Endpoint>,
    /// Those of them that were found and that nobody connects to, as they wait for the user's word.
    pub idle: Vec<Endpoint>,
}

/// Whether a place is on this machine, by whichever of its addresses.
pub fn is_here(endpoint: &Endpoint) -> bool {
    endpoint.is_loopback() || endpoint.ip().is_some_and(announced::is_ours)
}

impl Taken {
    /// Takes in the place of a backend.
    pub fn insert(&mut self, endpoint: Endpoint) {
        match endpoint.ip() {
            _ if !is_here(&endpoint) => _ = self.elsewhere.insert(endpoint),
            Some(IpAddr::V6(_)) => _ = self.over_ipv6.insert(endpoint.port()),
            Some(IpAddr::V4(_)) | None => _ = self.ports.insert(endpoint.port()),
        }
    }

    /// `apart` says that the families of the port are two places.
    fn has(&self, place: &Place, apart: bool) -> bool {
        match place {
            Place::Port(port) => self.ports.contains(port) || (!apart && self.over_ipv6.contains(port)),
            Place::PortOverIpv6(port) => self.over_ipv6.contains(port),
            Place::Elsewhere(endpoint) => self.elsewhere.contains(endpoint),
        }
    }
}

impl Place {
    /// The port, on this machine.
    fn here(&self) -> Option<u16> {
        match self {
            Self::Port(port) | Self::PortOverIpv6(port) => Some(*port),
            Self::Elsewhere(_) => None,
        }
    }
}

fn place(endpoint: Endpoint) -> Place {
    if endpoint.is_loopback() { Place::Port(endpoint.port()) } else { Place::Elsewhere(endpoint) }
}

fn watcher(orders: &Orders) -> Option<Watcher> {
    if !orders.sockets {
        return None;
    }
    let started = sockets::of_system().and_then(Watcher::start);
    if let Err(error) = &started {
        tracing::warn!(%error, "the listening sockets of this machine cannot be listed");
    }
    started.ok()
}

async fn next_of(watcher: &mut Option<Watcher>) -> Option<Seen> {
    match watcher {
        Some(watcher) => watcher.next().await,
        None => std::future::pending().await,
    }
}

/// One look at a place. `None`: nothing new.
async fn look(place: Place, shared: Shared, drivers: Vec<Arc<LoadedDriver>>, known_stranger: bool) -> Option<Outcome> {
    let (endpoint, allowed) = match place {
        Place::Port(port) => match open(port, &shared).await {
            Some(endpoint) => (endpoint, false),
            None => return Some(Outcome::Closed),
        },
        Place::PortOverIpv6(port) => {
            let endpoint = Endpoint::http(Ipv6Addr::LOCALHOST.into(), port);
            match shared.transport.dial(&endpoint, false).await {
                Ok(()) => (endpoint, false),
                Err(_) => return Some(Outcome::Closed),
            }
        }
        // Asked without secrets; the user has said that other machines may be heard.
        Place::Elsewhere(endpoint) => match shared.transport.dial(&endpoint, true).await {
            Ok(()) => (endpoint, true),
            Err(_) => return Some(Outcome::Closed),
        },
    };
    if known_stranger {
        return None;
    }
    Some(match identify(&endpoint, &drivers, &shared, allowed).await {
        Ok(found) => Outcome::Found(Box::new(found), sockets::doubt_about(&endpoint).await),
        Err(Nobody::Stranger(seen)) => Outcome::Stranger(seen, ASK_STRANGER_EVERY),
        Err(Nobody::Silent(error)) => Outcome::Stranger(error.to_string(), ASK_SILENT_EVERY),
    })
}

/// Both loopback addresses at once; the older family wins when both are open.
async fn open(port: u16, shared: &Shared) -> Option<Endpoint> {
    let [v4, v6] =
        [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)].map(|ip| Endpoint::http(ip, port));
    let (v4_open, v6_open) = tokio::join!(shared.transport.dial(&v4, false), shared.transport.dial(&v6, false));
    match (v4_open, v6_open) {
        (Ok(()), _) => Some(v4),
        (_, Ok(())) => Some(v6),
        _ => None,
    }
}

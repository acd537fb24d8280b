//! What the host makes of what discovery tells.

use super::{Inner, book::Book};
use crate::{
    connection::Supervisor,
    discovery::{Found, News, Scout, Taken, is_here},
    endpoint::Endpoint,
    events::{BackendView, Notice, NoticeSeverity, Origin, StateName},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::SystemTime,
};
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
        let scout = Scout::new(self.shared.clone(), self.plugins.clone(), self.orders.subscribe());
        let inner = self.clone();
        let looking = scout.run(sender, move || inner.taken());
        let listening = async {
            while let Some(news) = news.recv().await {
                self.learn(news, first_round);
            }
        };
        tokio::join!(looking, listening);
    }

    fn learn(&self, news: News, first_round: &watch::Sender<bool>) {
        match news {
            News::Found { found, standing } => {
                self.settle_claims(&found);
                self.adopt(*found, standing);
            }
            News::Stranger { port, seen } => {
                let mut book = self.book();
                match seen {
                    Some(seen) => book.strangers.insert(port, seen),
                    None => book.strangers.remove(&port),
                };
                self.reconcile(&mut book);
            }
            News::Listens(ports) => self.try_those(|endpoint| ports.contains(&endpoint.port()) && is_here(endpoint)),
            News::Announced(place) => self.try_those(|endpoint| *endpoint == place),
            News::Silent(port) => self.forget_idle(|find| find.is_loopback() && find.port() == port),
            News::Gone(place) => self.forget_idle(|find| *find == place),
            News::FirstRoundOver => {
                let mut book = self.book();
                book.looked = true;
                self.reconcile(&mut book);
                drop(book);
                first_round.send_replace(true);
            }
        }
    }

    /// Somebody has come to these places: what waits for them need not wait any longer.
    fn try_those(&self, is_there: impl Fn(&Endpoint) -> bool) {
        for supervisor in self.supervisors().values().filter(|supervisor| is_there(supervisor.endpoint())) {
            supervisor.hurry();
        }
    }

    /// A find that is no backend, as it waits for the user's word or is another port of one, is only kept while it is
    /// there.
    fn forget_idle(&self, is_gone: impl Fn(&Endpoint) -> bool) {
        let mut book = self.book();
        let before = book.finds.len();
        let supervised: BTreeSet<String> = self.supervisors().keys().cloned().collect();
        book.finds.retain(|id, find| supervised.contains(id) || !is_gone(&find.endpoint));
        if book.finds.len() < before {
            self.reconcile(&mut book);
        }
    }

    /// Says so when more than one driver took it for theirs.
    fn settle_claims(&self, found: &Found) {
        if found.others.is_empty() {
            return;
        }
        let others: Vec<_> = found.others.iter().map(|(title, score)| format!("{title} ({score})")).collect();
        let text = format!(
            "{} is taken for {} ({} of 100); it could also have been {}.",
            found.endpoint.subject(),
            found.driver.manifest.driver.title,
            found.identity.score,
            others.join(", "),
        );
        let at = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        let backend = Some(super::backends::id_of(found.driver.kind(), &found.endpoint));
        self.shared.bus.notify(Notice { at, severity: NoticeSeverity::Info, backend, text });
    }

    /// Places that have a backend. One that turned out to be another service may be somebody else's.
    fn taken(&self) -> Taken {
        let wrong: BTreeSet<String> = self.shared.bus.look(|backends| {
            let is_wrong =
                |backend: &&BackendView| backend.reason.as_ref().is_some_and(|reason| reason.code == "wrong-service");
            backends.filter(is_wrong).map(|backend| backend.id.clone()).collect()
        });
        let mut taken = Taken::default();
        let book = self.book();
        let finds: Vec<(String, Endpoint)> =
            book.finds.iter().map(|(id, find)| (id.clone(), find.endpoint.clone())).collect();
        drop(book);
        // Nobody there but ourselves.
        taken.ports.extend(Some(*self.metrics_port.borrow()).filter(|port| *port != 0));
        let supervisors = self.supervisors();
        let supervised = supervisors.values().filter(|supervisor| !wrong.contains(supervisor.id()));
        // What was found and is no backend: it waits for the user's word, or is another port of one.
        let idle = finds.into_iter().filter(|(id, _)| !supervisors.contains_key(id)).map(|(_, endpoint)| endpoint);
        taken.idle = idle.collect();
        for endpoint in supervised.map(Supervisor::endpoint).cloned().chain(taken.idle.clone()) {
            taken.insert(endpoint);
        }
        taken
    }

    /// Marks what was named and is away while one of its kind was found elsewhere, and forgets finds that have moved on.
    pub(super) fn compare_places(&self) {
        let mut book = self.book();
        let views: Vec<Facts> = self.shared.bus.look(|backends| backends.map(Facts::of).collect());
        let found: BTreeMap<&str, &str> = views
            .iter()
            .filter(|view| view.is_up && view.is_find)
            .filter_map(|view| Some((view.kind.as_str(), view.endpoint.as_deref()?)))
            .collect();
        for view in views.iter().filter(|view| view.may_move) {
            let elsewhere = found.get(view.kind.as_str()).filter(|_| view.is_down).map(|url| (*url).to_owned());
            self.shared.bus.remark(&view.id, |marks| marks.found_elsewhere = elsewhere);
        }
        let moved: Vec<&str> =
            views.iter().filter(|view| view.has_moved(&found)).map(|view| view.id.as_str()).collect();
        self.forget_moved(&mut book, &moved);
    }

    fn forget_moved(&self, book: &mut Book, moved: &[&str]) {
        if moved.is_empty() {
            return;
        }
        let open = self.jobs.list().into_iter().filter(|job| !job.state.is_final());
        let waited_for: BTreeSet<String> = open.filter_map(|job| job.backend).collect();
        let before = book.finds.len();
        book.finds.retain(|id, _| !moved.contains(&id.as_str()) || waited_for.contains(id));
        if book.finds.len() < before {
            self.reconcile(book);
        }
    }
}

/// What counts of a row when places are compared.
struct Facts {
    id: String,
    kind: String,
    endpoint: Option<String>,
    is_up: bool,
    is_down: bool,
    is_find: bool,
    /// Known by its place alone, which is no usual one, so that it may well come back at another.
    is_anywhere: bool,
    /// Its address can be changed where it was set.
    may_move: bool,
}

impl Facts {
    fn of(view: &BackendView) -> Self {
        Self {
            id: view.id.clone(),
            kind: view.kind.clone(),
            endpoint: view.endpoint.clone(),
            is_up: view.state == StateName::Connected,
            is_down: view.state == StateName::Disconnected && !view.needs_word,
            is_find: view.origin.is_found(),
            is_anywhere: view.origin == Origin::Socket,
            may_move: matches!(view.origin, Origin::File | Origin::Project),
        }
    }

    /// Whether it is gone and another one of its kind is there.
    fn has_moved(&self, found: &BTreeMap<&str, &str>) -> bool {
        self.is_anywhere && self.is_down && found.contains_key(self.kind.as_str())
    }
}

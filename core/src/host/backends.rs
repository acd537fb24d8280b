//! Which backends there are: brings supervisors and rows in line with what was named, found, allowed and switched off.

use super::{
    Inner,
    book::{Book, Find, Told},
};
use crate::{
    connection::{Backend, Configuration, Supervisor},
    diagnosis::Reason,
    discovery::{Found, Standing, missing_view},
    endpoint::Endpoint,
    events::{BackendView, Detail, Marks, Origin},
    plugins::LoadedDriver,
    settings::Named,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A backend that there should be.
struct Wanted {
    driver: Arc<LoadedDriver>,
    endpoint: Endpoint,
    origin: Origin,
    projects: Vec<String>,
}

/// The id of a backend.
pub(super) fn id_of(kind: &str, endpoint: &Endpoint) -> String {
    format!("{kind}@{}", endpoint.place())
}

impl Inner {
    /// Starts, ends, and tells anew what has to be. Everything else goes on as it is.
    pub(super) fn reconcile(&self, book: &mut Book) {
        let drivers = self.drivers();
        let wanted = self.wanted(book, &drivers);
        for driver in &drivers {
            let kind = driver.kind();
            self.jobs.prefer(kind, book.config.default_of(kind).map(|default| id_of(kind, &default)));
        }
        let mut supervisors = self.supervisors();
        // Those of a kind whose driver is gone are ended by whoever says so.
        let is_driven =
            |supervisor: &Supervisor| drivers.iter().any(|driver| driver.kind() == supervisor.driver().kind());
        let gone: Vec<String> = supervisors
            .iter()
            .filter(|(id, supervisor)| !wanted.contains_key(*id) && is_driven(supervisor))
            .map(|(id, _)| id.clone())
            .collect();
        for id in gone {
            tracing::info!(id, "this backend is known no more");
            supervisors.remove(&id);
            book.told.remove(&id);
        }
        for (id, wanted) in wanted {
            self.bring_in_line(book, &mut supervisors, id, wanted);
        }
        drop(supervisors);
        self.publish_rows(book, &drivers);
    }

    fn wanted(&self, book: &Book, drivers: &[Arc<LoadedDriver>]) -> BTreeMap<String, Wanted> {
        let mut all: BTreeMap<String, Wanted> = BTreeMap::new();
        for driver in drivers {
            let kind = driver.kind();
            let mut add = |endpoint: Endpoint, origin: Origin, project: Option<&String>| {
                let wanted = all.entry(id_of(kind, &endpoint)).or_insert_with(|| Wanted {
                    driver: driver.clone(),
                    endpoint,
                    origin,
                    projects: Vec::new(),
                });
                wanted.projects.extend(project.cloned());
            };
            for named in book.config.named(kind) {
                add(named.endpoint, named.origin, None);
            }
            for endpoint in book.config.accepted(kind) {
                let origin = book.finds.get(&id_of(kind, &endpoint)).map_or(Origin::File, |find| find.origin);
                add(endpoint, origin, None);
            }
            for (name, project) in &book.projects {
                for (_, endpoint) in project.backends.iter().filter(|(of, _)| of == kind) {
                    if self.may_project(book, name, kind, endpoint) {
                        add(endpoint.clone(), Origin::Project, Some(name));
                    }
                }
            }
        }
        let mut known: Vec<(String, Endpoint)> =
            all.values().map(|wanted| (wanted.driver.kind().to_owned(), wanted.endpoint.clone())).collect();
        let supervised: BTreeSet<String> = self.supervisors().keys().cloned().collect();
        let mut finds: Vec<_> = book.finds.iter().filter(|(_, find)| find.doubt.is_none()).collect();
        // Of the ports of one service, the one that is in use already stays.
        finds.sort_by_key(|(id, _)| !supervised.contains(*id));
        for (id, find) in finds {
            let kind = find.driver.kind();
            let is_known = known.iter().any(|(of, place)| of == kind && find.is_at(place));
            let driver = drivers.iter().find(|driver| driver.kind() == kind);
            if let Some(driver) = driver.filter(|_| !is_known) {
                known.push((kind.to_owned(), find.endpoint.clone()));
                let wanted = Wanted {
                    driver: driver.clone(),
                    endpoint: find.endpoint.clone(),
                    origin: find.origin,
                    projects: Vec::new(),
                };
                all.entry(id.clone()).or_insert(wanted);
            }
        }
        all
    }

    fn bring_in_line(
        &self,
        book: &mut Book,
        supervisors: &mut BTreeMap<String, Supervisor>,
        id: String,
        wanted: Wanted,
    ) {
        let Wanted { driver, endpoint, origin, projects } = wanted;
        let kind = driver.kind().to_owned();
        let told = self.told(book, &kind, &endpoint);
        let is_default = book.config.default_of(&kind).is_some_and(|default| default.place() == endpoint.place());
        self.shared.bus.remark(&id, |marks| {
            *marks = Marks { origin: Some(origin), is_default, projects, ..std::mem::take(marks) };
        });
        match supervisors.get(&id) {
            // A newer driver takes over when no job is in its way.
            Some(supervisor) => {
                if let Some(before) = book.told.get(&id) {
                    if !told.is_configured_like(before) {
                        supervisor.configure(told.configuration());
                        if !told.enabled {
                            supervisor.disable();
                        }
                    } else if told.enabled && !before.enabled {
                        supervisor.try_now();
                    }
                    if !told.enabled && before.enabled {
                        supervisor.disable();
                    }
                }
                book.told.insert(id, told);
            }
            None => {
                let backend = self.backend(&driver, endpoint, origin, &told);
                self.supervise(book, supervisors, backend, told);
            }
        }
    }

    /// Begins to supervise a backend.
    pub(super) fn supervise(
        &self,
        book: &mut Book,
        supervisors: &mut BTreeMap<String, Supervisor>,
        backend: Backend,
        told: Told,
    ) {
        let Configuration { settings, secrets, is_trusted } = told.configuration();
        let backend = Backend { settings, secrets, is_trusted, ..backend };
        let id = backend.id();
        let supervisor = match told.enabled {
            true => Supervisor::start(backend, &self.shared),
            false => Supervisor::start_disabled(backend, &self.shared),
        };
        supervisors.insert(id.clone(), self.with_jobs(supervisor));
        book.told.insert(id, told);
    }

    pub(super) fn told(&self, book: &Book, kind: &str, endpoint: &Endpoint) -> Told {
        let is_off = book.config.disabled(kind).iter().any(|off| off.place() == endpoint.place());
        // What a project names may have been named by a stranger.
        let named = book.config.named(kind).into_iter().map(|named| named.endpoint);
        let mut trusted = named.chain(book.config.accepted(kind));
        Told {
            settings: book.config.driver_settings(kind),
            secrets: book.config.secrets(kind),
            is_trusted: trusted.any(|trusted| trusted.place() == endpoint.place()),
            enabled: !is_off,
        }
    }

    fn backend(&self, driver: &Arc<LoadedDriver>, endpoint: Endpoint, origin: Origin, told: &Told) -> Backend {
        let Configuration { settings, secrets, is_trusted } = told.configuration();
        Backend { driver: driver.clone(), endpoint, origin, settings, secrets, is_trusted }
    }

    /// Lets jobs go to a backend.
    fn with_jobs(&self, supervisor: Supervisor) -> Supervisor {
        let kind = supervisor.driver().kind();
        self.jobs.follow(supervisor.id(), kind, supervisor.link(), &self.shared.transport);
        supervisor
    }

    /// Takes in what discovery has recognised.
    pub(super) fn adopt(&self, found: Found, standing: Standing) {
        let Found { driver, endpoint, identity, instance, .. } = found;
        let Standing { origin, doubt, also, apart } = standing;
        let id = id_of(driver.kind(), &endpoint);
        let mut book = self.book();
        let has_word = book.config.accepted(driver.kind()).iter().any(|known| known.place() == endpoint.place());
        let doubt = doubt.filter(|_| !has_word);
        if doubt.is_none() {
            let told = self.told(&book, driver.kind(), &endpoint);
            let mut supervisors = self.supervisors();
            let is_another_port = supervisors.values().any(|other| {
                let place = other.endpoint();
                other.driver().kind() == driver.kind() && place.is_loopback() && also.contains(&place.port())
            });
            if told.enabled && !is_another_port && !supervisors.contains_key(&id) {
                tracing::info!(id, seen = identity.seen, "found");
                // The one that recognised it goes on, so that it is asked nothing twice.
                let backend = self.backend(&driver, endpoint.clone(), origin, &told);
                let supervisor = Supervisor::adopt(backend, &self.shared, instance, identity.clone());
                supervisors.insert(id.clone(), self.with_jobs(supervisor));
                book.told.insert(id.clone(), told);
            }
        }
        let since = humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string();
        book.finds.insert(id, Find { driver, endpoint, origin, identity, doubt, also, apart, since });
        self.reconcile(&mut book);
    }

    /// The rows of what nobody supervises: finds that wait for the user's word, kinds that nobody drives, and kinds of
    /// which nothing is known.
    fn publish_rows(&self, book: &mut Book, drivers: &[Arc<LoadedDriver>]) {
        let supervised: BTreeSet<String> = self.supervisors().keys().cloned().collect();
        let waiting = book.finds.iter().filter(|(id, _)| !supervised.contains(*id));
        let waiting = waiting.filter_map(|(_, find)| Some(self.waiting_for_word(find, find.doubt.as_deref()?)));
        // A row that says which driver is gone says more.
        let undriven = book.config.undriven.iter().filter(|named| {
            let id = id_of(&named.kind, &named.endpoint);
            book.rows.contains(&id) || self.shared.bus.backend(&id).is_none()
        });
        let undriven = undriven.map(|named| self.without_driver(named));
        let mut rows: Vec<BackendView> = waiting.chain(undriven).collect();
        if book.looked || !book.config.discovers() {
            let known = |kind: &str| {
                supervised.iter().any(|id| id.split('@').next() == Some(kind))
                    || rows.iter().any(|row| row.kind == kind)
            };
            let missing = drivers.iter().filter(|driver| {
                let has_ports = !driver.manifest.driver.default_ports.is_empty();
                book.config.discovers() && has_ports && !known(driver.kind())
            });
            let missing: Vec<_> = missing
                .map(|driver| missing_view(&driver.manifest.driver, &book.strangers, self.started_text()))
                .collect();
            rows.extend(missing);
        }
        let ids: BTreeSet<String> = rows.iter().map(|row| row.id.clone()).collect();
        for gone in book.rows.difference(&ids).filter(|id| !supervised.contains(*id)) {
            self.shared.bus.remove(gone);
        }
        for row in rows {
            self.shared.bus.publish(row, None);
        }
        book.rows = ids;
    }

    fn waiting_for_word(&self, find: &Find, doubt: &str) -> BackendView {
        let declaration = &find.driver.manifest.driver;
        let id = id_of(&declaration.kind, &find.endpoint);
        let reason = Reason::needs_your_word(doubt, declaration, &id);
        BackendView {
            id,
            endpoint: Some(find.endpoint.to_string()),
            origin: find.origin,
            detail: Detail::Refused,
            reason: Some(reason),
            version: find.identity.version.clone(),
            flavour: find.identity.flavour.clone(),
            needs_word: true,
            ..missing_view(declaration, &BTreeMap::new(), find.since.clone())
        }
    }

    /// The row of a backend that was named and whose kind nobody drives.
    fn without_driver(&self, named: &Named) -> BackendView {
        let declaration = mdd_driver_api::manifest::Declaration {
            kind: named.kind.clone(),
            title: named.kind.clone(),
            icon: "ERROR".to_owned(),
            ..Default::default()
        };
        let observation = format!("no file in the plugins folders drives {}", named.kind);
        BackendView {
            id: id_of(&named.kind, &named.endpoint),
            endpoint: Some(named.endpoint.to_string()),
            origin: named.origin,
            reason: Some(self.no_driver(&declaration, observation)),
            ..missing_view(&declaration, &BTreeMap::new(), self.started_text())
        }
    }
}

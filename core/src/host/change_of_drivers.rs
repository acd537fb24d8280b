//! What becomes of backends when drivers come, change and go while the host runs.

use super::Inner;
use crate::{
    connection::{Backend, Supervisor},
    events::{BackendView, Detail, Notice, NoticeSeverity, StateName},
    plugins::{LoadedDriver, Misdeed},
};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{interval, timeout},
};

/// How long jobs may take to end before a newer driver is used for their backend.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks whether they have.
const LOOK_EVERY: Duration = Duration::from_millis(250);

type ByKind = BTreeMap<String, Arc<LoadedDriver>>;

impl Inner {
    /// Brings the backends in line with the drivers whenever those change. `known`: those of the start.
    pub(super) async fn follow_plugins(self: Arc<Self>, known: Vec<Arc<LoadedDriver>>) {
        let by_kind = |drivers: Vec<Arc<LoadedDriver>>| -> ByKind {
            drivers.into_iter().map(|driver| (driver.kind().to_owned(), driver)).collect()
        };
        let mut known = by_kind(known);
        let mut changes = self.plugins.changes();
        let mut replacing = JoinSet::new();
        loop {
            let now = by_kind(self.plugins.active());
            self.jobs.declare(now.values().map(|driver| driver.manifest.driver.clone()));
            // What is set may count for the first time, or no longer.
            self.forget_finds(&now);
            for (kind, driver) in known.iter().filter(|(kind, _)| !now.contains_key(*kind)) {
                self.retire(kind, &driver.path);
            }
            for (kind, driver) in &now {
                match known.get(kind) {
                    None => self.welcome(driver),
                    Some(before) if before.sha256 != driver.sha256 => self.renew(before, driver, &mut replacing),
                    Some(_) => {}
                }
            }
            self.apply(&mut self.book());
            known = now;
            while replacing.try_join_next().is_some() {}
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Writes down what drivers do wrong, and uses those no more that do it too often.
    pub(super) async fn judge_drivers(self: Arc<Self>, mut misdeeds: mpsc::UnboundedReceiver<Misdeed>) {
        while let Some(Misdeed { tag, what, is_final }) = misdeeds.recv().await {
            let (inner, text) = (self.clone(), what.clone());
            let judging = tokio::task::spawn_blocking(move || inner.plugins.gate().blame(&tag.sha256, &text, is_final));
            if judging.await.unwrap_or(false) {
                self.tell(NoticeSeverity::Problem, format!("The driver for {} is in quarantine: {what}.", tag.kind));
                self.plugins.look();
            }
        }
    }

    /// A kind that had no driver until now.
    fn welcome(&self, driver: &Arc<LoadedDriver>) {
        tracing::info!(?driver, path = %driver.path.display(), "a driver is used from now on");
        for row in self.rows_of(driver.kind()) {
            self.shared.bus.remove(&row.id);
        }
    }

    /// What was found for kinds that nobody drives any more.
    fn forget_finds(&self, drivers: &ByKind) {
        self.book().finds.retain(|_, find| drivers.contains_key(find.driver.kind()));
    }

    /// Ends the backends of a kind whose driver is gone, and says why.
    fn retire(&self, kind: &str, file: &Path) {
        tracing::info!(kind, "its driver is no longer there");
        let ended: Vec<Supervisor> = {
            let mut supervisors = self.supervisors();
            let ids: Vec<String> = supervisors
                .iter()
                .filter(|(_, known)| known.driver().kind() == kind)
                .map(|(id, _)| id.clone())
                .collect();
            ids.iter().filter_map(|id| supervisors.remove(id)).collect()
        };
        let rows = self.rows_of(kind);
        drop(ended);
        for row in rows {
            match row.endpoint {
                Some(_) => self.shared.bus.publish(self.without(row, file), None),
                None => self.shared.bus.remove(&row.id),
            }
        }
    }

    /// The row of a backend whose driver is gone.
    fn without(&self, row: BackendView, file: &Path) -> BackendView {
        let declaration = mdd_driver_api::manifest::Declaration {
            kind: row.kind.clone(),
            title: row.title.clone(),
            ..Default::default()
        };
        let name = file.file_name().unwrap_or(file.as_os_str()).display();
        let reason = self.no_driver(&declaration, format!("its driver {name} is no longer in the plugins folder"));
        BackendView {
            state: StateName::Disconnected,
            detail: Detail::Waiting,
            reason: Some(reason),
            since: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            attempt: 0,
            next_try_ms: None,
            queue: None,
            latency_ms: None,
            ..row
        }
    }

    /// A kind that has another driver from now on. New connections use it at once.
    fn renew(self: &Arc<Self>, before: &LoadedDriver, driver: &Arc<LoadedDriver>, replacing: &mut JoinSet<()>) {
        let ids: Vec<String> = {
            let supervisors = self.supervisors();
            supervisors
                .iter()
                .filter(|(_, known)| known.driver().kind() == driver.kind())
                .map(|(id, _)| id.clone())
                .collect()
        };
        let busy: u32 = ids.iter().map(|id| self.jobs.under_way(id)).sum();
        let (title, old, new) = (&driver.manifest.driver.title, &before.manifest.version, &driver.manifest.version);
        let rest = match busy {
            0 => String::new(),
            1 => format!("; a job that runs may end with {old}"),
            jobs => format!("; {jobs} jobs that run may end with {old}"),
        };
        self.tell(NoticeSeverity::Info, format!("The driver for {title} is {new} from now on, and was {old}{rest}."));
        for id in ids {
            replacing.spawn(self.clone().replace(id, driver.clone()));
        }
    }

    /// Gives a backend its new driver, as soon as no job is in the way or when those that are can move.
    async fn replace(self: Arc<Self>, id: String, driver: Arc<LoadedDriver>) {
        if timeout(PATIENCE, self.until_quiet(&id)).await.is_err() && !self.moves(&id) {
            let _until_replaced = Draining::begin(&self, &id);
            self.until_quiet(&id).await;
            self.exchange(&id, &driver);
        } else {
            self.exchange(&id, &driver);
        }
    }

    async fn until_quiet(&self, id: &str) {
        let mut looks = interval(LOOK_EVERY);
        loop {
            looks.tick().await;
            if self.jobs.under_way(id) == 0 {
                return;
            }
        }
    }

    /// Whether jobs go on when their driver's object is exchanged.
    fn moves(&self, id: &str) -> bool {
        let supervisors = self.supervisors();
        let link = supervisors.get(id).map(Supervisor::link);
        link.is_some_and(|link| {
            let link = link.borrow();
            link.inventory.as_ref().is_some_and(|inventory| inventory.detach == mdd_driver_api::model::Detach::Resumes)
        })
    }

    fn exchange(&self, id: &str, driver: &Arc<LoadedDriver>) {
        let mut book = self.book();
        let current = self.plugins.active().iter().any(|active| active.sha256 == driver.sha256);
        let mut supervisors = self.supervisors();
        // A still newer one, or none any more, is another's turn.
        let Some(before) = supervisors.get(id).filter(|_| current) else { return };
        let told = self.told(&book, driver.kind(), before.endpoint());
        let backend = Backend { driver: driver.clone(), ..before.backend().clone() };
        supervisors.remove(id);
        self.supervise(&mut book, &mut supervisors, backend, told);
    }

    fn rows_of(&self, kind: &str) -> Vec<BackendView> {
        self.shared.bus.snapshot().backends.into_iter().filter(|row| row.kind == kind).collect()
    }

    fn tell(&self, severity: NoticeSeverity, text: String) {
        let at = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        self.shared.bus.notify(Notice { at, severity, backend: None, text });
    }
}

/// A backend gets no more jobs while this lives.
struct Draining<'a> {
    inner: &'a Inner,
    backend: &'a str,
}

impl<'a> Draining<'a> {
    fn begin(inner: &'a Inner, backend: &'a str) -> Self {
        inner.jobs.drain(backend, true);
        Self { inner, backend }
    }
}

impl Drop for Draining<'_> {
    fn drop(&mut self) {
        self.inner.jobs.drain(self.backend, false);
    }
}

//! What clients and jobs see of a backend.

use super::{LOOK_EVERY, Task};
use crate::{
    connection::{Link, State, view},
    events::{BackendView, Detail, DeviceView, ProcessView, QueueView, StateName},
};
use std::time::SystemTime;
use tokio::time::Instant;

impl Task {
    /// Counts what is seen.
    fn keep_record(&mut self, seen: &view::Seen) {
        let was_connected = self.last.as_ref().is_some_and(|last| last.state == StateName::Connected);
        let is_connected = seen.state == StateName::Connected;
        let now = Instant::now();
        let mut history = self.record.history();
        if is_connected && !was_connected {
            history.connected();
        }
        let last_code = self.last.as_ref().and_then(|last| last.reason.as_ref()).map(|reason| &reason.code);
        if let Some(reason) = &seen.reason
            && last_code != Some(&reason.code)
            && reason.code != self.life.words().not_tried.code
        {
            history.failed(&reason.code, &reason.observation, now, SystemTime::now());
        }
        history.becomes(view::usable(seen), now);
        drop(history);
        let answers = |state: StateName, detail: Detail| state == StateName::Connected || detail == Detail::Refused;
        // What is refused now may be another process than the one that was connected.
        let is_known = |last: &BackendView| answers(last.state, last.detail) && last.state == seen.state;
        if !answers(seen.state, seen.detail) {
            self.witness = None;
        } else if !self.last.as_ref().is_some_and(is_known) {
            self.next_look = self.next_look.min(self.shared.tempo.beat(now, LOOK_EVERY));
            self.find_process();
        }
    }

    pub(in crate::connection::supervisor) fn publish(&mut self) {
        let seen = view::seen(&self.life);
        self.keep_record(&seen);
        let history = self.record.history();
        let declaration = &self.backend.driver.manifest.driver;
        let changed = self.last.as_ref().is_none_or(|last| (last.state, last.detail) != (seen.state, seen.detail));
        if changed {
            self.since = SystemTime::now();
        }
        let identity = self.identity.as_ref();
        let inventory = self.inventory.as_ref();
        let queue = match self.life.state() {
            State::Connected(connected) => connected.queue.map(QueueView::from),
            _ => None,
        };
        let answers = view::usable(&seen) == Some(true);
        let needs_word = seen.reason.as_ref().is_some_and(|reason| reason.code == "needs-your-word");
        let view = BackendView {
            id: self.backend.id(),
            kind: declaration.kind.clone(),
            title: declaration.title.clone(),
            endpoint: Some(self.backend.endpoint.to_string()),
            origin: self.backend.origin,
            state: seen.state,
            detail: seen.detail,
            reason: seen.reason,
            since: humantime::format_rfc3339_seconds(self.since).to_string(),
            attempt: self.life.attempt(),
            next_try_ms: None,
            version: identity
                .and_then(|identity| identity.version.clone())
                .or_else(|| inventory.and_then(|inventory| inventory.version.clone())),
            flavour: identity.and_then(|identity| identity.flavour.clone()),
            queue,
            latency_ms: history.latency(),
            uptime: history.uptime(),
            reconnects: history.reconnects(),
            last_errors: history.last_errors(),
            process: self.witness.as_ref().map(|witness| ProcessView::from(witness.process())),
            devices: inventory.map(|inventory| inventory.devices.iter().map(DeviceView::from).collect()),
            models: self.models.clone(),
            makes: declaration.makes.clone(),
            icon: declaration.icon.clone(),
            attribution: declaration.attribution.clone(),
            is_default: false,
            projects: Vec::new(),
            needs_word,
        };
        drop(history);
        self.shared.bus.publish(view.clone(), seen.next_try);
        self.last = Some(view);
        self.update_link(answers);
    }

    /// What the driver tells, and the process. While that is looked for, nothing can be said.
    fn boot(&self, of_driver: Option<&str>) -> Option<String> {
        match &self.witness {
            Some(witness) => Some(format!("{}/{}", of_driver.unwrap_or_default(), witness.process().identity())),
            None if self.finding => None,
            None => of_driver.map(str::to_owned),
        }
    }

    fn update_link(&self, answers: bool) {
        let link = match self.life.state() {
            State::Connected(connected) => Link {
                instance: self.instance.clone(),
                answers,
                inventory: self.inventory.clone(),
                queue: connected.queue,
                boot: self.boot(connected.boot.as_deref()),
            },
            _ => Link::default(),
        };
        self.link.send_if_modified(|current| {
            let changed = !current.is_same(&link);
            *current = link;
            changed
        });
    }
}

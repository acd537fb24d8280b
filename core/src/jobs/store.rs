//! What is known of the journal as a whole, for people and for whoever must not wait for it.

use super::journal::{Condition, JournalError};
use crate::{
    diagnosis::Reason,
    events::{Bus, Notice, NoticeSeverity, StoreState, StoreView},
};
use mdd_driver_api::manifest::Declaration;
use std::{sync::Arc, time::SystemTime};
use tokio::sync::watch;

/// The journal's condition, published.
pub(super) struct Store {
    bus: Arc<Bus>,
    condition: watch::Sender<Condition>,
}

impl Store {
    pub(super) fn new(bus: Arc<Bus>) -> Self {
        Self { bus, condition: watch::Sender::new(Condition::default()) }
    }

    /// Tells what is new of it.
    pub(super) fn is(&self, next: Condition) {
        let before = self.condition.send_replace(next.clone());
        if before == next {
            return;
        }
        if let Some(why) = next.degraded.as_ref().filter(|_| before.degraded.is_none()) {
            self.notify(NoticeSeverity::Problem, format!("store degraded: {why}"));
        }
        if next.degraded.is_none() && before.degraded.is_some() {
            self.notify(NoticeSeverity::Info, "the store of jobs works again".to_owned());
        }
        if next.set_aside != before.set_aside
            && let Some(aside) = &next.set_aside
        {
            let text = format!("the journal of jobs was damaged; it is now {}", aside.path.display());
            self.notify(NoticeSeverity::Problem, text);
        }
        self.bus.publish_store(view(&next));
    }

    /// Nothing can be written or read, as somebody has seen.
    pub(super) fn degraded(&self, error: &JournalError) {
        let why = match error {
            JournalError::Degraded(why) | JournalError::Unread(why) => why.clone(),
            JournalError::Missing(_) => error.to_string(),
        };
        let now = self.condition.borrow().clone();
        self.is(Condition { degraded: Some(why), ..now });
    }

    /// It works, as somebody has seen.
    pub(super) fn works(&self) {
        let now = self.condition.borrow().clone();
        self.is(Condition { degraded: None, ..now });
    }

    /// Resolves while it is degraded, with the reason.
    pub(super) async fn until_degraded(&self) -> JournalError {
        let mut condition = self.condition.subscribe();
        let degraded = condition.wait_for(|condition| condition.degraded.is_some()).await;
        // It cannot fail: the sender lives in this store.
        JournalError::Degraded(degraded.ok().and_then(|condition| condition.degraded.clone()).unwrap_or_default())
    }

    fn notify(&self, severity: NoticeSeverity, text: String) {
        self.bus.notify(Notice {
            at: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            severity,
            backend: None,
            text,
        });
    }
}

fn view(condition: &Condition) -> StoreView {
    let reason = |code, observation| Some(Reason::new(code, observation, &Declaration::default()));
    match (&condition.degraded, &condition.set_aside) {
        (Some(why), _) => StoreView { state: StoreState::Degraded, reason: reason("store-degraded", why.clone()) },
        (None, Some(aside)) => {
            let observation = format!("{}; it is now {}", aside.why, aside.path.display());
            StoreView { state: StoreState::Ok, reason: reason("journal-set-aside", observation) }
        }
        (None, None) => StoreView::default(),
    }
}

//! A job's place on a backend, and its place in the queue before that.

use super::{Access, Dispatcher};
use crate::jobs::submission::Target;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// A place on a backend. Dropping it makes room for the next job.
pub(in crate::jobs) struct Slot {
    dispatcher: Arc<Dispatcher>,
    pub(in crate::jobs) backend: String,
    access: watch::Receiver<Option<Access>>,
}

impl Slot {
    pub(super) fn new(dispatcher: &Arc<Dispatcher>, backend: &str, access: watch::Receiver<Option<Access>>) -> Self {
        Self { dispatcher: dispatcher.clone(), backend: backend.to_owned(), access }
    }

    /// Waits until the backend is connected.
    pub(in crate::jobs) async fn access(&mut self) -> Access {
        let access = self.access.wait_for(Option::is_some).await;
        access.ok().and_then(|access| access.clone()).expect("places are never removed, and it was just asked for one")
    }

    /// Resolves when that life of the backend is over.
    pub(in crate::jobs) async fn lost(&mut self, epoch: u64) {
        let is_over = |access: &Option<Access>| access.as_ref().is_none_or(|access| access.epoch != epoch);
        // It cannot fail: places are never removed.
        let _over = self.access.wait_for(is_over).await;
    }

    /// Keeps the slot for work that goes on although nobody wants it any more: until the backend says that it has
    /// nothing to do, lives another life, or `longest` has passed.
    pub(in crate::jobs) async fn linger(mut self, epoch: u64, longest: Duration) {
        // What it has said before may be of before.
        self.access.mark_unchanged();
        let quiet = async {
            while self.access.changed().await.is_ok() {
                let access = self.access.borrow_and_update();
                if access.as_ref().is_some_and(|access| access.epoch != epoch || access.is_idle == Some(true)) {
                    return;
                }
            }
        };
        let _either_way = tokio::time::timeout(longest, quiet).await;
    }

    /// What the backend does.
    pub(in crate::jobs) fn watch(&self) -> watch::Receiver<Option<Access>> {
        self.access.clone()
    }

    /// Gives the backend a rest: it said that it is busy. One that takes any number of jobs refused only this one.
    pub(in crate::jobs) fn rest(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        {
            let mut state = self.dispatcher.state();
            let Some(place) = state.places.get_mut(&self.backend).filter(|place| place.slots > 0) else { return false };
            place.rests_until = Some(until);
        }
        let dispatcher = self.dispatcher.clone();
        tokio::spawn(async move {
            sleep_until(until).await;
            dispatcher.dispatch();
        });
        true
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(place) = self.dispatcher.state().places.get_mut(&self.backend) {
            place.taken -= 1;
        }
        self.dispatcher.dispatch();
    }
}

/// Leaves the queue when dropped.
pub(super) struct Queued<'a> {
    pub(super) dispatcher: &'a Dispatcher,
    pub(super) number: u64,
    pub(super) target: &'a Target,
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        let mut state = self.dispatcher.state();
        if let Some(queue) = state.queues.get_mut(self.target) {
            queue.remove(&self.number);
            if queue.is_empty() {
                state.queues.remove(self.target);
            }
        }
    }
}

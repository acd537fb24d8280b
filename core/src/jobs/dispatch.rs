//! Which job goes to which backend, and when: one queue for each target, in the order of submission, and as many jobs on
//! a backend as it has slots.

mod place;
mod slot;

pub(super) use place::{Access, Report};
pub(super) use slot::Slot;

use super::submission::Target;
use place::Place;
use slot::Queued;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{
    sync::{Notify, oneshot},
    time::Instant,
};

/// Why a target cannot take a job now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cause {
    /// There is no backend of that kind or name.
    NoBackend,
    /// This one is not connected.
    Away(String),
    /// This one is connected and does not answer just now.
    Silent(String),
    /// This one has enough to do.
    Full(String),
    /// This one finishes what it has before it gets another driver.
    Draining(String),
}

/// All backends and the jobs that wait for them.
#[derive(Default)]
pub(super) struct Dispatcher {
    state: Mutex<State>,
    /// Wakes up whoever explains why jobs wait.
    pub(super) changed: Notify,
}

#[derive(Default)]
struct State {
    places: BTreeMap<String, Place>,
    queues: BTreeMap<Target, BTreeMap<u64, oneshot::Sender<Slot>>>,
    /// Of each kind that has one, the backend that comes before all others.
    preferred: BTreeMap<String, String>,
}

impl Dispatcher {
    /// Takes note of what has become of a backend.
    pub(super) fn update(self: &Arc<Self>, backend: &str, kind: &str, report: Report) {
        {
            let mut state = self.state();
            state.place(backend, kind).take_note(report);
        }
        self.dispatch();
    }

    /// Lets jobs for a kind go to this backend when it can take them, or to whichever has the least to do.
    pub(super) fn prefer(&self, kind: &str, backend: Option<String>) {
        let preferred = &mut self.state().preferred;
        // Nothing waits while there is room, so only jobs to come are concerned.
        match backend {
            Some(backend) => preferred.insert(kind.to_owned(), backend),
            None => preferred.remove(kind),
        };
    }

    /// Nobody supervises a backend any more, or somebody else does by now.
    pub(super) fn leave(&self, backend: &str, instance: u64) {
        if let Some(place) = self.state().places.get(backend) {
            place.disconnect(instance);
        }
        self.changed.notify_one();
    }

    /// Gives a backend no more jobs, or again.
    pub(super) fn drain(self: &Arc<Self>, backend: &str, drains: bool) {
        if let Some(place) = self.state().places.get_mut(backend) {
            place.drains = drains;
        }
        self.dispatch();
    }

    /// Jobs that a connected backend has.
    pub(super) fn under_way(&self, backend: &str) -> u32 {
        let state = self.state();
        state.places.get(backend).filter(|place| place.is_connected()).map_or(0, |place| place.taken)
    }

    /// The kind of a backend that is or was there.
    pub(super) fn kind_of(&self, backend: &str) -> Option<String> {
        self.state().places.get(backend).map(|place| place.kind.clone())
    }

    /// Ids of all backends.
    pub(super) fn backends(&self) -> Vec<String> {
        self.state().places.keys().cloned().collect()
    }

    /// Waits for a slot. Smaller numbers come first; dropping the future leaves the queue.
    pub(super) async fn slot(self: &Arc<Self>, number: u64, target: &Target) -> Slot {
        let (sender, receiver) = oneshot::channel();
        self.state().queues.entry(target.clone()).or_default().insert(number, sender);
        let _queued = Queued { dispatcher: self, number, target };
        self.dispatch();
        receiver.await.expect("a sender leaves the queue only with a slot, or after this future")
    }

    /// Takes a slot for a job that the backend may have already, however full it is and whether or not it is there.
    pub(super) fn hold(self: &Arc<Self>, backend: &str, kind: &str) -> Slot {
        self.state().place(backend, kind).take(self, backend)
    }

    /// A driver's object has panicked: nothing more is given to it. False when that was known.
    pub(super) fn poison(&self, backend: &str, instance: u64) -> bool {
        self.state().places.get_mut(backend).is_some_and(|place| place.poison(instance))
    }

    /// Resolves when the backend lives another life than `epoch`.
    pub(super) async fn next_life(self: &Arc<Self>, backend: &str, kind: &str, epoch: u64) {
        let mut access = self.state().place(backend, kind).access.subscribe();
        let is_other = |access: &Option<Access>| access.as_ref().is_some_and(|access| access.epoch != epoch);
        // It cannot fail: places are never removed.
        let _other = access.wait_for(is_other).await;
    }

    /// Why a job for this target waits.
    pub(super) fn cause(&self, target: &Target) -> Cause {
        let state = self.state();
        let fitting = || state.places.iter().filter(|(id, place)| place.fits(id, target));
        // The nearest to taking it says why it does not.
        if let Some((id, place)) = fitting().find(|(_, place)| place.answers()) {
            return if place.drains { Cause::Draining(id.clone()) } else { Cause::Full(id.clone()) };
        }
        if let Some((id, _)) = fitting().find(|(_, place)| place.is_connected()) {
            return Cause::Silent(id.clone());
        }
        fitting().next().map_or(Cause::NoBackend, |(id, _)| Cause::Away(id.clone()))
    }

    /// Gives away what is free, to the first in line.
    fn dispatch(self: &Arc<Self>) {
        let mut unwanted = Vec::new();
        {
            let mut state = self.state();
            while let Some((target, number, backend)) = state.next_match(Instant::now()) {
                let slot = state.places.get_mut(&backend).expect("it was just found").take(self, &backend);
                let queue = state.queues.get_mut(&target).expect("it was just found");
                let waiting = queue.remove(&number).expect("it was just found");
                if queue.is_empty() {
                    state.queues.remove(&target);
                }
                if let Err(slot) = waiting.send(slot) {
                    unwanted.push(slot);
                }
            }
        }
        self.changed.notify_one();
        // Each drop dispatches again, which takes the lock.
        drop(unwanted);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic in a holder leaves whole maps: each change is a few insertions.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn place(&mut self, backend: &str, kind: &str) -> &mut Place {
        self.places.entry(backend.to_owned()).or_insert_with(|| Place::new(kind))
    }

    /// The earliest job for which there is room, and the backend for it: the preferred one of its kind, else that with
    /// the least to do.
    fn next_match(&self, now: Instant) -> Option<(Target, u64, String)> {
        let mut heads: Vec<_> =
            self.queues.iter().filter_map(|(target, queue)| Some((*queue.first_key_value()?.0, target))).collect();
        heads.sort_unstable();
        heads.into_iter().find_map(|(number, target)| {
            let free = self.places.iter().filter(|(id, place)| place.fits(id, target) && place.has_room(now));
            let is_other = |id: &String, place: &Place| self.preferred.get(&place.kind) != Some(id);
            let (backend, _) = free.min_by_key(|(id, place)| (is_other(id, place), place.load()))?;
            Some((target.clone(), number, backend.clone()))
        })
    }
}

#[cfg(test)]
mod tests;

//! The queue of pending jobs, the running one, and the history.

use std::{
    cmp::Ordering,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::events::Hub;
use crate::{
    json::{Json, list, object},
    ledger::{Book, JobState},
};

/// Entries kept in the history, as in the real server.
const MAX_HISTORY: usize = 10_000;

/// Members of `extra_data` that hold secrets.
const SECRETS: [&str; 2] = ["auth_token_comfy_org", "api_key_comfy_org"];

/// One submitted job.
#[derive(Clone)]
pub(super) struct Item {
    /// The lowest runs first. An integer, or a float if the client chose it.
    pub(super) priority: Json,
    pub(super) prompt_id: String,
    pub(super) prompt: Json,
    pub(super) extra_data: Json,
    pub(super) outputs: Vec<String>,
    /// Its number in the ledger.
    pub(super) number: u64,
}

impl Item {
    /// The five-element list that `/queue` and `/history` show.
    pub(super) fn to_json(&self) -> Json {
        list![&self.priority, &self.prompt_id, &self.prompt, &self.extra_data, self.outputs.clone()]
    }

    pub(super) fn client_id(&self) -> Option<&str> {
        self.extra_data.get("client_id").and_then(Json::as_str)
    }

    /// Python's comparison of tuples; it raises on reaching two different dictionaries.
    fn is_less(&self, other: &Self) -> Result<bool, Incomparable> {
        let priority = |item: &Self| item.priority.as_f64().unwrap_or(0.0);
        match priority(self).total_cmp(&priority(other)).then_with(|| self.prompt_id.cmp(&other.prompt_id)) {
            Ordering::Less => Ok(true),
            Ordering::Greater => Ok(false),
            Ordering::Equal if self.prompt != other.prompt || self.extra_data != other.extra_data => Err(Incomparable),
            Ordering::Equal => Ok(self.outputs < other.outputs),
        }
    }
}

/// Two jobs with the same priority and id cannot be ordered: the real server raises, with the job queued.
pub(super) struct Incomparable;

/// One finished job.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) item: Arc<Item>,
    pub(super) outputs: Json,
    pub(super) status: Json,
    pub(super) meta: Json,
}

impl Entry {
    fn to_json(&self) -> Json {
        let mut prompt = self.item.to_json();
        if let Json::List(parts) = &mut prompt {
            SECRETS.iter().for_each(|secret| drop(parts[3].remove(secret)));
        }
        object! { "prompt" => prompt, "outputs" => &self.outputs, "status" => &self.status, "meta" => &self.meta }
    }
}

/// Removes what must not be shown, as later releases do at submission.
pub(super) fn remove_secrets(extra_data: &mut Json) {
    SECRETS.iter().for_each(|secret| drop(extra_data.remove(secret)));
}

/// Every change is told to all clients before the queue can change again, so that events come in order.
pub(super) struct Queue {
    state: Mutex<State>,
    more: Notify,
    hub: Arc<Hub>,
}

#[derive(Default)]
struct State {
    /// A binary heap in the order of Python's `heapq`, which `/queue` shows as it is.
    pending: Vec<Arc<Item>>,
    running: Option<Arc<Item>>,
    history: Vec<(String, Entry)>,
}

impl State {
    fn info(&self) -> Json {
        let remaining = self.pending.len() + usize::from(self.running.is_some());
        object! { "exec_info" => object! { "queue_remaining" => remaining } }
    }
}

impl Queue {
    pub(super) fn new(hub: Arc<Hub>) -> Self {
        Self { state: Mutex::default(), more: Notify::new(), hub }
    }

    /// Adds a job. On an error it is in the queue all the same, but nobody is told.
    pub(super) fn put(&self, item: Item) -> Result<(), Incomparable> {
        let mut state = self.state();
        state.pending.push(Arc::new(item));
        let last = state.pending.len() - 1;
        let result = sift_down(&mut state.pending, 0, last);
        if result.is_ok() {
            self.tell(&state);
        }
        drop(state);
        self.more.notify_one();
        result
    }

    /// Takes the next job and makes it the running one.
    pub(super) async fn next(&self) -> Arc<Item> {
        loop {
            let more = self.more.notified();
            {
                let mut state = self.state();
                if let Some(item) = pop(&mut state.pending) {
                    state.running = Some(Arc::clone(&item));
                    self.tell(&state);
                    return item;
                }
            }
            more.await;
        }
    }

    /// Moves the running job into the history.
    pub(super) fn done(&self, entry: Entry) {
        let mut state = self.state();
        state.running = None;
        if state.history.len() > MAX_HISTORY {
            state.history.remove(0);
        }
        let id = entry.item.prompt_id.clone();
        match state.history.iter_mut().find(|(known, _)| *known == id) {
            Some((_, old)) => *old = entry,
            None => state.history.push((id, entry)),
        }
        self.tell(&state);
    }

    /// Removes one pending job with this id; `false` if there is none.
    pub(super) fn delete(&self, prompt_id: &str, book: &Book) -> bool {
        let mut state = self.state();
        let Some(index) = state.pending.iter().position(|item| item.prompt_id == prompt_id) else { return false };
        let item = state.pending.remove(index);
        heapify(&mut state.pending);
        book.job_is(item.number, JobState::Cancelled);
        self.tell(&state);
        if state.pending.is_empty() {
            // The real server wipes the queue instead, which tells it once more.
            self.tell(&state);
        }
        true
    }

    /// Removes all pending jobs.
    pub(super) fn clear(&self, book: &Book) {
        let mut state = self.state();
        for item in state.pending.drain(..) {
            book.job_is(item.number, JobState::Cancelled);
        }
        self.tell(&state);
    }

    /// The answer to `GET /prompt`, also part of every status event.
    pub(super) fn info(&self) -> Json {
        self.state().info()
    }

    pub(super) fn is_running(&self, prompt_id: &str) -> bool {
        self.running().is_some_and(|item| item.prompt_id == prompt_id)
    }

    pub(super) fn running(&self) -> Option<Arc<Item>> {
        self.state().running.clone()
    }

    pub(super) fn pending(&self) -> Vec<Arc<Item>> {
        self.state().pending.clone()
    }

    /// The finished jobs, oldest first.
    pub(super) fn finished(&self) -> Vec<(String, Entry)> {
        self.state().history.clone()
    }

    pub(super) fn to_json(&self) -> Json {
        let items =
            |items: &mut dyn Iterator<Item = &Arc<Item>>| Json::List(items.map(|item| item.to_json()).collect());
        let state = self.state();
        object! {
            "queue_running" => items(&mut state.running.iter()),
            "queue_pending" => items(&mut state.pending.iter()),
        }
    }

    /// At most `max_items` entries from `offset` on; the newest ones for a negative offset.
    pub(super) fn history(&self, max_items: Option<i64>, offset: i64) -> Json {
        let state = self.state();
        let from = match max_items {
            Some(max_items) if offset < 0 => state.history.len() as i64 - max_items,
            _ => offset,
        };
        let from = usize::try_from(from).unwrap_or(0);
        // Python's loop checks the limit after it has added an entry, and `max_items=0` starts at the end.
        let count = max_items.map_or(usize::MAX, |max_items| usize::try_from(max_items).unwrap_or(0).max(1));
        let entries = state.history.iter().skip(from).take(count);
        Json::Object(entries.map(|(id, entry)| (id.clone(), entry.to_json())).collect())
    }

    pub(super) fn history_of(&self, prompt_id: &str) -> Json {
        let state = self.state();
        let entries = state.history.iter().filter(|(id, _)| id == prompt_id);
        Json::Object(entries.map(|(id, entry)| (id.clone(), entry.to_json())).collect())
    }

    pub(super) fn clear_history(&self) {
        self.state().history.clear();
    }

    pub(super) fn forget(&self, prompt_id: &str) {
        self.state().history.retain(|(id, _)| id != prompt_id);
    }

    fn tell(&self, state: &State) {
        self.hub.send("status", object! { "status" => state.info() }, None);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `heapq._siftdown`: moves an item towards the root until its parent is not greater.
fn sift_down(heap: &mut [Arc<Item>], start: usize, mut at: usize) -> Result<(), Incomparable> {
    while at > start {
        let parent = (at - 1) / 2;
        if !heap[at].is_less(&heap[parent])? {
            break;
        }
        heap.swap(at, parent);
        at = parent;
    }
    Ok(())
}

/// `heapq._siftup`: moves an item to a leaf along the smaller children, then back to its place.
fn sift_up(heap: &mut [Arc<Item>], start: usize) {
    let mut at = start;
    while 2 * at + 1 < heap.len() {
        let (left, right) = (2 * at + 1, 2 * at + 2);
        // In the real server an exception would end the worker here; nobody wants that simulated.
        let left_is_less = right >= heap.len() || heap[left].is_less(&heap[right]).unwrap_or(false);
        let child = if left_is_less { left } else { right };
        heap.swap(at, child);
        at = child;
    }
    // As above: incomparable items stay where they are.
    let _ = sift_down(heap, start, at);
}

fn pop(heap: &mut Vec<Arc<Item>>) -> Option<Arc<Item>> {
    let last = heap.pop()?;
    let Some(root) = heap.first_mut() else { return Some(last) };
    let first = std::mem::replace(root, last);
    sift_up(heap, 0);
    Some(first)
}

fn heapify(heap: &mut [Arc<Item>]) {
    for start in (0..heap.len() / 2).rev() {
        sift_up(heap, start);
    }
}

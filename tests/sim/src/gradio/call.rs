//! The life of one call: its place in the queue, its work, and what it tells.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::watch;

use super::{Gradio, dialect::Dialect, functions, lock, wangp};
use crate::{
    json::{Json, list, object},
    ledger::JobState,
};

/// Where messages of a call go.
pub(super) type Tell = Arc<dyn Fn(Json) + Send + Sync>;

/// A call that a client has sent.
pub(super) struct Call {
    pub(super) function: String,
    pub(super) is_generator: bool,
    pub(super) data: Vec<Json>,
    /// Whose it is.
    pub(super) session: String,
    /// Whether it says what on the page has triggered it.
    pub(super) is_triggered: bool,
    /// The server's id of it.
    pub(super) event: String,
    /// Its number in the ledger.
    pub(super) number: u64,
    pub(super) tell: Tell,
    /// Set when nobody listens any more.
    pub(super) gone: watch::Receiver<bool>,
}

/// What others can do to a call.
#[derive(Clone)]
pub(super) struct Control {
    cancelled: Arc<watch::Sender<bool>>,
    pub(super) is_generator: bool,
    is_running: Arc<AtomicBool>,
}

impl Control {
    pub(super) fn is_running(&self) -> bool {
        self.is_running.load(Ordering::Relaxed)
    }

    pub(super) fn cancel(&self) {
        self.cancelled.send_replace(true);
    }
}

/// How the work of a call is interrupted.
enum Interruption {
    Cancelled,
    Gone,
}

/// Tells where a call is in the queue; before 4.9 that comes before its data.
pub(super) fn tell_place(process: &Gradio, tell: &Tell) {
    let place = process.waiting();
    tell(object! { "msg" => "estimation", "rank" => place, "queue_size" => place + 1, "rank_eta" => Json::Null });
}

/// Runs a call from the queue to its end.
pub(super) async fn run(process: Arc<Gradio>, call: Call) {
    let is_running = Arc::new(AtomicBool::new(false));
    let control = Control {
        cancelled: Arc::new(watch::Sender::new(false)),
        is_generator: call.is_generator,
        is_running: Arc::clone(&is_running),
    };
    lock(&process.calls).insert(call.event.clone(), control.clone());
    live(&process, &call, &control).await;
    lock(&process.calls).remove(&call.event);
}

async fn live(process: &Arc<Gradio>, call: &Call, control: &Control) {
    let (book, dialect) = (&process.setup.book, process.app.dialect);
    let mut cancelled = control.cancelled.subscribe();
    let mut gone = call.gone.clone();
    let interrupted = async {
        tokio::select! {
            _ = cancelled.wait_for(|cancelled| *cancelled) => Interruption::Cancelled,
            _ = gone.wait_for(|gone| *gone) => Interruption::Gone,
        }
    };
    tokio::pin!(interrupted);
    process.waiting.fetch_add(1, Ordering::Relaxed);
    let permit = tokio::select! {
        permit = process.workers_of(&call.function).clone().acquire_owned() => permit,
        interruption = &mut interrupted => {
            process.waiting.fetch_sub(1, Ordering::Relaxed);
            book.job_is(call.number, JobState::Cancelled);
            if matches!(interruption, Interruption::Cancelled) {
                tell_end(call, object! {}, true);
            }
            return;
        }
    };
    process.waiting.fetch_sub(1, Ordering::Relaxed);
    control.is_running.store(true, Ordering::Relaxed);
    book.job_is(call.number, JobState::Started);
    (call.tell)(object! { "msg" => "process_starts" });

    let work = functions::run(process, call);
    tokio::pin!(work);
    let interruption = tokio::select! {
        result = &mut work => return finish(process, call, result),
        interruption = &mut interrupted => interruption,
    };
    // Before 4.31 whoever resets a generator is told nothing more.
    let is_told = !matches!(dialect, Dialect::SseV1 | Dialect::SseV2);
    if matches!(interruption, Interruption::Cancelled) && is_told {
        tell_end(call, object! {}, true);
    }
    if call.is_generator && !wangp::outlives_its_stream(&call.function) {
        return book.job_is(call.number, JobState::Cancelled);
    }
    // The thread runs on to its end. The slot is freed at once, except on Gradio 3.
    if !dialect.is_socket() {
        drop(permit);
    }
    let state = if work.await.is_ok() { JobState::Finished } else { JobState::Failed };
    book.job_is(call.number, state);
}

fn finish(process: &Gradio, call: &Call, result: functions::Done) {
    let (dialect, version) = (process.app.dialect, process.app.gradio());
    // What is told is seen by the client, so the ledger is written first.
    let state = if result.is_ok() { JobState::Finished } else { JobState::Failed };
    process.setup.book.job_is(call.number, state);
    match result {
        Ok(values) => {
            let output = object! { "data" => values, "is_generating" => false, "duration" => 0.5 };
            tell_end(call, output, true);
        }
        Err(text) => {
            let text = text.map_or(Json::Null, |text| dialect.error(&text, version));
            tell_end(call, object! { "error" => text }, false);
        }
    }
}

fn tell_end(call: &Call, output: Json, success: bool) {
    (call.tell)(object! { "msg" => "process_completed", "output" => output, "success" => success });
}

/// A bar.
pub(super) fn progress(step: Option<u64>, steps: u64, text: &str) -> Json {
    let bar = match step {
        Some(step) => object! {
            "index" => step, "length" => steps, "unit" => "steps", "progress" => Json::Null, "desc" => text
        },
        None => object! {
            "index" => Json::Null, "length" => Json::Null, "unit" => "steps", "progress" => 0.0, "desc" => text
        },
    };
    object! { "msg" => "progress", "progress_data" => list![bar] }
}

//! What a driver tells while it works: the latest wins, and clients see it at a pace that harms nobody.

use super::{job::Job, pace::Pace, room::Room};
use crate::events::{JobView, Progress};
use mdd_driver_api::{
    abi::{Event, EventKind},
    text::printable,
};
use std::{
    convert::Infallible,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until},
};

/// Views of one job come no faster.
const VIEW_EVERY: Duration = Duration::from_millis(100);
/// Previews come no faster.
const PREVIEW_EVERY: Duration = Duration::from_millis(500);
/// A larger preview is not shown, in bytes.
const MAX_PREVIEW: usize = 16 << 20;
/// Longest text of a driver that is shown, in characters.
const MAX_WORDS: usize = 200;

/// What is new of one job.
#[derive(Debug, Default)]
pub(super) struct News {
    latest: Mutex<Latest>,
    fresh: Notify,
}

#[derive(Debug, Default)]
struct Latest {
    progress: Option<Progress>,
    pace: Pace,
    queue_place: Option<u32>,
    /// Media type and bytes, until they are written.
    preview: Option<(String, Vec<u8>)>,
    note: Option<String>,
}

impl News {
    /// Takes an event of a driver.
    pub(super) fn take(&self, event: Event) {
        let words = || printable(&serde_json::from_str::<String>(&event.payload).unwrap_or_default(), MAX_WORDS);
        let mut latest = self.latest();
        match event.kind {
            EventKind::PROGRESS => {
                let (step, total) = (amount(event.step), amount(event.total));
                let left_ms = latest.pace.left_ms(step, total, Instant::now());
                latest.progress = Some(Progress { step, total, detail: words(), left_ms });
                latest.queue_place = None;
            }
            EventKind::QUEUE => latest.queue_place = Some(amount(event.step) as u32),
            EventKind::PREVIEW if event.blob.len() <= MAX_PREVIEW => {
                latest.preview = Some((words(), event.blob.into_vec()));
            }
            EventKind::LOG => latest.note = Some(words()),
            // Too large, not about jobs, or of a newer driver.
            _ => return,
        }
        drop(latest);
        self.touch();
    }

    /// Something else is new, such as text.
    pub(super) fn touch(&self) {
        self.fresh.notify_one();
    }

    /// A new run begins: what the last one told is no longer true.
    pub(super) fn clear(&self) {
        *self.latest() = Latest::default();
    }

    /// Writes what is known into a view.
    pub(super) fn write_to(&self, view: &mut JobView) {
        let latest = self.latest();
        view.progress.clone_from(&latest.progress);
        view.queue_place = latest.queue_place;
    }

    /// Resolves when something is to be shown.
    async fn due(&self, next_preview: Instant) {
        let has_preview = self.latest().preview.is_some();
        tokio::select! {
            () = self.fresh.notified() => {}
            () = sleep_until(next_preview), if has_preview => {}
        }
    }

    fn latest(&self) -> MutexGuard<'_, Latest> {
        // A panic in a holder leaves whole values: each change is one assignment.
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows what is new of a job, for as long as it is polled.
pub(super) async fn report(room: &Room, job: &Job) -> Infallible {
    let mut next_preview = Instant::now();
    loop {
        job.news.due(next_preview).await;
        let (note, preview) = {
            let mut latest = job.news.latest();
            let is_due = next_preview <= Instant::now();
            (latest.note.take(), if is_due { latest.preview.take() } else { None })
        };
        if let Some(note) = note {
            tracing::info!(job = job.ticket.id, note, "a driver notes");
        }
        if let Some((media_type, bytes)) = preview {
            next_preview = Instant::now() + PREVIEW_EVERY;
            job.show_preview(media_type, bytes).await;
        }
        job.show_news(&room.bus);
        sleep(VIEW_EVERY).await;
    }
}

/// JSON has no other numbers, and amounts are not negative.
fn amount(number: f64) -> f64 {
    if number.is_finite() { number.max(0.0) } else { 0.0 }
}

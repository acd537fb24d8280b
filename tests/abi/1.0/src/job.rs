//! Where a driver reports: the port of a job and the sink of `watch`.

use crate::{
    Request, Result, Stage,
    abi::{Checkpoint, Event, EventKind, EventSinkArc, J, JobPortArc, RString, RVec, Segment},
    model::{Problem, Recipe, ResultMeta, Sample, Saved},
};
use serde::Serialize;

fn event(kind: EventKind) -> Event {
    Event { kind, step: 0.0, total: 0.0, payload: RString::new(), blob: RVec::new() }
}

fn with_payload(kind: EventKind, payload: &impl Serialize) -> Result<Event> {
    Ok(Event { payload: J::encode(payload)?.text().into(), ..event(kind) })
}

/// Where `watch` reports. Every method answers `false` when nobody listens any more.
#[derive(Clone)]
pub struct Sink(EventSinkArc);

impl Sink {
    pub(crate) fn new(sink: EventSinkArc) -> Self {
        Self(sink)
    }

    /// The push channel is alive.
    pub fn status(&self, sample: &Sample) -> bool {
        with_payload(EventKind::STATUS, sample).is_ok_and(|event| self.0.emit(event))
    }

    /// The backend is usable, with a part missing.
    pub fn degraded(&self, problem: &Problem) -> bool {
        with_payload(EventKind::DEGRADED, problem).is_ok_and(|event| self.0.emit(event))
    }

    /// The problem is gone.
    pub fn cleared(&self) -> bool {
        self.0.emit(event(EventKind::CLEARED))
    }

    /// What `inspect` told has changed.
    pub fn changed(&self) -> bool {
        self.0.emit(event(EventKind::CHANGED))
    }
}

/// Everything of one attempt at a job.
#[derive(Clone)]
pub struct Job(JobPortArc);

impl Job {
    pub(crate) fn new(port: JobPortArc) -> Self {
        Self(port)
    }

    /// `step` of `total`; `total` is 0 when unknown. `detail` is shown beside it.
    pub fn progress(&self, step: f64, total: f64, detail: &str) -> bool {
        let payload = J::encode(&detail).map(|text| text.text().into()).unwrap_or_default();
        self.0.emit(Event { step, total, payload, ..event(EventKind::PROGRESS) })
    }

    /// A picture of the work so far.
    pub fn preview(&self, media_type: &str, bytes: Vec<u8>) -> bool {
        let payload = J::encode(&media_type).map(|text| text.text().into()).unwrap_or_default();
        self.0.emit(Event { payload, blob: bytes.into(), ..event(EventKind::PREVIEW) })
    }

    /// Place in the backend's queue, 0 for the next one, and the queue's length.
    pub fn queued(&self, place: u32, length: u32) -> bool {
        self.0.emit(Event { step: place.into(), total: length.into(), ..event(EventKind::QUEUE) })
    }

    /// A line for the job's log.
    pub fn note(&self, line: &str) -> bool {
        with_payload(EventKind::LOG, &line).is_ok_and(|event| self.0.emit(event))
    }

    /// Adds partial text: in order, with back-pressure, kept when the job fails.
    ///
    /// # Errors
    /// `HOST` when it cannot be kept, `CANCELLED` when nobody wants it any more.
    pub async fn append(&self, bytes: impl Into<Vec<u8>>) -> Result<()> {
        self.0.append(RVec::from(bytes.into())).await.into_result()
    }

    /// Writes down where the attempt stands; resolves once that is durable. After an error do not send.
    ///
    /// # Errors
    /// `HOST` when it cannot be written, `LIMIT` for a state of more than 64 KiB.
    pub async fn checkpoint(&self, stage: Stage, remote_id: &str, state: &impl Serialize) -> Result<()> {
        let state = J::encode(state)?.text().into();
        self.0.checkpoint(Checkpoint { stage, remote_id: remote_id.into(), state }).await.into_result()
    }

    /// Downloads a result into the job's folder.
    ///
    /// # Errors
    /// `REJECTED` with its status for an answer that is not 2xx, `TRANSPORT`, `TIMEOUT`, `LIMIT`.
    pub async fn download(&self, request: Request, meta: &ResultMeta) -> Result<Saved> {
        self.0.download(request.into_abi(), J::encode(meta)?).await.into_result()?.decode()
    }

    /// Saves a small result.
    ///
    /// # Errors
    /// `HOST` when it cannot be written.
    pub async fn put(&self, meta: &ResultMeta, segments: Vec<Segment>) -> Result<Saved> {
        self.0.put(J::encode(meta)?, segments.into()).await.into_result()?.decode()
    }

    /// Makes a result by a recipe of the host.
    ///
    /// # Errors
    /// `UNSUPPORTED` for a recipe that this host does not have, `PROTOCOL` for input that it cannot read.
    pub async fn derive(&self, recipe: &Recipe) -> Result<Saved> {
        self.0.derive(J::encode(recipe)?).await.into_result()?.decode()
    }

    /// Resolves when the user cancels; at once when that has happened.
    pub async fn cancelled(&self) {
        self.0.cancelled().await;
    }

    /// Whether the user has cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

//! The port of one run, which writes everything down and can be told to refuse, to wait or to stop.

use crate::{
    clock::Clock,
    host::{Host, payload, wrapped},
    service::{Seen, Service},
};
use mdd_driver_api::{
    DriverError, ErrorKind, Stage,
    abi::{Body, Checkpoint, Event, FfiFuture, Fut, FutureExt as _, HttpRequest, J, JobPort, JobPortArc, RVec},
    model::{Recipe, ResultMeta, Resume, Saved},
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};

/// How long a journal takes.
const DURABLE_AFTER_MS: u64 = 100;
/// Most of a checkpoint, in bytes.
const MAX_STATE: usize = 64 * 1024;
/// The recipes that a host has.
pub(crate) const RECIPES: [&str; 2] = ["zip/1", "audio-track/1"];

/// One job. Cloning is cheap; every clone is the same port.
#[derive(Clone)]
pub(crate) struct Port(Arc<Parts>);

struct Parts {
    clock: Clock,
    service: Service,
    host: Host,
    journal: Journal,
    notes: Mutex<Notes>,
}

/// What becomes of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Journal {
    /// It is written after a while.
    Works,
    /// None from this stage on can be written.
    Refuses(Stage),
    /// It is written, and whoever waits for it at this stage is let go of.
    Halts(Stage),
}

/// What a driver told.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) checkpoints: Vec<Noted>,
    pub(crate) text: Vec<u8>,
    pub(crate) results: BTreeMap<String, Saved>,
    is_cancelled: bool,
    wakers: Vec<Waker>,
    saved: usize,
}

/// A checkpoint with its time.
#[derive(Debug, Clone)]
pub(crate) struct Noted {
    pub(crate) stage: Stage,
    remote_id: String,
    pub(crate) state: Value,
    at_ms: u64,
}

impl Noted {
    /// As it comes back.
    pub(crate) fn resume(&self, now_ms: u64, same_boot: Option<bool>) -> Resume {
        let mut resume = Resume::default();
        resume.stage = self.stage.0;
        resume.remote_id.clone_from(&self.remote_id);
        resume.state = self.state.clone();
        resume.age_ms = now_ms.saturating_sub(self.at_ms);
        resume.same_boot = same_boot;
        resume
    }
}

impl Port {
    pub(crate) fn new(clock: &Clock, service: &Service, host: &Host, journal: Journal) -> Self {
        let (clock, service, host) = (clock.clone(), service.clone(), host.clone());
        Self(Arc::new(Parts { clock, service, host, journal, notes: Mutex::default() }))
    }

    pub(crate) fn object(&self) -> JobPortArc {
        JobPortArc::of(self.clone())
    }

    pub(crate) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn cancel(&self) {
        let wakers = {
            let mut notes = self.notes();
            notes.is_cancelled = true;
            std::mem::take(&mut notes.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    fn save(&self, meta: &ResultMeta, bytes: u64) -> Saved {
        let mut notes = self.notes();
        notes.saved += 1;
        let mut saved = Saved::default();
        saved.name = format!("{}-{}", notes.saved, meta.name);
        saved.handle = format!("handle-{}", notes.saved);
        saved.role.clone_from(&meta.role);
        saved.bytes = bytes;
        saved.sha256 = "0".repeat(64);
        if !meta.scratch {
            notes.results.insert(saved.name.clone(), saved.clone());
        }
        saved
    }
}

impl JobPort for Port {
    fn emit(&self, _event: Event) -> bool {
        true
    }

    fn append(&self, bytes: RVec<u8>) -> Fut<()> {
        let port = self.clone();
        wrapped(async move {
            port.notes().text.extend_from_slice(&bytes);
            Ok(())
        })
    }

    fn checkpoint(&self, checkpoint: Checkpoint) -> Fut<()> {
        let port = self.clone();
        wrapped(async move {
            let Parts { clock, service, journal, .. } = &*port.0;
            let Checkpoint { stage, remote_id, state } = checkpoint;
            service.note(Seen::CheckpointAsked(stage));
            clock.sleep(DURABLE_AFTER_MS).await;
            if let Journal::Refuses(from) = journal
                && stage.0 >= from.0
            {
                return Err(DriverError::new(ErrorKind::HOST, "the journal cannot be written"));
            }
            if remote_id.len() + state.len() > MAX_STATE {
                return Err(DriverError::new(ErrorKind::LIMIT, "a checkpoint has at most 65536 bytes"));
            }
            let state = serde_json::from_str(&state).unwrap_or_default();
            port.notes().checkpoints.push(Noted { stage, remote_id: remote_id.into(), state, at_ms: clock.now_ms() });
            service.note(Seen::Durable(stage));
            if *journal == Journal::Halts(stage) {
                return clock.never().await;
            }
            Ok(())
        })
    }

    fn download(&self, request: HttpRequest, meta: J<ResultMeta>) -> Fut<J<Saved>> {
        let port = self.clone();
        wrapped(async move {
            let meta = meta.decode()?;
            let (status, body) = port.0.host.download(request).await?;
            if !(200..300).contains(&status) {
                let text = format!("the download was answered with HTTP {status}");
                return Err(DriverError::new(ErrorKind::REJECTED, text).with_status(status));
            }
            J::encode(&port.save(&meta, body.len() as u64))
        })
    }

    fn put(&self, meta: J<ResultMeta>, body: Body) -> Fut<J<Saved>> {
        let port = self.clone();
        wrapped(async move { J::encode(&port.save(&meta.decode()?, payload(&body).len() as u64)) })
    }

    fn derive(&self, recipe: J<Recipe>) -> Fut<J<Saved>> {
        let port = self.clone();
        wrapped(async move {
            let recipe = recipe.decode()?;
            if !RECIPES.contains(&recipe.recipe.as_str()) {
                return Err(DriverError::unsupported(&recipe.recipe));
            }
            J::encode(&port.save(&recipe.result, 1))
        })
    }

    fn cancelled(&self) -> FfiFuture<()> {
        let port = self.clone();
        async move {
            let waiting = std::future::poll_fn(|cx| {
                let mut notes = port.notes();
                if notes.is_cancelled {
                    return Poll::Ready(());
                }
                notes.wakers.push(cx.waker().clone());
                Poll::Pending
            });
            // It may never happen, and that is no fault of who waits.
            port.0.clock.endless(waiting).await;
        }
        .into_ffi()
    }

    fn is_cancelled(&self) -> bool {
        self.notes().is_cancelled
    }
}

//! What has come of a body so far.

use super::{Downloaded, space};
use crate::transport::Failure;
use bytes::Bytes;
use reqwest::header::{ETAG, HeaderMap, HeaderValue};
use sha2::{Digest as _, Sha256};
use std::{
    fs::File,
    io::{self, Seek as _, SeekFrom, Write as _},
};
use tokio::{
    sync::mpsc,
    task::{JoinHandle, spawn_blocking},
};

/// Pieces that wait for the disk.
const WAITING: usize = 8;
/// How often it is looked whether the disk has room, in bytes.
const LOOK_EVERY: u64 = 32 << 20;

/// A body that may not be complete.
pub(super) struct Part {
    /// `None` while it is being written.
    state: Option<State>,
    /// Its length.
    pub(super) bytes: u64,
    /// How long it will be.
    whole: Option<u64>,
    /// What the service calls just this body.
    validator: Option<HeaderValue>,
}

struct State {
    file: File,
    hash: Sha256,
}

/// A body that is coming.
pub(super) struct Writing {
    pieces: mpsc::Sender<Bytes>,
    writer: JoinHandle<(State, Result<(), Failure>)>,
    /// Its length when all that was taken is written.
    bytes: u64,
    looked_at: u64,
    /// A handle for questions about the disk.
    disk: File,
}

impl Part {
    pub(super) fn new(file: File) -> Self {
        Self { state: Some(State { file, hash: Sha256::new() }), bytes: 0, whole: None, validator: None }
    }

    /// Whether the rest of the same body can be asked for.
    pub(super) fn may_go_on(&self) -> bool {
        self.validator.is_some() && self.state.is_some()
    }

    pub(super) fn validator(&self) -> Option<&HeaderValue> {
        self.validator.as_ref()
    }

    /// The head of an answer has come, and with it what the rest is.
    pub(super) fn begin(&mut self, headers: &HeaderMap, rest: Option<u64>) {
        self.whole = rest.map(|rest| self.bytes.saturating_add(rest));
        // A weak one stands for bodies that are only alike.
        let strong = headers.get(ETAG).filter(|tag| tag.as_bytes().starts_with(b"\""));
        self.validator = strong.cloned();
    }

    pub(super) fn is_short(&self) -> bool {
        self.whole.is_some_and(|whole| whole != self.bytes)
    }

    /// What has come is of no use.
    pub(super) fn start_over(&mut self) -> Result<(), Failure> {
        let state = self.state.as_mut().ok_or_else(lost)?;
        state.file.set_len(0).and_then(|()| state.file.seek(SeekFrom::Start(0))).map_err(unwritten)?;
        state.hash = Sha256::new();
        (self.bytes, self.whole, self.validator) = (0, None, None);
        Ok(())
    }

    /// Begins to write what comes.
    pub(super) fn write(&mut self) -> Result<Writing, Failure> {
        let disk = self.state.as_ref().ok_or_else(lost)?.file.try_clone().map_err(unwritten)?;
        space::check(&disk, self.whole.map_or(0, |whole| whole - self.bytes))?;
        let mut state = self.state.take().ok_or_else(lost)?;
        let (pieces, mut waiting) = mpsc::channel::<Bytes>(WAITING);
        let writer = spawn_blocking(move || {
            while let Some(piece) = waiting.blocking_recv() {
                if let Err(error) = state.file.write_all(&piece) {
                    return (state, Err(unwritten(error)));
                }
                state.hash.update(&piece);
            }
            (state, Ok(()))
        });
        Ok(Writing { pieces, writer, bytes: self.bytes, looked_at: self.bytes, disk })
    }

    /// Nothing more comes.
    pub(super) async fn written(&mut self, writing: Writing) -> Result<(), Failure> {
        let Writing { pieces, writer, bytes, .. } = writing;
        drop(pieces);
        let (state, result) = writer.await.map_err(|error| Failure::Host(error.to_string()))?;
        result?;
        (self.state, self.bytes) = (Some(state), bytes);
        Ok(())
    }

    /// All of it is there: makes it durable.
    pub(super) async fn finish(&mut self) -> Result<Downloaded, Failure> {
        let State { file, hash } = self.state.take().ok_or_else(lost)?;
        let synced = spawn_blocking(move || file.sync_all()).await;
        synced.map_err(io::Error::other).flatten().map_err(unwritten)?;
        let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Downloaded { bytes: self.bytes, sha256 })
    }
}

impl Writing {
    /// Takes the next piece; false when nothing can be written any more.
    pub(super) async fn take(&mut self, piece: Bytes, max_bytes: u64) -> Result<bool, Failure> {
        let bytes = self.bytes + piece.len() as u64;
        if bytes > max_bytes {
            return Err(Failure::AnswerTooLarge(max_bytes));
        }
        if bytes - self.looked_at >= LOOK_EVERY {
            self.looked_at = bytes;
            space::check(&self.disk, LOOK_EVERY)?;
        }
        let taken = self.pieces.send(piece).await.is_ok();
        if taken {
            self.bytes = bytes;
        }
        Ok(taken)
    }
}

fn unwritten(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Failure::DiskFull { wanted: 0, free: 0 },
        kind => Failure::Host(format!("the result cannot be written: {kind}")),
    }
}

fn lost() -> Failure {
    Failure::Host("what has come of the result is lost".to_owned())
}

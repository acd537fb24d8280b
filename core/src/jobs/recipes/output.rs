//! Where a recipe writes: with a limit, and only as long as somebody waits.

use super::RecipeError;
use std::{
    fs::File,
    io::{self, Seek, SeekFrom, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// How far a recipe may go.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Longest result, in bytes.
    pub max_bytes: u64,
    /// Set when nobody waits for the result any more.
    pub let_go: Arc<AtomicBool>,
}

/// A result that is being written.
pub(super) struct Output<'a> {
    file: &'a mut File,
    limits: &'a Limits,
    place: u64,
    refused: bool,
}

impl<'a> Output<'a> {
    pub(super) fn new(file: &'a mut File, limits: &'a Limits) -> Self {
        Self { file, limits, place: 0, refused: false }
    }

    pub(super) fn max_bytes(&self) -> u64 {
        self.limits.max_bytes
    }

    /// Why a write was refused.
    pub(super) fn refusal(&self) -> Option<RecipeError> {
        let refusal = if self.limits.let_go.load(Ordering::Relaxed) {
            RecipeError::LetGo
        } else {
            RecipeError::TooLong(self.limits.max_bytes)
        };
        self.refused.then_some(refusal)
    }
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let end = self.place.saturating_add(bytes.len() as u64);
        if end > self.limits.max_bytes || self.limits.let_go.load(Ordering::Relaxed) {
            self.refused = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let written = self.file.write(bytes)?;
        self.place += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for Output<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.place = self.file.seek(to)?;
        Ok(self.place)
    }
}

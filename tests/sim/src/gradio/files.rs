//! What the process has on its disk.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;

use super::app::App;
use crate::uuid;

/// A second of sound: two channels would be the same.
const WAV_HEAD: &[u8] = b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\x3e\x00\x00\x00\x7d\x00\x00\x02\x00\x10\x00data\x00\x00\x00\x00";

/// Files by their paths.
pub(super) struct Files {
    saved: Mutex<HashMap<String, Bytes>>,
    folder: &'static str,
}

impl Files {
    pub(super) fn new(app: &App) -> Self {
        let folder = if app.dialect.is_socket() { "/srv/tmp" } else { "/srv/app/gradio_tmp" };
        Self { saved: Mutex::default(), folder }
    }

    /// Writes a file and returns its path.
    pub(super) fn save(&self, name: &str, bytes: impl Into<Bytes>) -> String {
        let path = format!("{}/{}/{name}", self.folder, uuid::hex());
        self.lock().insert(path.clone(), bytes.into());
        path
    }

    /// A sound that carries a note.
    pub(super) fn save_sound(&self, name: &str, note: &[u8]) -> String {
        self.save(name, [WAV_HEAD, note].concat())
    }

    pub(super) fn read(&self, path: &str) -> Option<Bytes> {
        self.lock().get(path).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Bytes>> {
        self.saved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

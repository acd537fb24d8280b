//! Text that a service writes bit by bit: all of it in a file, its end in memory.

use mdd_driver_api::{DriverError, ErrorKind};
use std::{
    fs::OpenOptions,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::{fs::File, io::AsyncWriteExt as _, sync};

/// No job writes more, in bytes.
const MAX_BYTES: u64 = 64 << 20;
/// What clients see of a text, in bytes.
const SHOWN: usize = 64 * 1024;
/// What they see of one that still grows: it is shown again and again.
const SHOWN_GROWING: usize = 16 * 1024;

/// The text of one job.
#[derive(Debug)]
pub(super) struct Text {
    path: PathBuf,
    /// Opened by the first bytes. Its lock keeps appends in order, and is the back-pressure.
    writer: sync::Mutex<Option<Writer>>,
    tail: Mutex<Tail>,
}

#[derive(Debug)]
struct Writer {
    file: File,
    bytes: u64,
}

#[derive(Debug, Default)]
struct Tail {
    bytes: Vec<u8>,
    /// Whether something came before.
    cut: bool,
}

impl Text {
    /// The text in that file, which need not exist.
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path, writer: sync::Mutex::default(), tail: Mutex::default() }
    }

    /// Adds bytes at the end.
    ///
    /// # Errors
    /// `LIMIT` when it becomes too long, `HOST` when it cannot be written.
    pub(super) async fn append(&self, bytes: &[u8]) -> Result<(), DriverError> {
        let unwritten = |error: io::Error| {
            DriverError::new(ErrorKind::HOST, format!("the text cannot be written: {}", error.kind()))
        };
        let mut slot = self.writer.lock().await;
        let writer = match &mut *slot {
            Some(writer) => writer,
            None => slot.insert(self.open().await.map_err(unwritten)?),
        };
        if writer.bytes + bytes.len() as u64 > MAX_BYTES {
            return Err(DriverError::new(ErrorKind::LIMIT, format!("the text is over {MAX_BYTES} bytes")));
        }
        writer.file.write_all(bytes).await.map_err(unwritten)?;
        // It is held back in memory otherwise, and errors with it.
        writer.file.flush().await.map_err(unwritten)?;
        writer.bytes += bytes.len() as u64;
        self.tail().push(bytes);
        Ok(())
    }

    /// A new attempt begins with an empty text.
    pub(super) async fn clear(&self) -> io::Result<()> {
        let mut slot = self.writer.lock().await;
        *slot = None;
        *self.tail() = Tail::default();
        match tokio::fs::remove_file(&self.path).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Makes what was written durable.
    pub(super) async fn sync(&self) -> io::Result<()> {
        match &mut *self.writer.lock().await {
            Some(writer) => writer.file.sync_all().await,
            None => Ok(()),
        }
    }

    /// What clients see, `None` while there is nothing.
    pub(super) fn shown(&self, growing: bool) -> Option<String> {
        self.tail().shown(if growing { SHOWN_GROWING } else { SHOWN })
    }

    /// Reads what an earlier process has left. May block.
    pub(super) fn recall(&self) -> io::Result<()> {
        let mut file = match std::fs::File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let from = file.metadata()?.len().saturating_sub(SHOWN as u64);
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(SHOWN as u64).read_to_end(&mut bytes)?;
        *self.tail() = Tail { bytes, cut: from > 0 };
        Ok(())
    }

    async fn open(&self) -> io::Result<Writer> {
        let path = self.path.clone();
        let opening = tokio::task::spawn_blocking(move || OpenOptions::new().append(true).create(true).open(path));
        let file = File::from_std(opening.await.map_err(io::Error::other)??);
        let bytes = file.metadata().await?.len();
        Ok(Writer { file, bytes })
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tail {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        // Twice as much is kept, so that not every piece moves all of it.
        if self.bytes.len() > 2 * SHOWN {
            self.bytes.drain(..self.bytes.len() - SHOWN);
            self.cut = true;
        }
    }

    fn shown(&self, most: usize) -> Option<String> {
        if self.bytes.is_empty() {
            return None;
        }
        let from = self.bytes.len().saturating_sub(most);
        let mut end = &self.bytes[from..];
        if from > 0 || self.cut {
            // Not in the middle of a character.
            let whole = end.iter().take(3).take_while(|&&byte| byte & 0xc0 == 0x80).count();
            end = &end[whole..];
        }
        if let Err(error) = std::str::from_utf8(end)
            && error.error_len().is_none()
        {
            // The rest of its last character has not come yet.
            end = &end[..error.valid_up_to()];
        }
        Some(String::from_utf8_lossy(end).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_BYTES, SHOWN, SHOWN_GROWING, Text};
    use mdd_driver_api::ErrorKind;

    fn text() -> (tempfile::TempDir, Text) {
        let folder = tempfile::tempdir().unwrap();
        let text = Text::at(folder.path().join("text.txt"));
        (folder, text)
    }

    #[tokio::test]
    async fn it_grows_in_order_and_never_shows_half_a_character() {
        let (folder, text) = text();
        assert_eq!(text.shown(true), None);
        let (first, second) = "grün".as_bytes().split_at(3);
        text.append(first).await.unwrap();
        assert_eq!(text.shown(true).unwrap(), "gr");
        text.append(second).await.unwrap();
        assert_eq!(text.shown(true).unwrap(), "grün");
        text.append(&[0xff, b'!']).await.unwrap();
        assert_eq!(text.shown(true).unwrap(), "grün\u{fffd}!");
        assert_eq!(std::fs::read(folder.path().join("text.txt")).unwrap(), b"gr\xc3\xbcn\xff!");
    }

    #[tokio::test]
    async fn only_its_end_is_shown() {
        let (folder, text) = text();
        for _ in 0..5 {
            text.append("ä".repeat(SHOWN / 4).as_bytes()).await.unwrap();
        }
        text.append(b"x").await.unwrap();
        for (growing, most) in [(true, SHOWN_GROWING), (false, SHOWN)] {
            let shown = text.shown(growing).unwrap();
            assert!(shown.len() <= most && shown.len() > most - 4, "{}", shown.len());
            assert!(shown.starts_with('ä') && shown.ends_with("äx"));
        }
        let again = Text::at(folder.path().join("text.txt"));
        again.recall().unwrap();
        assert_eq!(again.shown(false), text.shown(false));
    }

    #[tokio::test]
    async fn too_long_a_text_is_refused_and_what_came_is_kept() {
        let (folder, text) = text();
        text.append(b"kept").await.unwrap();
        let error = text.append(&vec![b'x'; MAX_BYTES as usize]).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::LIMIT);
        assert_eq!(text.shown(false).unwrap(), "kept");
        text.clear().await.unwrap();
        assert_eq!(text.shown(false), None);
        assert!(!folder.path().join("text.txt").exists());
        text.append(b"new").await.unwrap();
        assert_eq!(text.shown(false).unwrap(), "new");
    }

    #[tokio::test]
    async fn a_text_that_cannot_be_written_is_a_fault_of_the_host() {
        let folder = tempfile::tempdir().unwrap();
        let text = Text::at(folder.path().join("gone").join("text.txt"));
        assert_eq!(text.append(b"x").await.unwrap_err().kind, ErrorKind::HOST);
        assert_eq!(text.shown(true), None);
    }
}

//! The folder of one job: its files, its results, and what is shown of it while it runs.

use super::{media, names, record::FileRecord};
use crate::private_folder;
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// What is read of a file at a time, in bytes.
const PIECE: usize = 256 * 1024;
/// How names of files begin that are being written. No result is ever named so.
const PART: &str = ".part-";
/// More files of one name are a mistake.
const MAX_NUMBER: u32 = 10_000;

/// A job's folder. Every call may block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JobFolder(PathBuf);

impl JobFolder {
    /// One that exists.
    pub(super) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// Makes a folder for the job of that id. Somebody else's folder of that name is left alone.
    ///
    /// It is not durable before there is something in it: an empty one that a power cut has taken is made
    /// [again](Self::sweep), and a job is accepted without waiting for more than the journal.
    pub(super) fn create(jobs: &Path, id: &str) -> io::Result<Self> {
        private_folder::create(jobs)?;
        let wanted = names::safe(id);
        for number in 1..=MAX_NUMBER {
            let folder = Self(jobs.join(names::numbered(&wanted, number)));
            match private_folder::create_new(&folder.0) {
                Ok(()) => {
                    private_folder::create_new(&folder.results())?;
                    return Ok(folder);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Where it is, for the journal: the whole path, or below the folder of all jobs where that is no plain text.
    pub(super) fn place(&self) -> String {
        let name = || self.0.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.0.to_str().map_or_else(name, str::to_owned)
    }

    /// Where the job's own files are.
    pub(super) fn files(&self) -> PathBuf {
        self.0.join("files")
    }

    /// Where results go.
    pub(super) fn results(&self) -> PathBuf {
        self.0.join("results")
    }

    /// The text that the service writes.
    pub(super) fn text(&self) -> PathBuf {
        self.0.join("text.txt")
    }

    /// Copies a file of the user's, so that it stays as it was when the job was accepted.
    pub(super) fn copy_in(&self, name: &str, source: &Path) -> io::Result<FileRecord> {
        let mut from = open(source)?;
        let wanted = names::safe(&source.file_name().unwrap_or_default().to_string_lossy());
        private_folder::create(&self.files())?;
        let (mut to, file) = create_numbered(&self.files(), &wanted)?;
        let (bytes, sha256) = copy(&mut from, &mut to)?;
        to.sync_all()?;
        Ok(FileRecord { name: name.to_owned(), file, bytes, media_type: media::type_of(source).to_owned(), sha256 })
    }

    /// Writes the latest preview in place of the one before, and says where.
    pub(super) fn write_preview(&self, media_type: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        let path = self.0.join("preview").with_extension(media::preview_extension(media_type));
        let mut part = tempfile::Builder::new().prefix(PART).tempfile_in(&self.0)?;
        part.write_all(bytes)?;
        part.persist(&path)?;
        Ok(path)
    }

    /// Makes the entries of the job's own files as durable as they are.
    pub(super) fn sync(&self) -> io::Result<()> {
        sync_up(&self.files())
    }

    /// Removes what an earlier process was writing when it ended, and makes the folder again if it is gone.
    pub(super) fn sweep(&self) -> io::Result<()> {
        private_folder::create(&self.results())?;
        for folder in [&self.0, &self.results()] {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                if entry.file_name().to_string_lossy().starts_with(PART) {
                    unless_gone(fs::remove_file(entry.path()))?;
                }
            }
        }
        Ok(())
    }

    /// Removes what the job worked with, and what it made only when `results` is set.
    pub(super) fn discard(&self, results: bool) -> io::Result<()> {
        if results {
            return unless_gone(fs::remove_dir_all(&self.0));
        }
        unless_gone(fs::remove_dir_all(self.files()))?;
        if !self.0.exists() {
            return Ok(());
        }
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with("preview.") || name.starts_with(PART) {
                fs::remove_file(entry.path())?;
            }
        }
        // What still holds something is a result, and stays.
        let _kept = fs::remove_dir(self.results()).and_then(|()| fs::remove_dir(&self.0));
        Ok(())
    }
}

/// A result that is being written. Dropped before it is kept, it leaves nothing behind.
pub(super) fn part(results: &Path) -> io::Result<tempfile::NamedTempFile> {
    // A link in place of our folder would lead elsewhere.
    if !fs::symlink_metadata(results)?.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotADirectory, "the folder for results was replaced"));
    }
    tempfile::Builder::new().prefix(PART).tempfile_in(results)
}

/// A result whose bytes are complete.
pub(super) struct Complete {
    pub(super) part: tempfile::NamedTempFile,
    /// Length.
    pub(super) bytes: u64,
    /// Lowercase hex.
    pub(super) sha256: String,
}

/// Gives a complete result its name: the wanted one, or the next with a number. Nothing that exists is replaced or
/// followed. `taken` are the [keys](names::key) of names that are not free even where the system could tell them apart.
pub(super) fn keep(complete: Complete, results: &Path, wanted: &str, taken: &BTreeSet<String>) -> io::Result<String> {
    let Complete { mut part, bytes, sha256 } = complete;
    part.as_file().sync_all()?;
    for number in 1..=MAX_NUMBER {
        let name = names::numbered(wanted, number);
        if taken.contains(&names::key(&name)) {
            continue;
        }
        match part.persist_noclobber(results.join(&name)) {
            Ok(_) => {
                sync_up(results)?;
                return Ok(name);
            }
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => part = error.file,
            Err(error) => return Err(error.error),
        }
        // An earlier process may have ended after it had named the very same result, and before it wrote that down.
        if is_file_of(&results.join(&name), bytes, &sha256) {
            return Ok(name);
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn is_file_of(path: &Path, bytes: u64, sha256: &str) -> bool {
    let is_file = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() == bytes);
    is_file && measure(path).is_ok_and(|(_, measured)| measured == sha256)
}

/// Length and SHA-256 of a file.
pub(super) fn measure(path: &Path) -> io::Result<(u64, String)> {
    copy(&mut open(path)?, &mut io::sink())
}

/// Opens a file of the user's.
fn open(path: &Path) -> io::Result<File> {
    let refused = |text| Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    if !path.is_absolute() {
        // The host is in another folder than its clients.
        return refused("its path is not absolute");
    }
    // Opening anything else could block for ever.
    if !fs::metadata(path)?.is_file() {
        return refused("it is no regular file");
    }
    File::open(path)
}

/// Copies all of it and says its length and SHA-256.
pub(super) fn copy(from: &mut impl io::Read, to: &mut impl io::Write) -> io::Result<(u64, String)> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE];
    let mut bytes = 0;
    loop {
        let len = match from.read(&mut piece) {
            Ok(0) => return Ok((bytes, hex(&hash.finalize()))),
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(&piece[..len]);
        to.write_all(&piece[..len])?;
        bytes += len as u64;
    }
}

/// Lowercase hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn create_numbered(folder: &Path, wanted: &str) -> io::Result<(File, String)> {
    for number in 1..=MAX_NUMBER {
        let name = names::numbered(wanted, number);
        match File::create_new(folder.join(&name)) {
            Ok(file) => return Ok((file, name)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// What is gone already need not be removed.
fn unless_gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Makes the entries of a folder within a job's durable, and the way there.
fn sync_up(within: &Path) -> io::Result<()> {
    within.ancestors().take(3).try_for_each(sync_folder)
}

#[cfg(unix)]
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Windows has no such call: its journal orders the entries.
#[cfg(not(unix))]
pub(super) fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests;

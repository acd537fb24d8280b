//! Opening the file: durable, whole, ours and in today's form; else it is set aside, and another one is begun.

use super::migrations;
use crate::jobs::{folder::sync_folder, journal::SetAside};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

/// Marks the file as ours: "mddj".
const APPLICATION_ID: i32 = 0x6d64_646a;
/// Somebody who looks inside may be in the way for a moment.
const PATIENCE: Duration = Duration::from_secs(5);
/// Of the log that SQLite writes before it changes the file, in bytes.
const LONGEST_LOG: u64 = 8 << 20;
/// What belongs to the file, by the ends of their names.
const PARTS: [&str; 3] = ["", "-wal", "-shm"];

/// An open file.
pub(super) struct Opened {
    pub(super) file: Connection,
    /// The one that was there before and could not be read.
    pub(super) set_aside: Option<SetAside>,
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("{0}")]
    Damaged(String),
    #[error("its version is {version} and this host knows {known}: a newer mdd-host has written it")]
    Newer { version: usize, known: usize },
    #[error("the damaged file cannot be set aside: {0}")]
    Kept(io::Error),
}

/// Opens the file, or makes one. `check` says whether to read all of it to see that it is whole.
pub(super) fn open(path: &Path, check: bool) -> Result<Opened, OpenError> {
    match open_whole(path, check) {
        Ok(file) => Ok(Opened { file, set_aside: None }),
        Err(error) => {
            let Some(why) = damage(&error) else { return Err(error) };
            let aside = set_aside(path).map_err(OpenError::Kept)?;
            tracing::error!(why, aside = %aside.display(), "the journal cannot be read and was set aside");
            Ok(Opened { file: open_whole(path, false)?, set_aside: Some(SetAside { path: aside, why }) })
        }
    }
}

/// Opens the file to look at it, beside whoever writes it; `None` where there is none, or none that was ever written.
pub(super) fn open_to_read(path: &Path) -> Result<Option<Connection>, OpenError> {
    if !path.exists() {
        return Ok(None);
    }
    let file = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    file.busy_timeout(PATIENCE)?;
    let owner: i32 = file.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: usize = file.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = migrations::STEPS.len();
    match version {
        0 => Ok(None),
        _ if owner != APPLICATION_ID => Err(OpenError::Damaged("another program has written it".to_owned())),
        _ if version > known => Err(OpenError::Newer { version, known }),
        _ => Ok(Some(file)),
    }
}

/// What is wrong with the file itself; `None` when it is something else.
pub(super) fn damage(error: &OpenError) -> Option<String> {
    match error {
        OpenError::Damaged(why) => Some(why.clone()),
        OpenError::Sqlite(rusqlite::Error::SqliteFailure(failure, _)) => match failure.code {
            ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt => Some(error.to_string()),
            _ => None,
        },
        OpenError::Sqlite(_) | OpenError::Newer { .. } | OpenError::Kept(_) => None,
    }
}

fn open_whole(path: &Path, check: bool) -> Result<Connection, OpenError> {
    private(path);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut file = Connection::open_with_flags(path, flags)?;
    file.busy_timeout(PATIENCE)?;
    let journal: String = file.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if journal != "wal" {
        tracing::warn!(journal, "the journal's folder allows no write-ahead log; it is slower so");
    }
    file.pragma_update(None, "synchronous", durability())?;
    file.pragma_update(None, "journal_size_limit", LONGEST_LOG)?;
    let owner: i32 = file.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let is_new = file.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get::<_, bool>(0))?;
    if is_new {
        file.pragma_update(None, "application_id", APPLICATION_ID)?;
    } else if owner != APPLICATION_ID {
        return Err(OpenError::Damaged("another program has written it".to_owned()));
    } else if check {
        let found: String = file.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        if found != "ok" {
            return Err(OpenError::Damaged(found));
        }
    }
    migrations::migrate(&mut file, migrations::STEPS)?;
    Ok(file)
}

/// `FULL`: what is committed survives the loss of power. Tests take it back to see that they would notice.
fn durability() -> &'static str {
    match cfg!(debug_assertions) && std::env::var_os("MDD_TEST_JOURNAL_OFF").is_some() {
        true => "OFF",
        false => "FULL",
    }
}

/// Makes the file for this user alone before anything is in it.
fn private(path: &Path) {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // It exists, or SQLite says why it cannot. It syncs the names of its logs, and leaves this one to us.
    let _exists = options.open(path).and_then(|_| path.parent().map_or(Ok(()), sync_folder));
}

/// Gives the file and what belongs to it another name, and says which.
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    for number in 1.. {
        let aside = with_end(path, &format!(".damaged-{number}"));
        if PARTS.iter().any(|part| with_end(&aside, part).symlink_metadata().is_ok()) {
            continue;
        }
        // The file comes last: until then it is tried again.
        for part in PARTS.iter().rev() {
            match fs::rename(with_end(path, part), with_end(&aside, part)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && !part.is_empty() => {}
                renamed => renamed?,
            }
        }
        return Ok(aside);
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}

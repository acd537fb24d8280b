//! The histories of all backends, and the small file in which they outlive the host.

use super::{
    Checks, ErrorView, HealthView, History,
    history::{KEPT_ERRORS, RINGS},
    ring::Span,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};
use tokio::time::Instant;

/// A larger file is none of ours.
const MAX_FILE: u64 = 64 << 20;
/// Changes when an older host could not read the file.
const VERSION: u32 = 1;
/// A clock that has run longer was not ours: a century.
const MAX_CLOCK: u64 = 100 * 366 * 86_400_000;
/// Backends that are kept without being known in this session: the newest.
const KEPT_BACKENDS: usize = 64;

/// All histories. Cloning is cheap.
#[derive(Clone, Default)]
pub struct Records(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// `None` keeps nothing.
    file: Option<PathBuf>,
    histories: Mutex<BTreeMap<String, Record>>,
}

/// The history of one backend. Cloning is cheap.
#[derive(Clone)]
pub struct Record(Arc<Mutex<History>>);

impl Record {
    /// The history, for as long as the guard lives.
    pub fn history(&self) -> MutexGuard<'_, History> {
        // A panic in a holder leaves figures that are a little wrong at worst.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    /// Milliseconds since 1970.
    saved: u64,
    backends: BTreeMap<String, Kept>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    /// Milliseconds on the clock of the rings.
    clock: u64,
    rings: [Vec<KeptSpan>; 3],
    errors: Vec<ErrorView>,
}

/// Position, known and usable milliseconds, answers and their microseconds.
type KeptSpan = (u64, u64, u64, u32, u64);

impl Records {
    /// Those of the last host that used this file. A file that cannot be read costs only history.
    pub fn load(file: PathBuf) -> Self {
        let histories = match read(&file) {
            Ok(histories) => histories,
            Err(error) => {
                tracing::warn!(file = %file.display(), %error, "the history of the services begins anew");
                BTreeMap::new()
            }
        };
        Self(Arc::new(Inner { file: Some(file), histories: Mutex::new(histories) }))
    }

    /// The history of a backend, which is new if nothing is kept of it.
    pub fn of(&self, id: &str) -> Record {
        let fresh = || Record(Arc::new(Mutex::new(History::new(Instant::now()))));
        self.histories().entry(id.to_owned()).or_insert_with(fresh).clone()
    }

    /// Everything that is kept of a backend.
    pub fn view(&self, id: &str) -> Option<HealthView> {
        let record = self.histories().get(id)?.clone();
        let mut history = record.history();
        history.advance(Instant::now());
        Some(history.view())
    }

    /// The checks of a backend since the host started.
    pub fn checks(&self, id: &str) -> Option<Checks> {
        let record = self.histories().get(id)?.clone();
        let checks = record.history().checks().clone();
        Some(checks)
    }

    /// Writes the file anew.
    ///
    /// # Errors
    /// When it cannot be written; the old one is whole then.
    pub fn save(&self) -> io::Result<()> {
        let Some(path) = &self.0.file else { return Ok(()) };
        let file = File { version: VERSION, saved: unix_millis(SystemTime::now()), backends: self.kept() };
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut fresh = tempfile::NamedTempFile::new_in(folder)?;
        fresh.write_all(&serde_json::to_vec(&file)?)?;
        fresh.persist(path)?;
        Ok(())
    }

    fn kept(&self) -> BTreeMap<String, Kept> {
        let now = Instant::now();
        let records: Vec<_> = self.histories().iter().map(|(id, record)| (id.clone(), record.clone())).collect();
        let mut kept: Vec<(String, Kept)> = Vec::new();
        for (id, record) in records {
            let mut history = record.history();
            history.advance(now);
            // What is older than a day is forgotten.
            if !history.rings.iter().all(|ring| ring.total() == Span::default()) {
                kept.push((id, keep(&history)));
            }
        }
        if kept.len() > KEPT_BACKENDS {
            let newest = |kept: &Kept| kept.rings[2].last().map_or(0, |span| span.0 * 60_000).abs_diff(kept.clock);
            kept.sort_by_key(|(_, kept)| newest(kept));
            kept.truncate(KEPT_BACKENDS);
        }
        kept.into_iter().collect()
    }

    fn histories(&self) -> MutexGuard<'_, BTreeMap<String, Record>> {
        self.0.histories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unix_millis(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn keep(history: &History) -> Kept {
    let spans = |at: usize| {
        let known = history.rings[at].positions().filter(|(_, span)| !span.known.is_zero());
        known
            .map(|(position, span)| {
                let micros = u64::try_from(span.answering.as_micros()).unwrap_or(u64::MAX);
                (position, millis(span.known), millis(span.usable), span.answers, micros)
            })
            .collect()
    };
    Kept {
        clock: millis(history.clock),
        rings: [spans(0), spans(1), spans(2)],
        errors: history.errors.iter().cloned().collect(),
    }
}

fn read(path: &Path) -> io::Result<BTreeMap<String, Record>> {
    let bytes = match fs::metadata(path) {
        Ok(found) if found.len() > MAX_FILE => return Err(io::Error::other("it is too large")),
        Ok(_) => fs::read(path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(error),
    };
    let file: File = serde_json::from_slice(&bytes)?;
    if file.version != VERSION {
        return Err(io::Error::other(format!("it is of version {}", file.version)));
    }
    if file.backends.values().any(|kept| kept.clock > MAX_CLOCK) {
        return Err(io::Error::other("its clock is wrong"));
    }
    // A clock that was set back in between says nothing of the gap.
    let gap = Duration::from_millis(unix_millis(SystemTime::now()).saturating_sub(file.saved).min(MAX_CLOCK));
    let now = Instant::now();
    let histories = file.backends.into_iter().map(|(id, kept)| {
        let mut history = restore(kept, now);
        history.skip(gap);
        (id, Record(Arc::new(Mutex::new(history))))
    });
    Ok(histories.collect())
}

/// The figures are checked as they are taken: the file may say anything.
fn restore(kept: Kept, now: Instant) -> History {
    let mut history = History::new(now);
    history.clock = Duration::from_millis(kept.clock);
    for ((ring, spans), (width, _)) in history.rings.iter_mut().zip(kept.rings).zip(RINGS) {
        let newest = kept.clock / millis(width);
        for (position, known, usable, answers, micros) in spans {
            if position <= newest {
                let known = Duration::from_millis(known).min(width);
                let usable = Duration::from_millis(usable).min(known);
                ring.restore(position, Span { known, usable, answers, answering: Duration::from_micros(micros) });
            }
        }
    }
    let surplus = kept.errors.len().saturating_sub(KEPT_ERRORS);
    history.errors = kept.errors.into_iter().skip(surplus).collect();
    history
}

#[cfg(test)]
mod tests;

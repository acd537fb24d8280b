//! All driver files of the search path, and which one drives which kind.

use super::{
    Gate, LoadedDriver, Refusal, SearchPath, inspect,
    stamp::{Stamp, stamp},
};
use mdd_driver_api::manifest::Manifest;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

/// What became of one file.
#[derive(Debug, Clone)]
pub struct DriverFile {
    /// Where it is.
    pub path: PathBuf,
    /// Hash of its bytes, where they could be read.
    pub sha256: Option<String>,
    /// What it is used for.
    pub status: DriverStatus,
    /// How it looked from outside when it was opened.
    stamp: Option<Stamp>,
    /// The kind that this place was last good for.
    was: Option<String>,
}

/// What a file is used for.
#[derive(Debug, Clone)]
pub enum DriverStatus {
    /// It drives its kind.
    Active(Arc<LoadedDriver>),
    /// Another file drives the kind: a higher version, or the same found earlier.
    Shadowed {
        /// The one that is not used.
        driver: Arc<LoadedDriver>,
        /// The one that is.
        by: PathBuf,
    },
    /// It cannot be used.
    Rejected {
        /// Why.
        refusal: Arc<Refusal>,
        /// What it declares, where that can be read.
        manifest: Option<Box<Manifest>>,
    },
}

impl DriverFile {
    /// What became of a file that was opened.
    pub fn of(path: PathBuf, opened: Result<LoadedDriver, Refusal>) -> Self {
        match opened {
            Ok(driver) => {
                let sha256 = Some(driver.sha256.clone());
                Self {
                    path,
                    sha256,
                    was: Some(driver.kind().to_owned()),
                    status: DriverStatus::Active(Arc::new(driver)),
                    stamp: None,
                }
            }
            Err(refusal) => {
                let inspect::Glance { sha256, manifest } = inspect::glance(&path);
                let status = DriverStatus::Rejected { refusal: Arc::new(refusal), manifest: manifest.map(Box::new) };
                Self { path, sha256, status, stamp: None, was: None }
            }
        }
    }

    fn open(path: &Path, gate: &Gate, known: Option<&Self>) -> Self {
        // Taken first: what is written from then on makes it another file.
        let stamp = stamp(path);
        let file = Self::of(path.to_owned(), gate.admit(path));
        if let DriverStatus::Rejected { refusal, .. } = &file.status
            && known.is_none_or(|known| !known.is_same(&file))
        {
            tracing::warn!(
                path = %path.display(), code = refusal.code(), reason = %refusal, remedy = refusal.remedy(),
                "a file in the plugins folder is not used"
            );
        }
        let was = file.was.clone().or_else(|| known.and_then(|known| known.was.clone()));
        Self { stamp, was, ..file }
    }

    /// The kind that it would drive if it were good.
    fn refused_kind(&self) -> Option<String> {
        match &self.status {
            DriverStatus::Rejected { manifest, .. } => {
                let declared = manifest.as_ref().map(|manifest| manifest.driver.kind.clone());
                declared.or_else(|| self.was.clone())
            }
            DriverStatus::Active(_) | DriverStatus::Shadowed { .. } => None,
        }
    }

    /// The same file as it was when it was opened, before it was compared with others.
    fn untouched(&self, stamp: Option<Stamp>) -> Option<Self> {
        if stamp.is_none() || self.stamp != stamp {
            return None;
        }
        let status = match &self.status {
            DriverStatus::Shadowed { driver, .. } => DriverStatus::Active(driver.clone()),
            other => other.clone(),
        };
        Some(Self { status, ..self.clone() })
    }

    fn is_same(&self, other: &Self) -> bool {
        let word = |file: &Self| match &file.status {
            DriverStatus::Active(_) => String::new(),
            DriverStatus::Shadowed { by, .. } => by.display().to_string(),
            DriverStatus::Rejected { refusal, .. } => refusal.to_string(),
        };
        self.path == other.path && self.sha256 == other.sha256 && word(self) == word(other)
    }

    /// What it declares, where that can be read.
    pub fn manifest(&self) -> Option<&Manifest> {
        match &self.status {
            DriverStatus::Active(driver) | DriverStatus::Shadowed { driver, .. } => Some(&driver.manifest),
            DriverStatus::Rejected { manifest, .. } => manifest.as_deref(),
        }
    }
}

/// All files and the active drivers.
#[derive(Debug, Default)]
pub struct Registry {
    files: Vec<DriverFile>,
}

impl Registry {
    /// Opens every file of the search path. A file that is refused is listed and harms no other.
    pub fn scan(path: &SearchPath, gate: &Gate) -> Self {
        Self::default().scan_again(path, gate)
    }

    /// The same, where files that were not touched meanwhile stay as they are.
    #[must_use]
    pub fn scan_again(&self, path: &SearchPath, gate: &Gate) -> Self {
        gate.recall();
        let paths = path.files();
        // Each file costs a few milliseconds of hashing and relocation, and they do not depend on each other.
        let files: Vec<_> = std::thread::scope(|scope| {
            let look = |path| match self.untouched(path).filter(|file| !gate.isolates(file.sha256.as_deref())) {
                Some(file) => Ok(file),
                None => Err(scope.spawn(move || DriverFile::open(path, gate, self.at(path)))),
            };
            let looks: Vec<_> = paths.iter().map(|path| (path, look(path))).collect();
            let panicked = |path: &PathBuf| DriverFile::of(path.clone(), Err(host_panicked()));
            let wait = |(path, look): (&PathBuf, Result<DriverFile, std::thread::ScopedJoinHandle<'_, DriverFile>>)| {
                look.unwrap_or_else(|thread| thread.join().unwrap_or_else(|_| panicked(path)))
            };
            looks.into_iter().map(wait).collect()
        });
        Self::settle(self.with_earlier_versions(files, gate))
    }

    /// Whether everything is used for the same as there.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.files.len() == other.files.len()
            && self.files.iter().zip(&other.files).all(|(file, other)| file.is_same(other))
    }

    fn untouched(&self, path: &Path) -> Option<DriverFile> {
        let known = self.at(path)?;
        // Whether a refused one is used also depends on what is remembered of it, which may have changed.
        let is_refused = matches!(known.status, DriverStatus::Rejected { .. });
        if is_refused { None } else { known.untouched(stamp(path)) }
    }

    fn at(&self, path: &Path) -> Option<&DriverFile> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Adds the copy of an earlier version for each kind whose files are all refused: a bad update ends nothing.
    fn with_earlier_versions(&self, mut files: Vec<DriverFile>, gate: &Gate) -> Vec<DriverFile> {
        let good: Vec<String> = active(&files).map(|driver| driver.kind().to_owned()).collect();
        let mut missed: Vec<String> = files.iter().filter_map(DriverFile::refused_kind).collect();
        missed.sort();
        missed.dedup();
        for kind in missed.into_iter().filter(|kind| !good.contains(kind)) {
            if let Some((path, driver)) = gate.previous(&kind) {
                tracing::warn!(?driver, "an earlier version is used, as the files of this kind cannot be");
                let stamp = stamp(&path);
                files.push(DriverFile { stamp, ..DriverFile::of(path, Ok(driver)) });
            }
        }
        files
    }

    fn settle(mut files: Vec<DriverFile>) -> Self {
        let winners = winners(&files);
        for file in &mut files {
            if let DriverStatus::Active(driver) = &file.status
                && let winner = &winners[driver.kind()]
                && !Arc::ptr_eq(winner, driver)
            {
                file.status = DriverStatus::Shadowed { driver: driver.clone(), by: winner.path.clone() };
            }
        }
        Self { files }
    }

    /// Every file.
    pub fn files(&self) -> &[DriverFile] {
        &self.files
    }

    /// What speaks against the driver of a kind that is there; `None` where a good one or none is.
    pub(crate) fn refused(&self, kind: &str) -> Option<(&Path, &Refusal)> {
        if active(&self.files).any(|driver| driver.kind() == kind) {
            return None;
        }
        self.files.iter().find_map(|file| match &file.status {
            DriverStatus::Rejected { refusal, .. } if file.refused_kind().as_deref() == Some(kind) => {
                Some((file.path.as_path(), refusal.as_ref()))
            }
            DriverStatus::Rejected { .. } | DriverStatus::Active(_) | DriverStatus::Shadowed { .. } => None,
        })
    }

    /// The active drivers, in the order in which a candidate is shown to them.
    pub fn active(&self) -> Vec<Arc<LoadedDriver>> {
        let mut active: Vec<_> = active(&self.files).cloned().collect();
        active.sort_by(|a, b| {
            let rank = |driver: &LoadedDriver| driver.manifest.driver.probe_rank;
            rank(a).cmp(&rank(b)).then_with(|| a.kind().cmp(b.kind()))
        });
        active
    }
}

fn active(files: &[DriverFile]) -> impl Iterator<Item = &Arc<LoadedDriver>> {
    files.iter().filter_map(|file| match &file.status {
        DriverStatus::Active(driver) => Some(driver),
        DriverStatus::Shadowed { .. } | DriverStatus::Rejected { .. } => None,
    })
}

/// The highest version of each kind; of equal ones the first in search order.
fn winners(files: &[DriverFile]) -> BTreeMap<String, Arc<LoadedDriver>> {
    let mut winners: BTreeMap<String, Arc<LoadedDriver>> = BTreeMap::new();
    for driver in active(files) {
        let better = winners.get(driver.kind()).is_none_or(|best| version(driver) > version(best));
        if better {
            winners.insert(driver.kind().to_owned(), driver.clone());
        }
    }
    winners
}

/// A version that is no semver is older than any that is.
fn version(driver: &LoadedDriver) -> Option<semver::Version> {
    semver::Version::parse(&driver.manifest.version).ok()
}

fn host_panicked() -> Refusal {
    Refusal::Panicked { place: "the host's loader", message: "see the log".to_owned() }
}

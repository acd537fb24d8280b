//! All driver files of the search path, and which one drives which kind.

use super::{LoadedDriver, Refusal, SearchPath, inspect, open};
use mdd_driver_api::manifest::Manifest;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

/// What became of one file.
#[derive(Debug)]
pub struct DriverFile {
    /// Where it is.
    pub path: PathBuf,
    /// Hash of its bytes, where they could be read.
    pub sha256: Option<String>,
    /// What it is used for.
    pub status: DriverStatus,
}

/// What a file is used for.
#[derive(Debug)]
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
        refusal: Refusal,
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
                Self { path, sha256, status: DriverStatus::Active(Arc::new(driver)) }
            }
            Err(refusal) => {
                let inspect::Glance { sha256, manifest } = inspect::glance(&path);
                Self { path, sha256, status: DriverStatus::Rejected { refusal, manifest: manifest.map(Box::new) } }
            }
        }
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
    pub fn scan(path: &SearchPath, copies: &Path) -> Self {
        let paths = path.files();
        // Each file costs a few milliseconds of hashing and relocation, and they do not depend on each other.
        let opened: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = paths.iter().map(|path| scope.spawn(|| open(path, copies))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(host_panicked()))).collect()
        });
        Self::settle(paths.into_iter().zip(opened))
    }

    fn settle(opened: impl Iterator<Item = (PathBuf, Result<LoadedDriver, Refusal>)>) -> Self {
        let mut files: Vec<_> = opened.map(|(path, result)| DriverFile::of(path, result)).collect();
        for file in &files {
            if let DriverStatus::Rejected { refusal, .. } = &file.status {
                tracing::warn!(
                    path = %file.path.display(), code = refusal.code(), reason = %refusal, remedy = refusal.remedy(),
                    "a file in the plugins folder is not used"
                );
            }
        }
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

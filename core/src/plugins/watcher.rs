//! Asks the system to tell when something changes in a plugins folder, or when one appears.

use super::SearchPath;
use notify::{
    EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode},
};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::sync::Notify;

/// Watches the folders of a search path.
pub(super) struct Watcher {
    /// `None` where the system has no watches left.
    system: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
    changed: Arc<Notify>,
    is_blind: bool,
}

impl Watcher {
    pub(super) fn new(path: &SearchPath) -> Self {
        let changed = Arc::new(Notify::new());
        let tell = changed.clone();
        let folders: Vec<PathBuf> = path.folders().map(|(folder, _)| folder.to_owned()).collect();
        let system = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let concerns_us = match event {
                Ok(event) => is_change(event.kind) && event.paths.iter().any(|path| concerns(path, &folders)),
                // Events were lost, so anything may have changed.
                Err(_) => true,
            };
            if concerns_us {
                tell.notify_one();
            }
        });
        let system = system.inspect_err(|error| tracing::warn!(%error, "the plugins folders cannot be watched")).ok();
        let mut watcher = Self { is_blind: system.is_none(), system, watched: BTreeSet::new(), changed };
        watcher.follow(path);
        watcher
    }

    /// Resolves when something may have changed.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Whether some folder is not watched, so that somebody has to look.
    pub(super) fn is_blind(&self) -> bool {
        self.is_blind
    }

    /// Watches what is there now: the folders, and for one that is not there the nearest that is above it.
    pub(super) fn follow(&mut self, path: &SearchPath) {
        let Some(system) = &mut self.system else { return };
        let wanted: BTreeSet<PathBuf> = path.folders().filter_map(|(folder, _)| nearest(folder)).collect();
        for gone in self.watched.difference(&wanted) {
            // It fails for a folder that is gone, whose watch is gone as well.
            let _unwatched = system.unwatch(gone);
        }
        let mut watched = BTreeSet::new();
        self.is_blind = false;
        for folder in wanted {
            let is_watched = self.watched.contains(&folder)
                || system
                    .watch(&folder, RecursiveMode::NonRecursive)
                    .inspect_err(|error| {
                        tracing::warn!(folder = %folder.display(), %error, "a plugins folder cannot be watched");
                    })
                    .is_ok();
            self.is_blind |= !is_watched;
            if is_watched {
                watched.insert(folder);
            }
        }
        self.watched = watched;
    }
}

/// Our own reading is none.
fn is_change(kind: EventKind) -> bool {
    !kind.is_access() || kind == EventKind::Access(AccessKind::Close(AccessMode::Write))
}

/// In one of the folders, or above one that is not there yet.
fn concerns(path: &Path, folders: &[PathBuf]) -> bool {
    folders.iter().any(|folder| path.starts_with(folder) || folder.starts_with(path))
}

fn nearest(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find(|folder| folder.is_dir()).map(Path::to_owned)
}

//! The drivers of a host, now and whenever that changes: the plugins folders are watched, and what changes in them is
//! opened once it has come to rest.

use super::{Gate, LoadedDriver, Registry, SearchPath, watcher::Watcher};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time::{Instant, sleep, sleep_until},
};

/// A folder in which nothing has changed for this time is at rest: nobody is in the middle of writing a file.
const SETTLED_AFTER: Duration = Duration::from_millis(200);
/// Between two looks at a file that is being written.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(10);
/// Between two looks at folders that the system does not watch for us.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The drivers of one host. Cloning is cheap.
#[derive(Clone)]
pub struct Plugins(Arc<Shared>);

struct Shared {
    path: SearchPath,
    gate: Arc<Gate>,
    registry: watch::Sender<Arc<Registry>>,
    /// Somebody asks for a look although nothing seems to have changed.
    asked: Notify,
    watching: Mutex<Option<JoinHandle<()>>>,
}

impl Plugins {
    /// Opens what is there and watches the folders from then on. Needs a tokio runtime.
    pub fn start(path: SearchPath, gate: Gate) -> Self {
        let watcher = Watcher::new(&path);
        let registry = Registry::scan(&path, &gate);
        let shared = Arc::new(Shared {
            path,
            gate: Arc::new(gate),
            registry: watch::Sender::new(Arc::new(registry)),
            asked: Notify::new(),
            watching: Mutex::default(),
        });
        let watching = tokio::spawn(watch(shared.clone(), watcher));
        *shared.watching() = Some(watching);
        Self(shared)
    }

    /// Every file as it was last seen.
    pub fn registry(&self) -> Arc<Registry> {
        self.0.registry.borrow().clone()
    }

    /// The drivers that are used now, in the order in which a candidate is shown to them.
    pub fn active(&self) -> Vec<Arc<LoadedDriver>> {
        self.registry().active()
    }

    /// What decides on files.
    pub fn gate(&self) -> &Gate {
        &self.0.gate
    }

    /// Where they are looked for.
    pub fn search_path(&self) -> &SearchPath {
        &self.0.path
    }

    /// Tells whenever a file or what it is used for has changed.
    pub fn changes(&self) -> watch::Receiver<Arc<Registry>> {
        self.0.registry.subscribe()
    }

    /// Looks at the folders again.
    pub fn look(&self) {
        self.0.asked.notify_one();
    }

    /// Ends the watching.
    pub fn close(&self) {
        if let Some(watching) = self.0.watching().take() {
            watching.abort();
        }
    }
}

impl Shared {
    fn watching(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.watching.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn watch(shared: Arc<Shared>, mut watcher: Watcher) {
    loop {
        tokio::select! {
            () = watcher.changed() => {}
            () = shared.asked.notified() => {}
            () = sleep(LOOK_EVERY), if watcher.is_blind() => {}
        }
        settled(&shared.path, &watcher).await;
        let (path, gate, known) = (shared.path.clone(), shared.gate.clone(), shared.registry.borrow().clone());
        let scanning = tokio::task::spawn_blocking(move || known.scan_again(&path, &gate));
        match scanning.await {
            Ok(registry) => {
                shared.registry.send_if_modified(|current| {
                    let changed = !registry.is_same(current);
                    *current = Arc::new(registry);
                    changed
                });
            }
            Err(error) => tracing::error!(%error, "the plugins folders could not be read again"),
        }
        watcher.follow(&shared.path);
    }
}

/// Waits until the files have looked the same for a while. Whatever else happens in the folders, such as a download under
/// another name, is no change of them.
async fn settled(path: &SearchPath, watcher: &Watcher) {
    let mut stamps = path.stamps();
    let mut at_rest = Instant::now() + SETTLED_AFTER;
    loop {
        let is_over = tokio::select! {
            () = sleep_until(at_rest) => true,
            () = watcher.changed() => false,
        };
        let now = path.stamps();
        if now != stamps {
            stamps = now;
            at_rest = Instant::now() + SETTLED_AFTER;
        } else if is_over {
            return;
        }
        // A file that is written tells of each piece.
        sleep(LOOK_AGAIN_AFTER).await;
    }
}

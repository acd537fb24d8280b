//! What the tests of a run make happen: every code and every step of a connection is written down with the test that
//! saw it, so that the gate can tell which ones no test provokes.
//!
//! Only drivers that were loaded from their files count: whatever is written down has gone the whole way.

use mdd_core::{
    Host,
    connection::Step,
    diagnosis::Reason,
    events::{BackendView, Change, Detail, JobView, Origin, Snapshot, Subscription, Update},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    pin::pin,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};
use tokio::task::JoinHandle;

/// Where the records of all runs are.
pub fn folder(target: &Path) -> PathBuf {
    target.join("provoked")
}

/// Writes down that a code was seen.
pub fn code(code: &str) {
    note(&format!("code {code}"));
}

/// The same for everything that a host shows.
pub fn snapshot(snapshot: &Snapshot) {
    snapshot.backends.iter().for_each(codes_of);
    snapshot.jobs.iter().for_each(codes_of_job);
    snapshot.store.reason.iter().for_each(|reason| code(&reason.code));
}

/// Writes down all that becomes of a host's backends and jobs, until it is dropped.
pub struct Following {
    notes: Arc<Mutex<Notes>>,
    task: JoinHandle<()>,
}

impl Following {
    /// From now on.
    pub fn of(host: &Host) -> Self {
        let notes = Arc::new(Mutex::new(Notes { news: host.subscribe(), last: BTreeMap::new() }));
        let (mut changes, taken) = (host.changes(), notes.clone());
        let task = tokio::spawn(async move {
            loop {
                locked(&taken).take();
                if !changes.next().await {
                    return;
                }
            }
        });
        Self { notes, task }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.task.abort();
        locked(&self.notes).take();
    }
}

struct Notes {
    news: Subscription,
    last: BTreeMap<String, Detail>,
}

impl Notes {
    /// Everything that is there to be read.
    fn take(&mut self) {
        loop {
            let update = {
                let next = pin!(self.news.next());
                match next.poll(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(update) => update,
                    Poll::Pending => return,
                }
            };
            match update {
                Update::Snapshot(seen) => {
                    snapshot(&seen);
                    self.last = seen.backends.iter().map(|view| (view.id.clone(), view.detail)).collect();
                }
                Update::Changes { changes, .. } => changes.into_iter().for_each(|change| self.see(change.change)),
            }
        }
    }

    fn see(&mut self, change: Change) {
        match change {
            Change::Backend(view) => {
                codes_of(&view);
                // Rows that nobody supervises are no connections.
                if view.needs_word || view.origin == Origin::Missing {
                    self.last.remove(&view.id);
                    return;
                }
                let before = self.last.insert(view.id.clone(), view.detail);
                if let Some(step) = before.and_then(|before| Step::between(before, view.detail)) {
                    note(&format!("step {step}"));
                }
            }
            Change::BackendRemoved(id) => _ = self.last.remove(&id),
            Change::Job(job) => codes_of_job(&job),
            Change::Store(store) => store.reason.iter().for_each(|reason| code(&reason.code)),
            _ => {}
        }
    }
}

fn codes_of(view: &BackendView) {
    view.reason.iter().for_each(|Reason { code: seen, .. }| code(seen));
    view.last_errors.iter().for_each(|error| code(&error.code));
}

fn codes_of_job(job: &JobView) {
    job.reason.iter().for_each(|reason| code(&reason.code));
}

/// Appends a line with the name of the test, once per process. Outside of a run nothing is kept.
fn note(what: &str) {
    static KNOWN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    static FILE: LazyLock<Option<Mutex<File>>> = LazyLock::new(|| {
        let run = env::var_os("NEXTEST_RUN_ID")?;
        let target = env::current_exe().ok()?.ancestors().nth(3)?.to_owned();
        let folder = folder(&target).join(run);
        fs::create_dir_all(&folder).ok()?;
        Some(Mutex::new(File::create(folder.join(std::process::id().to_string())).ok()?))
    });
    if let Some(file) = &*FILE
        && locked(&KNOWN).insert(what.to_owned())
    {
        let [binary, test] = ["NEXTEST_BINARY_ID", "NEXTEST_TEST_NAME"].map(|name| env::var(name).unwrap_or_default());
        let _kept = writeln!(locked(file), "{what} {binary} {test}");
    }
}

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

//! What the tests of a run make happen: every code and every step of a connection is written down with the test that
//! saw it, so that the gate can tell which ones no test provokes.
//!
//! Only drivers that were loaded from their files count: whatever is written down has gone the whole way.

use mdd_core::{
    Host,
    connection::Step,
    diagnosis::Reason,
    events::{BackendView, Change, Detail, JobView, Snapshot, Subscription, Update},
};
use std::{
    collections::BTreeSet,
    env,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    pin::pin,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};
use tokio::task::JoinHandle;
use tracing::{Event, Metadata, Subscriber, field, span};

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

/// Writes down all that becomes of a host's backends and jobs, until it is dropped. The steps are read from its log: a
/// subscriber that is late is told only where they have led to.
pub struct Following {
    notes: Arc<Mutex<Subscription>>,
    task: JoinHandle<()>,
}

impl Following {
    /// From now on.
    pub fn of(host: &Host) -> Self {
        // The first one hears them for the whole test.
        let _known = tracing::subscriber::set_global_default(Steps);
        let notes = Arc::new(Mutex::new(host.subscribe()));
        let (mut changes, taken) = (host.changes(), notes.clone());
        let task = tokio::spawn(async move {
            loop {
                take(&mut locked(&taken));
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
        take(&mut locked(&self.notes));
    }
}

/// Everything that is there to be read.
fn take(news: &mut Subscription) {
    loop {
        let update = {
            let next = pin!(news.next());
            match next.poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(update) => update,
                Poll::Pending => return,
            }
        };
        match update {
            Update::Snapshot(seen) => snapshot(&seen),
            Update::Changes { changes, .. } => changes.iter().for_each(|change| see(&change.change)),
        }
    }
}

fn see(change: &Change) {
    match change {
        Change::Backend(view) => codes_of(view),
        Change::Job(job) => codes_of_job(job),
        Change::Store(store) => store.reason.iter().for_each(|reason| code(&reason.code)),
        _ => {}
    }
}

/// Hears the line that a supervisor logs at each step.
struct Steps;

impl Subscriber for Steps {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let has = |name| metadata.fields().field(name).is_some();
        metadata.target().starts_with("mdd_core::connection") && has("from") && has("to")
    }

    fn event(&self, event: &Event<'_>) {
        let mut words = Words::default();
        event.record(&mut words);
        if let Words { from: Some(from), to: Some(to) } = words {
            note(&format!("step {}", Step::between(from, to).expect("a step leads elsewhere")));
        }
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// Where a step begins and ends.
#[derive(Default)]
struct Words {
    from: Option<Detail>,
    to: Option<Detail>,
}

impl field::Visit for Words {
    fn record_debug(&mut self, field: &field::Field, value: &dyn std::fmt::Debug) {
        let word =
            || serde_json::from_value(format!("{value:?}").to_lowercase().into()).expect("a step has known ends");
        match field.name() {
            "from" => self.from = Some(word()),
            "to" => self.to = Some(word()),
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

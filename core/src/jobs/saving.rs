//! Results on their way into the job's folder: complete, measured, under a safe name, and written down. What only the
//! run works with takes the same way and ends beside them.

use super::{
    course::Step,
    folder::{self, Complete},
    names,
    offers::Offers,
    port::{Parts, fault},
    recipes::{self, RecipeError},
    record::{Course, SavedResult},
};
use mdd_driver_api::{
    DriverError,
    abi::{Body, HttpRequest, Segment, SegmentKind},
    model::{Recipe, ResultMeta, Saved},
    text::printable,
};
use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Cursor},
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// Longest role, in characters.
const MAX_ROLE: usize = 40;

/// What one run has saved.
#[derive(Debug, Default)]
pub(super) struct Saving {
    /// The names of results that it has saved or found again.
    names: Mutex<BTreeSet<String>>,
    /// What it can name in segments and recipes.
    pub(super) offers: Offers,
}

impl Saving {
    fn names(&self) -> MutexGuard<'_, BTreeSet<String>> {
        // A panic in a holder leaves a whole set: each change is one insertion.
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Downloads a result.
pub(super) async fn download(
    parts: &Arc<Parts>,
    request: HttpRequest,
    meta: &ResultMeta,
) -> Result<Saved, DriverError> {
    let runner = parts.runner.upgrade().ok_or_else(|| fault("the backend is gone".to_owned()))?;
    let results = parts.job.folder.results();
    let (part, file) = blocking(move || {
        let part = folder::part(&results)?;
        let file = part.as_file().try_clone()?;
        Ok((part, file))
    })
    .await?;
    let downloaded = runner.download(request, file, parts.room.limits.result_bytes).await?;
    keep(parts, meta, Complete { part, bytes: downloaded.bytes, sha256: downloaded.sha256 }).await
}

/// Saves a result that is bytes, and files of the job.
pub(super) async fn put(parts: &Arc<Parts>, meta: &ResultMeta, body: Body) -> Result<Saved, DriverError> {
    let sources: Vec<Source> = body.into_iter().map(|segment| source(parts, segment)).collect::<Result<_, _>>()?;
    let results = parts.job.folder.results();
    let complete = blocking(move || {
        let mut part = folder::part(&results)?;
        let mut whole: Box<dyn io::Read> = Box::new(io::empty());
        for source in sources {
            let next: Box<dyn io::Read> = match source {
                Source::Bytes(bytes) => Box::new(Cursor::new(bytes)),
                Source::File(path) => Box::new(File::open(path)?),
            };
            whole = Box::new(io::Read::chain(whole, next));
        }
        let (bytes, sha256) = folder::copy(&mut whole, &mut part)?;
        Ok(Complete { part, bytes, sha256 })
    })
    .await?;
    keep(parts, meta, complete).await
}

/// Follows a recipe.
pub(super) async fn derive(parts: &Arc<Parts>, recipe: Recipe) -> Result<Saved, DriverError> {
    let inputs: Vec<recipes::Input> = recipe.inputs.iter().map(|name| input(parts, name)).collect::<Result<_, _>>()?;
    let results = parts.job.folder.results();
    let let_go = Arc::<AtomicBool>::default();
    let limits = recipes::Limits { max_bytes: parts.room.limits.result_bytes, let_go: let_go.clone() };
    let _waiting = Waiting(let_go);
    let meta = recipe.result.clone();
    let making = tokio::task::spawn_blocking(move || {
        let mut part = folder::part(&results)?;
        recipes::make(&recipe, &inputs, part.as_file_mut(), &limits)?;
        let (bytes, sha256) = folder::measure(part.path())?;
        Ok::<_, RecipeError>(Complete { part, bytes, sha256 })
    });
    let complete = making.await.map_err(|error| fault(error.to_string()))??;
    keep(parts, &meta, complete).await
}

/// Tells a thread that works for it when nobody waits any more.
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn input(parts: &Parts, name: &str) -> Result<recipes::Input, DriverError> {
    let job = &parts.job;
    let of_the_job = || {
        let record = job.ticket.files.iter().find(|file| file.name == name)?;
        Some(job.folder.files().join(&record.file))
    };
    let path = parts.saving.offers.path(name).or_else(of_the_job);
    let path = path.ok_or_else(|| {
        let text = format!("the job has neither saved nor been given {:?}", printable(name, 60));
        fault(text).with_code("file-unreadable")
    })?;
    Ok(recipes::Input { name: name.to_owned(), path })
}

enum Source {
    Bytes(Vec<u8>),
    File(PathBuf),
}

fn source(parts: &Parts, segment: Segment) -> Result<Source, DriverError> {
    if segment.kind == SegmentKind::BYTES {
        return Ok(Source::Bytes(segment.bytes.into_vec()));
    }
    let job = &parts.job;
    let record = job.ticket.files.iter().find(|file| job.handle(file) == segment.name.as_str());
    let record = record.ok_or_else(|| {
        let text = format!("the job has no file {:?}", printable(&segment.name, 60));
        fault(text).with_code("file-unreadable")
    })?;
    Ok(Source::File(job.folder.files().join(&record.file)))
}

/// Keeps what is complete: as a result, or as long as the run lasts.
async fn keep(parts: &Arc<Parts>, meta: &ResultMeta, complete: Complete) -> Result<Saved, DriverError> {
    let (wanted, role) = (names::safe(&meta.name), printable(&meta.role, MAX_ROLE));
    match meta.scratch {
        true => offer(parts, wanted, role, complete),
        false => keep_result(parts, wanted, role, complete).await,
    }
}

/// Nothing is written down: another run makes its own.
fn offer(parts: &Parts, wanted: String, role: String, complete: Complete) -> Result<Saved, DriverError> {
    let Complete { part, bytes, sha256 } = complete;
    let runner = parts.runner.upgrade().ok_or_else(|| fault("the backend is gone".to_owned()))?;
    let handle = |name: &str| parts.job.handle_of_saved(name);
    let name = parts.saving.offers.add_scratch(runner.as_ref(), &wanted, handle, part.into_temp_path());
    Ok(saved(parts, &SavedResult { name, wanted, role, bytes, sha256 }))
}

/// Gives it its name and writes it down; both or, should the host die in between, none.
async fn keep_result(
    parts: &Arc<Parts>,
    wanted: String,
    role: String,
    complete: Complete,
) -> Result<Saved, DriverError> {
    let parts = parts.clone();
    let io = parts.room.io.clone();
    // Goes on when the driver no longer waits: a file without an entry in the journal would be nobody's.
    let keeping = io.spawn(async move {
        let _one_at_a_time = parts.job.naming.lock().await;
        let course = parts.job.course().await;
        if let Some(known) = again(&parts, &course, &wanted, &role, &complete) {
            parts.offer_result(&known.name);
            return Ok(known);
        }
        let taken = course.results.iter().map(|result| names::key(&result.name)).collect();
        let (bytes, sha256) = (complete.bytes, complete.sha256.clone());
        let (results, given) = (parts.job.folder.results(), wanted.clone());
        let name = blocking(move || folder::keep(complete, &results, &given, &taken)).await?;
        let result = SavedResult { name, wanted, role, bytes, sha256 };
        let saved = saved(&parts, &result);
        parts.saving.names().insert(result.name.clone());
        parts.step(Step::Saved(result)).await?;
        parts.offer_result(&saved.name);
        Ok(saved)
    });
    keeping.await.unwrap_or_else(|error| Err(fault(error.to_string())))
}

/// The same result of an earlier run, which was cut off after it had saved it.
fn again(parts: &Parts, course: &Course, wanted: &str, role: &str, complete: &Complete) -> Option<Saved> {
    let mut names = parts.saving.names();
    let known = course.results.iter().find(|result| {
        result.wanted == wanted
            && result.role == role
            && result.sha256 == complete.sha256
            && !names.contains(&result.name)
    })?;
    names.insert(known.name.clone());
    Some(saved(parts, known))
}

impl Parts {
    fn offer_result(&self, name: &str) {
        // Without a backend there is nobody who could be sent anything.
        if let Some(runner) = self.runner.upgrade() {
            let (handle, path) = (self.job.handle_of_saved(name), self.job.folder.results().join(name));
            self.saving.offers.add_result(runner.as_ref(), name, handle, path);
        }
    }
}

fn saved(parts: &Parts, result: &SavedResult) -> Saved {
    let mut saved = Saved::default();
    saved.name.clone_from(&result.name);
    saved.handle = parts.job.handle_of_saved(&result.name);
    saved.role.clone_from(&result.role);
    saved.bytes = result.bytes;
    saved.sha256.clone_from(&result.sha256);
    saved
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, DriverError> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| fault(error.to_string()))?;
    done.map_err(|error| fault(format!("the result cannot be written: {}", error.kind())))
}

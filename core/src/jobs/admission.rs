//! How a job is accepted: checked, its files copied, written down, and only then acknowledged.

use super::{
    folder::{self, JobFolder},
    job::Job,
    record::{Course, FileRecord, Record, Ticket, now_ms},
    room::{Entry, Room},
    submission::{FileSource, Submission, SubmitError, Target},
};
use std::sync::Arc;
use tokio::{sync::watch, task::spawn_blocking};

/// Accepts a job, or finds the one that the same submission has made before. Goes on to its end when nobody waits for it
/// any more, so that no half of a job is left.
pub(super) async fn submit(room: &Arc<Room>, submission: Submission) -> Result<Arc<Job>, SubmitError> {
    submission.check_id()?;
    room.restored().await?;
    loop {
        let (decided, waiting) = watch::channel(());
        let found = {
            let mut jobs = room.jobs();
            let found = jobs.get(&submission.id).cloned();
            if found.is_none() {
                jobs.insert(submission.id.clone(), Entry::Admitting(waiting));
            }
            found
        };
        match found {
            Some(Entry::Job(job)) => return again(submission, job).await,
            // Another client submits it at this moment.
            Some(Entry::Admitting(mut other)) => while other.changed().await.is_ok() {},
            None => {
                let room = room.clone();
                let io = room.io.clone();
                let admitting = io.spawn(async move {
                    let _decided = decided;
                    let id = submission.id.clone();
                    let admitted = admit(&room, submission).await;
                    if admitted.is_err() {
                        room.jobs().remove(&id);
                    }
                    admitted
                });
                return admitting.await.unwrap_or(Err(SubmitError::Closed));
            }
        }
    }
}

/// The id is known: the same job, unless it is another one.
async fn again(submission: Submission, job: Arc<Job>) -> Result<Arc<Job>, SubmitError> {
    let taken = SubmitError::IdTaken(submission.id.clone());
    if !submission.is_like(&job.ticket) {
        return Err(taken);
    }
    let accepted = job.clone();
    let differs = spawn_blocking(move || {
        let differs = |(file, record): (&FileSource, &FileRecord)| {
            // A file that is gone by now was the same once: a retry must not fail because somebody has tidied up.
            folder::measure(&file.path).is_ok_and(|(_, sha256)| sha256 != record.sha256)
        };
        submission.files.iter().zip(&accepted.ticket.files).any(differs)
    });
    if differs.await.unwrap_or_default() { Err(taken) } else { Ok(job) }
}

async fn admit(room: &Arc<Room>, submission: Submission) -> Result<Arc<Job>, SubmitError> {
    let (kind, backend) = match &submission.target {
        Target::Kind(kind) => (kind.clone(), None),
        Target::Backend(backend) => (kind_of(room, backend)?, Some(backend.clone())),
    };
    let declaration = room
        .declarations
        .get(&kind)
        .ok_or_else(|| SubmitError::UnknownKind { kind: kind.clone(), known: room.declarations.kinds() })?;
    let operation = submission.check(&declaration)?;
    let Submission { id, payload, files, .. } = submission;
    let (folder, files) = copied(room, &id, files).await?;
    let ticket = Ticket {
        number: room.next_number(),
        kind,
        backend,
        operation,
        payload,
        files,
        folder: folder.place(),
        created_ms: now_ms(),
        id,
    };
    let course = Course::new(room.uuid(), ticket.created_ms);
    let record = Record { ticket, course };
    if let Err(error) = room.journal.admit(&record).await {
        discard(folder).await;
        return Err(error.into());
    }
    let job = Arc::new(Job::new(record, folder));
    job.publish(&room.bus);
    room.jobs().insert(job.ticket.id.clone(), Entry::Job(job.clone()));
    tracing::info!(job = job.ticket.id, kind = job.ticket.kind, operation = job.ticket.operation, "accepted");
    room.carry(job.clone(), None);
    Ok(job)
}

fn kind_of(room: &Room, backend: &str) -> Result<String, SubmitError> {
    room.dispatcher
        .kind_of(backend)
        .ok_or_else(|| SubmitError::UnknownBackend { backend: backend.to_owned(), known: room.dispatcher.backends() })
}

/// The job's folder with everything that it needs; its files are durable.
async fn copied(room: &Room, id: &str, files: Vec<FileSource>) -> Result<(JobFolder, Vec<FileRecord>), SubmitError> {
    let (jobs, id) = (room.folder.clone(), id.to_owned());
    let copying = spawn_blocking(move || {
        let folder = JobFolder::create(&jobs, &id).map_err(SubmitError::Folder)?;
        let copied = copy_all(&folder, files);
        if copied.is_err() {
            remove(&folder);
        }
        copied.map(|files| (folder, files))
    });
    copying.await.unwrap_or(Err(SubmitError::Closed))
}

fn copy_all(folder: &JobFolder, files: Vec<FileSource>) -> Result<Vec<FileRecord>, SubmitError> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let copy = |FileSource { name, path }: FileSource| {
        folder.copy_in(&name, &path).map_err(|source| SubmitError::UnreadableFile { name, source })
    };
    let files = files.into_iter().map(copy).collect::<Result<_, _>>()?;
    folder.sync().map_err(SubmitError::Folder)?;
    Ok(files)
}

async fn discard(folder: JobFolder) {
    // Nothing depends on it: at worst an empty folder stays.
    let _removed = spawn_blocking(move || remove(&folder)).await;
}

fn remove(folder: &JobFolder) {
    if let Err(error) = folder.discard(true) {
        tracing::warn!(%error, "the folder of a job that was not accepted cannot be removed");
    }
}

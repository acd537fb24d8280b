//! What clients see of a job's course.

use super::{
    folder::JobFolder,
    record::{Course, SavedResult, Ticket, in_words},
};
use crate::events::{JobView, ResultFile};

/// The view of a job that nothing is told of yet.
pub(super) fn first(ticket: &Ticket, course: &Course, folder: &JobFolder) -> JobView {
    let of_checkpoint = || course.checkpoint.as_ref().map(|checkpoint| checkpoint.backend.clone());
    let mut view = JobView {
        id: ticket.id.clone(),
        kind: ticket.kind.clone(),
        backend: course.ended_on.clone().or_else(of_checkpoint),
        operation: ticket.operation.clone(),
        state: course.state,
        reason: course.reason.clone(),
        created: in_words(ticket.created_ms),
        since: String::new(),
        attempt: 0,
        remote_id: None,
        progress: None,
        queue_place: None,
        preview: None,
        previews: 0,
        text: None,
        results: Vec::new(),
        folder: folder.path().display().to_string(),
        remote_still_running: false,
    };
    write(&mut view, course, folder);
    view
}

/// Writes what the journal knows into a view.
pub(super) fn write(view: &mut JobView, course: &Course, folder: &JobFolder) {
    let remote_id = course.checkpoint.as_ref().map(|checkpoint| checkpoint.remote_id.clone());
    view.state = course.state;
    view.since = in_words(course.since_ms);
    view.attempt = course.attempt;
    view.remote_id = remote_id.filter(|id| !id.is_empty());
    view.remote_still_running = course.remote_still_running;
    let results = folder.results();
    let file = |result: &SavedResult| ResultFile {
        path: results.join(&result.name).display().to_string(),
        role: result.role.clone(),
        bytes: result.bytes,
        sha256: result.sha256.clone(),
    };
    view.results = course.results.iter().map(file).collect();
}

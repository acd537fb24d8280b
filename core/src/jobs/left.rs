//! The jobs of a state folder that no host has: how the last one has left them.

use super::{
    folder::JobFolder,
    job::Job,
    journal::{JournalError, Sqlite},
};
use crate::{events::JobView, settings::Settings};

/// Every job, in the order of submission. Nothing is changed or made.
///
/// # Errors
/// When there is a journal and it cannot be read.
pub fn left_in(settings: &Settings) -> Result<Vec<JobView>, JournalError> {
    let folder = settings.jobs_folder();
    let records = Sqlite::read(&settings.journal_file())?;
    let view = |record: super::Record| {
        let place = JobFolder::at(folder.join(&record.ticket.folder));
        let job = Job::new(record, place);
        job.recall();
        job.view()
    };
    Ok(records.into_iter().map(view).collect())
}

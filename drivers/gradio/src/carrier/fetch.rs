//! Files on their way into the job's folder.

use super::{Carrier, cancelled, over, says_nothing};
use crate::{
    carrier::state::{Harvest, Item},
    file::RemoteFile,
    problem,
};
use mdd_driver_api::{
    DriverError, Either, ErrorKind, Result, Stage,
    model::{Outcome, OutcomeStatus, Saved},
    race,
};

/// What came of bringing files home.
#[derive(Debug, Clone)]
pub enum Fetched {
    /// All of them, with the text beside them.
    All(Vec<Saved>, Option<String>),
    /// Another end.
    Over(Outcome),
}

impl Carrier<'_> {
    /// The files that the call has made, with what each is in the job, and its text.
    pub fn harvest(&mut self, prefix: &str, files: Vec<(RemoteFile, &str)>, text: Option<String>) {
        let items = files.into_iter().map(|(file, role)| Item { file, role: role.to_owned() }).collect();
        self.state.harvest = Some(Harvest { prefix: prefix.to_owned(), items, saved: Vec::new(), text });
    }

    /// Saves what is not saved yet.
    ///
    /// # Errors
    /// Those of the network and of the host.
    pub async fn fetch(&mut self) -> Result<Fetched> {
        loop {
            self.checkpoint(Stage::FETCHING, "").await?;
            let harvest = self.state.harvest.get_or_insert_default();
            let Some(item) = harvest.items.get(harvest.saved.len()).cloned() else {
                return Ok(self.fetched());
            };
            let meta = item.file.meta(&item.role);
            let saving = self.job.download(item.file.request(&harvest.prefix), &meta);
            let saved = match race(self.job.cancelled(), saving).await {
                Either::First(()) => {
                    let mut outcome = cancelled(false);
                    outcome.results = self.saved();
                    return Ok(Fetched::Over(outcome));
                }
                Either::Second(Ok(saved)) => Some(saved),
                Either::Second(Err(error)) if is_gone(&error) => None,
                Either::Second(Err(error)) => return Err(says_nothing(error)),
            };
            self.state.harvest.get_or_insert_default().saved.push(saved);
        }
    }

    fn fetched(&mut self) -> Fetched {
        let saved = self.saved();
        let harvest = self.state.harvest.take().unwrap_or_default();
        let (all, missing) = (harvest.items.len(), harvest.items.len() - saved.len());
        if missing == 0 {
            return Fetched::All(saved, harvest.text);
        }
        let text = format!("{missing} of {all} results were gone from the server when they were fetched");
        let mut outcome = over(OutcomeStatus::Failed, problem::MISSING_RESULT.problem(self.app.kind(), text));
        (outcome.results, outcome.text) = (saved, harvest.text);
        Fetched::Over(outcome)
    }

    fn saved(&self) -> Vec<Saved> {
        self.state.harvest.iter().flat_map(|harvest| harvest.saved.iter().flatten()).cloned().collect()
    }
}

/// Whether the server itself said that it does not have the file, or does not give it away. 3.14 does so with 500.
fn is_gone(error: &DriverError) -> bool {
    error.kind == ErrorKind::REJECTED && matches!(error.http_status, 400 | 403 | 404 | 410 | 500)
}

//! Results on their way into the job's folder.

use super::{Run, cancelled, says_nothing};
use crate::problem::MISSING_RESULT;
use mdd_driver_api::{
    DriverError, Either, ErrorKind, Result, Stage,
    model::{Outcome, OutcomeStatus, Problem, Saved},
    race,
};

impl Run<'_> {
    /// Saves what is not saved yet.
    pub(super) async fn fetch(&mut self) -> Result<Outcome> {
        loop {
            self.checkpoint(Stage::FETCHING).await?;
            let Some(item) = self.state.harvest.as_ref().and_then(|harvest| harvest.next()) else {
                return Ok(self.harvested());
            };
            let meta = item.meta();
            let saving = self.job.download(item.request(), &meta);
            let saved = match race(self.job.cancelled(), saving).await {
                Either::First(()) => {
                    let mut outcome = cancelled(false);
                    outcome.results = self.saved();
                    return Ok(outcome);
                }
                Either::Second(Ok(saved)) => Some(saved),
                Either::Second(Err(error)) if is_gone(&error) => None,
                Either::Second(Err(error)) => return Err(says_nothing(error)),
            };
            if let Some(harvest) = &mut self.state.harvest {
                harvest.saved.push(saved);
            }
        }
    }

    fn harvested(&mut self) -> Outcome {
        let results = self.saved();
        let harvest = self.state.harvest.take().unwrap_or_default();
        let all = harvest.items.len();
        let missing = all - results.len();
        let mut outcome = Outcome::new(if missing == 0 { OutcomeStatus::Done } else { OutcomeStatus::Failed });
        if missing > 0 {
            let text = format!("{missing} of {all} results were gone from the server when they were fetched");
            outcome.problem = Some(Problem::new(MISSING_RESULT, text));
        }
        outcome.results = results;
        outcome.text = harvest.text;
        outcome
    }

    fn saved(&self) -> Vec<Saved> {
        self.state.harvest.iter().flat_map(|harvest| harvest.saved.iter().flatten()).cloned().collect()
    }
}

/// Whether the server itself said that it does not have the file.
fn is_gone(error: &DriverError) -> bool {
    error.kind == ErrorKind::REJECTED && matches!(error.http_status, 400 | 403 | 404 | 410)
}

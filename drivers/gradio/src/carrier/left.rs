//! What an earlier run has left. A stream that is gone cannot be opened again, so a call that was sent is never found:
//! what is left to find out is whether the server is still the same process.

use super::{Carrier, cancelled, over, says_nothing};
use crate::problem;
use mdd_driver_api::{
    ErrorKind, Result, Stage,
    model::{Outcome, OutcomeStatus},
};

/// Where a run begins.
#[derive(Debug)]
pub enum Left {
    /// Nothing was sent.
    Nothing,
    /// The call is done, and its files are to be brought home.
    Results,
    /// There is nothing more to do.
    Over(Outcome),
}

impl Carrier<'_> {
    /// What the checkpoint says, after a look at the server where that matters.
    ///
    /// # Errors
    /// Without effect for what was sent to a server that is gone; those of the network.
    pub async fn left(&mut self) -> Result<Left> {
        let kind = self.app.kind();
        let Some(checkpoint) = self.checkpoint.take() else { return Ok(Left::Nothing) };
        if checkpoint.stage >= Stage::FETCHING.0 && self.state.harvest.is_some() {
            return Ok(Left::Results);
        }
        let restarted = checkpoint.same_boot == Some(false) || self.is_another_start().await?;
        let lost = |status, name: problem::Name, text: &str| {
            let mut outcome = over(status, name.problem(kind, text));
            outcome.remote_still_running = !restarted;
            Ok(Left::Over(outcome))
        };
        if self.job.is_cancelled() {
            return Ok(Left::Over(cancelled(!restarted)));
        }
        if !restarted {
            let text = "the connection ended before the result came, and nobody can ask for it again";
            return lost(OutcomeStatus::Unknown, problem::CONNECTION_LOST, text);
        }
        if checkpoint.stage >= Stage::ACKED.0 {
            return lost(OutcomeStatus::Lost, problem::JOB_LOST, "it was restarted, and keeps nothing over that");
        }
        let text = "it was restarted before it said that it has the call";
        Err(problem::NOT_ACCEPTED.error(kind, ErrorKind::TRANSPORT, text).without_effect())
    }

    /// Whether the server was started again since the call was sent, where it tells. Where it does not, it has to answer at
    /// least: a host that has seen it go knows by then.
    async fn is_another_start(&self) -> Result<bool> {
        let now = self.app.check().await.map_err(says_nothing)?.boot;
        Ok(self.state.boot.as_ref().zip(now).is_some_and(|(then, now)| *then != now))
    }
}

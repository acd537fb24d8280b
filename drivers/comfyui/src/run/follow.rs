//! From the acknowledgement to the end of the job. The sockets only make it faster: every wait ends by itself.

use super::{Run, cancelled, says_nothing};
use crate::{
    harvest::Harvest,
    history::Ending,
    problem,
    queue::Place,
    tracker::{Next, Tracker},
};
use mdd_driver_api::{
    DriverError, Either, ErrorKind, Request, Result,
    model::{Outcome, OutcomeStatus, Problem},
    race,
    sync::{Receiver, Sender, channel},
};
use serde_json::json;
use std::{convert::Infallible, time::Duration};

/// What following comes to.
enum End {
    /// Results are to be fetched.
    Done(Harvest),
    Over(Outcome),
}

impl Run<'_> {
    pub(super) async fn follow(&mut self, tracker: Tracker) -> Result<Outcome> {
        let (ring, bell) = channel(1);
        let hear = race(self.pass_on(ring), self.listen());
        let end = match race(self.track(tracker, bell), hear).await {
            Either::First(end) => end?,
            Either::Second(Either::First(never) | Either::Second(never)) => match never {},
        };
        match end {
            End::Over(outcome) => Ok(outcome),
            End::Done(harvest) => {
                self.state.harvest = Some(harvest);
                self.fetch().await
            }
        }
    }

    async fn track(&self, mut tracker: Tracker, bell: Receiver<()>) -> Result<End> {
        let host = &self.comfy.host;
        loop {
            if self.job.is_cancelled() {
                tracker.cancel(host.now());
            }
            let sighting = self.look().await?;
            match tracker.saw(sighting, host.now()) {
                Next::Wait => {}
                Next::Reached(stage) => self.checkpoint(stage).await?,
                Next::Cancel(place) => self.cancel(place).await.map_err(says_nothing)?,
                Next::Over(Ending::Done(harvest)) => return Ok(End::Done(harvest)),
                Next::Over(Ending::Failed(problem)) => return Ok(End::over(OutcomeStatus::Failed, problem)),
                Next::Over(Ending::Interrupted(problem)) => return Ok(End::over(OutcomeStatus::Cancelled, problem)),
                Next::Cancelled { still_running } => return Ok(End::Over(cancelled(still_running))),
                Next::Lost => {
                    let text = "it is neither in the queue nor in the history any more";
                    return Ok(End::over(OutcomeStatus::Lost, Problem::new(problem::JOB_LOST, text)));
                }
                Next::NotAccepted => {
                    let text = "what was sent is neither in the queue nor in the history";
                    let error = DriverError::new(ErrorKind::TRANSPORT, text);
                    return Err(error.with_code(problem::NOT_ACCEPTED).without_effect());
                }
            }
            let is_heard = self.comfy.lines.hears(&self.state.client_id);
            self.wait(tracker.pause(is_heard), &bell, tracker.is_cancelling()).await;
        }
    }

    /// Until it is time, something is heard, or the user cancels.
    async fn wait(&self, pause: Duration, bell: &Receiver<()>, is_cancelling: bool) {
        let look = race(self.comfy.host.sleep(pause), bell.recv());
        if is_cancelling {
            look.await;
        } else {
            race(look, self.job.cancelled()).await;
        }
    }

    /// Tells what the sockets hear of the job.
    async fn pass_on(&self, ring: Sender<()>) -> Infallible {
        loop {
            let mail = self.mailbox.next().await;
            if let Some(reading) = mail.reading {
                self.job.progress(reading.step, reading.total, &reading.detail);
            }
            if let Some(preview) = mail.preview {
                self.job.preview(&preview.media_type, preview.bytes);
            }
            if mail.look {
                // A full channel has rung already.
                let _rung = ring.try_send(());
            }
        }
    }

    /// Events come to the id that the job was sent with, which may be that of an earlier socket.
    async fn listen(&self) -> Infallible {
        if !self.comfy.settings.live_updates {
            return std::future::pending().await;
        }
        self.comfy.lines.listen_aside(&self.comfy.host, &self.state.client_id).await
    }

    /// Ends this job and no other: a server that does not know how is told so only while this one is the running one.
    async fn cancel(&self, place: Place) -> Result<()> {
        let host = &self.comfy.host;
        let answer = host.send(Request::post(&format!("/api/jobs/{}/cancel", self.id))).await?;
        // Before 0.26.0.
        if !matches!(answer.status, 404 | 405) {
            return answer.success().map(drop);
        }
        let request = match place {
            Place::Waiting { .. } => Request::post("/queue").json(&json!({"delete": [self.id]}))?,
            Place::Running => Request::post("/interrupt").json(&json!({"prompt_id": self.id}))?,
        };
        host.send(request).await?.success().map(drop)
    }
}

impl End {
    fn over(status: OutcomeStatus, problem: Problem) -> Self {
        let mut outcome = Outcome::new(status);
        outcome.problem = Some(problem);
        Self::Over(outcome)
    }
}

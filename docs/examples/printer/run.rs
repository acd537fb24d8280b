//! How a driver carries a job, for a printer that lets its clients name their jobs.

use mdd_driver_api::{
    DriverError, Effect, Either, ErrorKind, Host, Job, Request, Result, Stage,
    model::{Attempt, Outcome, OutcomeStatus, ResultMeta},
    race,
};
use serde_json::{Value, json};
use std::time::Duration;

/// Between two looks, and longer than a job that was sent needs to show up.
const PAUSE: Duration = Duration::from_secs(2);

/// The body of `Driver::run`.
pub(crate) async fn run(host: &Host, attempt: Attempt, job: Job) -> Result<Outcome> {
    let id = attempt.attempt;
    let mut stage = attempt.checkpoint.map_or(Stage::PREPARED, |left| Stage(left.stage));
    if stage.0 < Stage::SENT.0 {
        if job.is_cancelled() {
            return Ok(Outcome::new(OutcomeStatus::Cancelled));
        }
        let page = Request::post("/jobs").json(&json!({ "id": id, "page": attempt.payload }))?;
        // Once this is written down, nothing that happens can make it be printed twice.
        job.checkpoint(Stage::SENT, &id, &json!({ "v": 1 })).await?;
        stage = Stage::SENT;
        match host.send(page).await.and_then(|answer| answer.success()) {
            Ok(_) => {}
            // It may have arrived all the same: the next call of `run` looks for it.
            Err(error) if error.effect == Effect::UNKNOWN => return Err(error),
            Err(error) => return Err(error.with_code("printer.not-taken").without_effect()),
        }
    }
    loop {
        let seen = match look(host, &id).await? {
            None if stage == Stage::SENT => {
                host.sleep(PAUSE).await;
                look(host, &id).await?.ok_or_else(never_arrived)?
            }
            None => return Ok(Outcome::new(OutcomeStatus::Lost)),
            Some(seen) => seen,
        };
        if stage == Stage::SENT {
            job.checkpoint(Stage::ACKED, &id, &json!({ "v": 1 })).await?;
            stage = Stage::ACKED;
        }
        if let Some(file) = seen["file"].as_str() {
            job.checkpoint(Stage::FETCHING, &id, &json!({ "v": 1 })).await?;
            let mut outcome = Outcome::new(OutcomeStatus::Done);
            outcome.results = vec![job.download(Request::get(file), &ResultMeta::new("page.png", "image")).await?];
            return Ok(outcome);
        }
        job.progress(seen["lines"].as_f64().unwrap_or_default(), seen["of"].as_f64().unwrap_or_default(), "printing");
        if let Either::First(()) = race(job.cancelled(), host.sleep(PAUSE)).await {
            host.send(Request::new("DELETE", &format!("/jobs/{id}"))).await?.success()?;
            return Ok(Outcome::new(OutcomeStatus::Cancelled));
        }
    }
}

/// What the printer says of the job. An error says nothing: only an answer can say that it is not there.
async fn look(host: &Host, id: &str) -> Result<Option<Value>> {
    let answer = host.get(&format!("/jobs/{id}")).await?;
    if answer.status == 404 { Ok(None) } else { answer.success()?.json().map(Some) }
}

/// It was sent, and two answers later it is not there: it may be sent again.
fn never_arrived() -> DriverError {
    DriverError::new(ErrorKind::TRANSPORT, "the page did not arrive").with_code("printer.not-arrived").without_effect()
}

//! How it prints.

use crate::makes;
use mdd_driver_api::{
    DriverError, Effect, Either, ErrorKind, Host, Job, Request, Result, Stage,
    model::{Attempt, Outcome, OutcomeStatus, ResultMeta, Resume},
    race,
};
use serde_json::{Value, json};
use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(2);

pub(crate) async fn run(host: &Host, attempt: Attempt, job: Job) -> Result<Outcome> {
    if makes("cannot-run") {
        return Err(DriverError::new(ErrorKind::PROTOCOL, "it makes no sense"));
    }
    let id = attempt.attempt.clone();
    let mut stage = begin(attempt.checkpoint.as_ref())?;
    if job.is_cancelled() && stage.0 < Stage::SENT.0 && !makes("sends-what-is-cancelled") {
        return Ok(Outcome::new(OutcomeStatus::Cancelled));
    }
    let _on_drop = makes("cancels-when-dropped").then(|| Cancelling { host: host.clone(), id: id.clone() });
    if stage.0 < Stage::SENT.0 {
        send(host, &attempt, &job, &id).await?;
        stage = Stage::SENT;
    }
    follow(host, &job, &id, stage).await
}

/// Where it goes on.
fn begin(checkpoint: Option<&Resume>) -> Result<Stage> {
    let Some(left) = checkpoint else { return Ok(Stage::PREPARED) };
    if makes("always-begins-anew") {
        return Ok(Stage::PREPARED);
    }
    let version = if makes("panics-on-foreign") { left.state["v"].as_u64().expect("a number") } else { 1 };
    let is_ours = left.state["v"] == 1 || makes("no-version");
    if !is_ours && makes("begins-foreign-anew") {
        return Ok(Stage::PREPARED);
    }
    if version != 1 || !is_ours {
        let text = "another version has written the checkpoint";
        return Err(DriverError::new(ErrorKind::UNSUPPORTED, text).with_code("mutant.unreadable"));
    }
    Ok(Stage(left.stage))
}

fn state() -> Value {
    if makes("no-version") { json!({"page": 1}) } else { json!({"v": 1}) }
}

async fn send(host: &Host, attempt: &Attempt, job: &Job, id: &str) -> Result<()> {
    let page = || Request::post("/jobs").json(&json!({ "id": id, "page": attempt.payload }));
    if makes("sends-first") {
        host.send(page()?).await?;
        return job.checkpoint(Stage::SENT, id, &state()).await;
    }
    let written = job.checkpoint(Stage::SENT, id, &state()).await;
    if !makes("sends-in-spite") {
        written?;
    }
    match host.send(page()?).await {
        Err(_) if makes("sends-again") => host.send(page()?).await?.success().map(drop),
        Err(error) if makes("cut-is-nothing") => Err(error.with_code("mutant.not-arrived").without_effect()),
        Err(error) if error.effect == Effect::NONE => Err(error.with_code("mutant.not-arrived").without_effect()),
        answer => answer?.success().map(drop),
    }
}

async fn follow(host: &Host, job: &Job, id: &str, mut stage: Stage) -> Result<Outcome> {
    loop {
        let seen = match look(host, id).await? {
            None if stage == Stage::SENT && makes("lost-after-sent") => return Ok(Outcome::new(OutcomeStatus::Lost)),
            None if stage == Stage::SENT => {
                if !makes("looks-once") {
                    host.sleep(PAUSE).await;
                    if look(host, id).await?.is_some() {
                        continue;
                    }
                }
                return Err(not_arrived());
            }
            None if makes("lost-is-sent-again") => return Err(DriverError::new(ErrorKind::TRANSPORT, "it is gone")),
            None => return Ok(Outcome::new(OutcomeStatus::Lost)),
            Some(seen) => seen,
        };
        if stage == Stage::SENT {
            job.checkpoint(Stage::ACKED, id, &state()).await?;
            stage = Stage::ACKED;
        }
        if let Some(file) = seen["file"].as_str() {
            assert!(!makes("panics-at-the-result"), "it is the mistake");
            return fetch(job, id, &seen, file).await;
        }
        if !seen.is_object() || seen.get("lines").is_none() {
            match makes("believes-anything") {
                true => return Ok(Outcome::new(OutcomeStatus::Done)),
                false => return Err(DriverError::new(ErrorKind::PROTOCOL, "it answers something else")),
            }
        }
        job.progress(seen["lines"].as_f64().unwrap_or_default(), seen["of"].as_f64().unwrap_or_default(), "printing");
        if makes("waits-for-news") {
            let mut news = host.connect(mdd_driver_api::Connect::new("/news")).await?;
            while news.next().await.is_ok() {}
        }
        if makes("never-cancels") {
            host.sleep(PAUSE).await;
        } else if let Either::First(()) = race(job.cancelled(), host.sleep(PAUSE)).await {
            if !makes("cancels-in-silence") {
                host.send(Request::new("DELETE", &format!("/jobs/{id}"))).await?.success()?;
            }
            return Ok(Outcome::new(OutcomeStatus::Cancelled));
        }
    }
}

async fn fetch(job: &Job, id: &str, seen: &Value, file: &str) -> Result<Outcome> {
    job.checkpoint(Stage::FETCHING, id, &state()).await?;
    let mut outcome = Outcome::new(OutcomeStatus::Done);
    if !makes("forgets-the-result") {
        outcome.results = vec![job.download(Request::get(file), &ResultMeta::new("page.png", "image")).await?];
    }
    job.append(seen["says"].as_str().unwrap_or_default()).await?;
    Ok(outcome)
}

/// What the press says of the job.
async fn look(host: &Host, id: &str) -> Result<Option<Value>> {
    let answer = match host.get(&format!("/jobs/{id}")).await {
        Err(_) if makes("error-is-absence") => return Ok(None),
        answer => answer?,
    };
    match answer.status {
        404 => Ok(None),
        500 if makes("error-is-absence") => Ok(None),
        _ => answer.success()?.json().map(Some),
    }
}

fn not_arrived() -> DriverError {
    DriverError::new(ErrorKind::TRANSPORT, "the page did not arrive").with_code("mutant.not-arrived").without_effect()
}

/// Cancels when it is dropped.
struct Cancelling {
    host: Host,
    id: String,
}

impl Drop for Cancelling {
    fn drop(&mut self) {
        let asking = pin!(self.host.send(Request::new("DELETE", &format!("/jobs/{}", self.id))));
        // Once is enough for a host to send it.
        let _sent: Poll<_> = asking.poll(&mut Context::from_waker(Waker::noop()));
    }
}

//! Carries a chat or a prompt: one request, whose answer is a stream of lines.

use crate::{
    Ollama,
    answer::{self, Said},
};
use mdd_driver_api::{
    DriverError, Effect, Either, ErrorKind, Job, Request, Result, Stage, Stream,
    model::{Attempt, Outcome, OutcomeStatus, Problem},
    race,
    text::{lines, printable},
};
use serde_json::{Value, json};
use std::time::Duration;

/// Between two words. It may read a part of the model from disk again.
const IDLE: Duration = Duration::from_secs(300);
const LONGEST_LINE: usize = 1 << 20;
const LONGEST_ANSWER: u64 = 64 << 20;
const LONGEST_ERROR: usize = 64 << 10;

/// One call of `run`.
pub(crate) struct Run<'a> {
    ollama: &'a Ollama,
    target: &'static str,
    job: Job,
}

impl<'a> Run<'a> {
    pub(crate) fn new(ollama: &'a Ollama, target: &'static str, job: Job) -> Self {
        Self { ollama, target, job }
    }

    pub(crate) async fn carry(self, attempt: Attempt) -> Result<Outcome> {
        // It ends the work when the connection ends, and keeps no answers: there is nothing to look for.
        match attempt.checkpoint.map(|left| left.stage).filter(|stage| *stage >= Stage::SENT.0) {
            Some(_) if self.job.is_cancelled() => Ok(cancelled()),
            Some(stage) if stage == Stage::SENT.0 => Ok(over(
                OutcomeStatus::Unknown,
                "ollama.answer-lost",
                "the connection ended before the answer began, and Ollama keeps no answers",
            )),
            Some(_) => Ok(over(
                OutcomeStatus::Failed,
                "ollama.broke-off",
                "the connection ended in the middle of the answer, and Ollama keeps no answers",
            )),
            None => self.send(attempt.payload).await,
        }
    }

    async fn send(&self, payload: Value) -> Result<Outcome> {
        let request = match race(self.job.cancelled(), self.request(payload)).await {
            Either::First(()) => return Ok(cancelled()),
            Either::Second(request) => request.map_err(DriverError::without_effect)?,
        };
        if let Err(error) = self.checkpoint(Stage::SENT).await {
            return if self.job.is_cancelled() { Ok(cancelled()) } else { Err(error.without_effect()) };
        }
        // Letting go of the connection is how it is cancelled.
        match race(self.job.cancelled(), self.ollama.host.stream(request)).await {
            Either::First(()) => Ok(cancelled()),
            Either::Second(Ok(stream)) if stream.status == 200 => self.hear(stream).await,
            Either::Second(Ok(stream)) => Err(refusal(stream).await),
            Either::Second(Err(error)) => unheard(error),
        }
    }

    async fn request(&self, payload: Value) -> Result<Request> {
        let Value::Object(mut body) = payload else {
            return Err(refused("ollama.bad-request", "the payload is no object".to_owned()));
        };
        if body.get("model").and_then(Value::as_str).is_none_or(str::is_empty) {
            body.insert("model".to_owned(), self.only_model().await?.into());
        }
        // Only a stream can be cancelled.
        body.insert("stream".to_owned(), true.into());
        let request = Request::post(self.target).json(&body)?.head_within(self.ollama.first_word);
        Ok(request.idle_within(self.ollama.first_word.max(IDLE)).without_deadline().max_bytes(LONGEST_ANSWER))
    }

    async fn only_model(&self) -> Result<String> {
        let mut models = self.ollama.models().await?;
        match (models.pop(), models.is_empty()) {
            (Some(only), true) => Ok(only),
            (None, _) => Err(refused("ollama.no-model", "the job names no model, and Ollama has none".to_owned())),
            (Some(last), false) => {
                models.push(last);
                let names: Vec<String> = models.iter().take(5).map(|name| printable(name, 60)).collect();
                let text = format!("the job names no model; Ollama has {}", names.join(", "));
                Err(refused("ollama.no-model", text))
            }
        }
    }

    /// From the first byte of the answer to its end.
    async fn hear(&self, stream: Stream) -> Result<Outcome> {
        self.checkpoint(Stage::ACKED).await?;
        match race(self.job.cancelled(), self.listen(stream)).await {
            Either::First(()) => Ok(cancelled()),
            Either::Second(outcome) => outcome,
        }
    }

    async fn listen(&self, stream: Stream) -> Result<Outcome> {
        let broke = |text: String| Ok(over(OutcomeStatus::Failed, "ollama.broke-off", &text));
        let mut lines = lines(stream, LONGEST_LINE);
        loop {
            let line = match lines.next().await {
                Ok(Some(line)) => line,
                Ok(None) => return broke("it ended its answer without saying that it is complete".to_owned()),
                Err(error) => return broke(format!("its answer broke off: {error}")),
            };
            match answer::read(&line) {
                Said::Nothing => {}
                Said::Text(text) => self.job.append(text).await?,
                Said::Last(text) => {
                    self.job.append(text).await?;
                    return Ok(Outcome::new(OutcomeStatus::Done));
                }
                Said::Failed(text) => return Ok(over(OutcomeStatus::Failed, "ollama.failed", &text)),
                Said::Odd => return broke("its answer holds a line that is none of its own".to_owned()),
            }
        }
    }

    async fn checkpoint(&self, stage: Stage) -> Result<()> {
        self.job.checkpoint(stage, "", &json!({"v": 1})).await
    }
}

/// An answer other than 200: nothing was begun.
async fn refusal(mut stream: Stream) -> DriverError {
    let (status, mut body) = (stream.status, Vec::new());
    // The status is what counts, also when the rest does not come.
    while body.len() < LONGEST_ERROR
        && let Ok(Some(piece)) = stream.next().await
    {
        body.extend_from_slice(&piece);
    }
    let said = answer::error(&body).unwrap_or_else(|| format!("it answered HTTP {status}"));
    let (kind, code) = match status {
        400 => (ErrorKind::REJECTED, "ollama.bad-request"),
        401 | 403 => (ErrorKind::AUTH, "ollama.bad-request"),
        404 => (ErrorKind::REJECTED, "ollama.no-model"),
        429 | 503 => (ErrorKind::BUSY, "ollama.busy"),
        _ => (ErrorKind::REJECTED, "ollama.failed"),
    };
    DriverError::new(kind, said).with_code(code).with_status(status).without_effect()
}

/// Not a byte of an answer came.
fn unheard(error: DriverError) -> Result<Outcome> {
    match (error.effect, error.kind) {
        (Effect::NONE, ErrorKind::TRANSPORT | ErrorKind::TIMEOUT) => Err(error.with_code("ollama.not-sent")),
        (Effect::NONE, _) => Err(error),
        (_, ErrorKind::TIMEOUT) => Ok(over(OutcomeStatus::Failed, "ollama.no-answer", &error.message)),
        _ => Ok(over(OutcomeStatus::Unknown, "ollama.answer-lost", &error.message)),
    }
}

fn refused(code: &str, text: String) -> DriverError {
    DriverError::new(ErrorKind::REJECTED, text).with_code(code).without_effect()
}

fn cancelled() -> Outcome {
    Outcome::new(OutcomeStatus::Cancelled)
}

fn over(status: OutcomeStatus, code: &str, text: &str) -> Outcome {
    let mut outcome = Outcome::new(status);
    outcome.problem = Some(Problem::new(code, text));
    outcome
}

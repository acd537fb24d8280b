//! Carries a chat. LiteLLM keeps nothing: whoever lets go of the stream has lost the answer, so a chat is sent once and
//! never looked for.

use crate::{
    LiteLlm, MODELS,
    chat::Chat,
    failure::Failure,
    inventory,
    key::Refusal,
    problem,
    transcript::{Said, Transcript},
};
use mdd_driver_api::{
    DriverError, Effect, Either, ErrorKind, Job, Request, Result, Stage, Stream,
    model::{Attempt, Outcome, OutcomeStatus, Problem},
    race,
    text::{ServerEvents, printable, sse},
};
use serde_json::json;
use std::time::Duration;

const TARGET: &str = "/v1/chat/completions";
/// A model that has begun to speak does not pause for longer.
const IDLE: Duration = Duration::from_secs(120);
/// Longest event and longest answer, in bytes.
const LONGEST_EVENT: usize = 1 << 20;
const LONGEST_ANSWER: u64 = 64 << 20;
/// What is read of an error, in bytes.
const LONGEST_ERROR: usize = 64 * 1024;

/// One call of `run`.
pub(crate) struct Run<'a> {
    proxy: &'a LiteLlm,
    job: Job,
}

impl<'a> Run<'a> {
    pub(crate) fn new(proxy: &'a LiteLlm, job: Job) -> Self {
        Self { proxy, job }
    }

    pub(crate) async fn carry(self, attempt: Attempt) -> Result<Outcome> {
        match attempt.checkpoint.map(|checkpoint| Stage(checkpoint.stage)) {
            Some(stage) if stage.0 >= Stage::SENT.0 => Ok(left_behind(stage, self.job.is_cancelled())),
            _ => self.send(attempt.payload).await,
        }
    }

    async fn send(&self, payload: serde_json::Value) -> Result<Outcome> {
        let cancelled = || Ok(Outcome::new(OutcomeStatus::Cancelled));
        let prepared = match race(self.job.cancelled(), self.prepare(payload)).await {
            Either::First(()) => return cancelled(),
            Either::Second(prepared) => prepared.map_err(DriverError::without_effect)?,
        };
        if let Err(error) = self.checkpoint(Stage::SENT, "").await {
            // The host may have been quicker to see that nobody wants it any more.
            return if self.job.is_cancelled() { cancelled() } else { Err(error.without_effect()) };
        }
        let (request, first_word) = prepared;
        // Letting go of the connection is how a chat is cancelled.
        match race(self.job.cancelled(), self.proxy.host.stream(request)).await {
            Either::First(()) => cancelled(),
            Either::Second(Ok(stream)) if stream.status == 200 => self.hear(stream, first_word).await,
            Either::Second(Ok(stream)) => Err(self.refusal(stream).await),
            Either::Second(Err(error)) => unheard(error),
        }
    }

    /// The request, and how long it may take until its first word.
    async fn prepare(&self, payload: serde_json::Value) -> Result<(Request, Duration)> {
        let mut chat = Chat::read(payload)?;
        if !chat.has_model() {
            chat.choose(&self.models().await?)?;
        }
        let first_word = chat.first_word(self.proxy.settings.first_word);
        let request = Request::post(TARGET)
            .json(&chat.into_body())?
            .head_within(first_word)
            .idle_within(first_word.max(IDLE))
            .without_deadline()
            .max_bytes(LONGEST_ANSWER);
        Ok((request, first_word))
    }

    async fn models(&self) -> Result<Vec<String>> {
        let list = self.proxy.host.send(Request::get(MODELS).max_bytes(crate::LONGEST_LIST)).await?;
        if let Some(refusal) = Refusal::read(list.status, list.bytes(), self.proxy.has_key) {
            return Err(refusal.into_error(MODELS, self.proxy.has_key));
        }
        let models = inventory::models(&list.success()?.json()?);
        Ok(models.into_iter().map(|model| model.name).collect())
    }

    /// From the first byte of the answer to its end.
    async fn hear(&self, stream: Stream, first_word: Duration) -> Result<Outcome> {
        let media_type = stream.header("content-type").unwrap_or("nothing").to_owned();
        if !media_type.starts_with("text/event-stream") {
            let text = format!("it answered {} in place of a stream", printable(&media_type, 60));
            return Ok(over(OutcomeStatus::Failed, Problem::new(problem::STREAM_BROKE, text)));
        }
        let call = stream.header("x-litellm-call-id").map(|id| printable(id, 80)).unwrap_or_default();
        self.checkpoint(Stage::ACKED, &call).await?;
        let mut transcript = Transcript::default();
        let listening = self.listen(sse(stream, LONGEST_EVENT), first_word, &mut transcript);
        let mut outcome = match race(self.job.cancelled(), listening).await {
            Either::First(()) => Outcome::new(OutcomeStatus::Cancelled),
            Either::Second(Ok(())) => Outcome::new(OutcomeStatus::Done),
            Either::Second(Err(problem)) => over(OutcomeStatus::Failed, problem),
        };
        for remark in transcript.remarks() {
            self.job.note(&remark);
        }
        outcome.text = Some(transcript.text);
        Ok(outcome)
    }

    /// Until the answer is complete, or why it is not.
    async fn listen(
        &self,
        mut events: ServerEvents,
        first_word: Duration,
        transcript: &mut Transcript,
    ) -> std::result::Result<(), Problem> {
        let broke = |text: String| Problem::new(problem::STREAM_BROKE, text);
        let mut patience = first_word;
        loop {
            let event = self.proxy.host.timeout(patience, events.next()).await;
            let event = event.map_err(|error| broke(format!("its answer broke off: {error}")))?;
            let event =
                event.ok_or_else(|| broke("it ended its answer without saying that it is complete".to_owned()))?;
            match transcript.take(&event.data) {
                Said::Text(text) => {
                    let kept = self.job.append(text).await;
                    kept.map_err(|error| broke(format!("its answer could not be kept: {error}")))?;
                }
                Said::Nothing => {}
                Said::Done => return Ok(()),
                Said::Broken(problem) => return Err(problem),
            }
            patience = IDLE;
        }
    }

    async fn refusal(&self, mut stream: Stream) -> DriverError {
        let (status, mut body) = (stream.status, Vec::new());
        // The status is what counts, also when the rest does not come.
        while body.len() < LONGEST_ERROR
            && let Ok(Some(piece)) = stream.next().await
        {
            body.extend_from_slice(&piece);
        }
        let retry_after = stream.header("retry-after").or_else(|| stream.header("llm_provider-retry-after"));
        Failure { status, retry_after, body: &body }.into_error(TARGET, self.proxy.has_key)
    }

    async fn checkpoint(&self, stage: Stage, call: &str) -> Result<()> {
        self.job.checkpoint(stage, call, &json!({"v": 1})).await
    }
}

/// Not a byte of an answer came.
fn unheard(error: DriverError) -> Result<Outcome> {
    match (error.effect, error.kind) {
        // Nothing was sent. The codes are ours, so that it is known whose word that is.
        (Effect::NONE, ErrorKind::TRANSPORT | ErrorKind::TIMEOUT) => Err(error.with_code(problem::NOT_SENT)),
        (Effect::NONE, ErrorKind::AUTH) => Err(error.with_code(problem::KEY_MISSING)),
        (Effect::NONE, _) => Err(error),
        (_, ErrorKind::TIMEOUT) => {
            Ok(over(OutcomeStatus::Failed, Problem::new(problem::NO_ANSWER, error.message.as_str())))
        }
        _ => Ok(over(OutcomeStatus::Unknown, Problem::new(problem::ANSWER_LOST, error.message.as_str()))),
    }
}

/// What is to be said of a chat that an earlier run has sent.
fn left_behind(stage: Stage, is_cancelled: bool) -> Outcome {
    if is_cancelled {
        Outcome::new(OutcomeStatus::Cancelled)
    } else if stage == Stage::SENT {
        let text = "the connection ended before the answer began, and LiteLLM keeps no answers";
        over(OutcomeStatus::Unknown, Problem::new(problem::ANSWER_LOST, text))
    } else {
        let text = "the connection ended in the middle of the answer, and LiteLLM keeps no answers";
        over(OutcomeStatus::Failed, Problem::new(problem::STREAM_BROKE, text))
    }
}

fn over(status: OutcomeStatus, problem: Problem) -> Outcome {
    let mut outcome = Outcome::new(status);
    outcome.problem = Some(problem);
    outcome
}

#[cfg(test)]
mod tests {
    use super::{left_behind, unheard};
    use crate::problem::*;
    use mdd_driver_api::{DriverError, Effect, ErrorKind, Stage, model::OutcomeStatus};

    fn failed(kind: ErrorKind, effect: Effect) -> DriverError {
        let mut error = DriverError::new(kind, "x").with_code("some-failure");
        error.effect = effect;
        error
    }

    #[test]
    fn a_chat_that_was_sent_is_never_sent_again() {
        for (stage, status, code) in [
            (Stage::SENT, OutcomeStatus::Unknown, ANSWER_LOST),
            (Stage::ACKED, OutcomeStatus::Failed, STREAM_BROKE),
            (Stage(9), OutcomeStatus::Failed, STREAM_BROKE),
        ] {
            let outcome = left_behind(stage, false);
            assert_eq!((outcome.status, outcome.problem.unwrap().code.as_str()), (status, code), "{stage:?}");
            assert_eq!(left_behind(stage, true).status, OutcomeStatus::Cancelled);
        }
    }

    #[test]
    fn silence_is_told_from_what_was_never_sent() {
        for (kind, code) in [
            (ErrorKind::TRANSPORT, NOT_SENT),
            (ErrorKind::TIMEOUT, NOT_SENT),
            (ErrorKind::AUTH, KEY_MISSING),
            (ErrorKind::LIMIT, "some-failure"),
        ] {
            let error = unheard(failed(kind, Effect::NONE)).unwrap_err();
            assert_eq!((error.kind, error.code.as_str(), error.effect), (kind, code, Effect::NONE));
        }
        for (kind, status, code) in [
            (ErrorKind::TIMEOUT, OutcomeStatus::Failed, NO_ANSWER),
            (ErrorKind::TRANSPORT, OutcomeStatus::Unknown, ANSWER_LOST),
            (ErrorKind::PROTOCOL, OutcomeStatus::Unknown, ANSWER_LOST),
        ] {
            let outcome = unheard(failed(kind, Effect::UNKNOWN)).unwrap();
            assert_eq!((outcome.status, outcome.problem.unwrap().code.as_str()), (status, code));
        }
    }
}

//! Reads a streamed answer: pure, one event at a time. It is complete only if it said so (`[DONE]`).

use crate::{failure, problem};
use mdd_driver_api::{
    model::Problem,
    text::{lenient_json, printable},
};
use serde_json::Value;

/// The last event of a complete answer.
const DONE: &str = "[DONE]";

/// The answer so far.
#[derive(Debug, Default)]
pub(crate) struct Transcript {
    pub(crate) text: String,
    /// Why the model stopped.
    stop: Option<String>,
    usage: Option<Usage>,
}

#[derive(Debug, Clone, Copy)]
struct Usage {
    prompt: u64,
    completion: u64,
}

/// What an event is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// More of the text.
    Text(String),
    /// Something beside the text.
    Nothing,
    /// The answer is complete.
    Done,
    /// The answer ends here without being complete.
    Broken(Problem),
}

impl Transcript {
    pub(crate) fn take(&mut self, data: &str) -> Said {
        if data.trim() == DONE {
            return Said::Done;
        }
        let Ok(event) = lenient_json::<Value>(data.as_bytes()) else {
            let text = format!("it sent \"{}\" in the middle of its answer", printable(data, 60));
            return Said::Broken(Problem::new(problem::STREAM_BROKE, text));
        };
        if let Some(error) = event.get("error").filter(|error| !error.is_null()) {
            let (code, text) = failure::in_stream(error);
            return Said::Broken(Problem::new(code, format!("it broke off its answer: {text}")));
        }
        self.usage = Usage::read(&event["usage"]).or(self.usage);
        // Of several choices, which nobody here asks for, the first one counts.
        let choices = event["choices"].as_array().into_iter().flatten();
        let Some(choice) = choices.into_iter().find(|choice| choice["index"].as_u64().unwrap_or(0) == 0) else {
            return Said::Nothing;
        };
        if let Some(stop) = choice["finish_reason"].as_str() {
            self.stop = Some(printable(stop, 40));
        }
        match choice["delta"]["content"].as_str() {
            Some(text) if !text.is_empty() => {
                self.text.push_str(text);
                Said::Text(text.to_owned())
            }
            _ => Said::Nothing,
        }
    }

    /// What is worth a line in the job's log.
    pub(crate) fn remarks(&self) -> Vec<String> {
        let stop = match self.stop.as_deref() {
            Some("length") => Some("the answer was cut at the model's limit of tokens".to_owned()),
            Some("content_filter") => Some("the provider's filter left out a part of the answer".to_owned()),
            Some("tool_calls" | "function_call") => {
                Some("the model asked for a tool, which nobody answers here".to_owned())
            }
            Some("stop") | None => None,
            Some(other) => Some(format!("the model stopped because of \"{other}\"")),
        };
        let usage = self.usage.map(|usage| format!("{} tokens in, {} out", usage.prompt, usage.completion));
        stop.into_iter().chain(usage).collect()
    }
}

impl Usage {
    fn read(usage: &Value) -> Option<Self> {
        Some(Self { prompt: usage["prompt_tokens"].as_u64()?, completion: usage["completion_tokens"].as_u64()? })
    }
}

#[cfg(test)]
mod tests {
    use super::{Said, Transcript};
    use crate::problem::*;
    use serde_json::json;

    const STREAM: &str = include_str!("../../../tests/fixtures/litellm/nokey_chat_stream.sse");
    const WITH_USAGE: &str = include_str!("../../../tests/fixtures/litellm/key_auth_chat_stream_usage.sse");
    const DIES: &str = include_str!("../../../tests/fixtures/litellm/stream_upstream_dies_midway.sse");

    fn read(recorded: &str) -> (Transcript, Vec<Said>) {
        let mut transcript = Transcript::default();
        let events = recorded.lines().filter_map(|line| line.strip_prefix("data: "));
        let said = events.map(|data| transcript.take(data)).collect();
        (transcript, said)
    }

    #[test]
    fn a_recorded_answer_is_read_in_order() {
        let (transcript, said) = read(STREAM);
        assert_eq!(transcript.text, "Hello from the mock model.");
        assert_eq!(said.first(), Some(&Said::Text("Hel".to_owned())));
        assert_eq!(said.iter().filter(|said| matches!(said, Said::Text(_))).count(), 9);
        assert_eq!(said.last(), Some(&Said::Done));
        assert!(transcript.remarks().is_empty());
    }

    #[test]
    fn usage_is_remarked() {
        let (transcript, said) = read(WITH_USAGE);
        assert_eq!(said.last(), Some(&Said::Done));
        assert_eq!(transcript.remarks(), ["8 tokens in, 6 out"]);
    }

    #[test]
    fn an_upstream_that_dies_breaks_the_answer_and_keeps_its_text() {
        let (transcript, said) = read(DIES);
        assert_eq!(transcript.text, "t0 t1 t2 ");
        let Some(Said::Broken(problem)) = said.last() else { panic!("{said:?}") };
        assert_eq!(problem.code, PROVIDER_FAILED);
        assert!(problem.observation.starts_with("it broke off its answer: litellm.APIConnectionError"));
        assert!(!said.contains(&Said::Done));
    }

    #[test]
    fn what_is_no_event_breaks_it() {
        let said = Transcript::default().take("<html>");
        let Said::Broken(problem) = said else { panic!("{said:?}") };
        assert_eq!(problem.code, STREAM_BROKE);
        assert_eq!(problem.observation, "it sent \"<html>\" in the middle of its answer");
    }

    #[test]
    fn odd_events_are_passed_over() {
        let mut transcript = Transcript::default();
        for odd in [
            json!({}),
            json!([]),
            json!({"error": null}),
            json!({"choices": []}),
            json!({"choices": [{"delta": {"content": null}}]}),
            json!({"choices": [{"delta": {"reasoning_content": "hm"}}]}),
            json!({"choices": [{"index": 1, "delta": {"content": "another"}}]}),
        ] {
            assert_eq!(transcript.take(&odd.to_string()), Said::Nothing, "{odd}");
        }
        assert_eq!(transcript.text, "");
    }

    #[test]
    fn how_it_stopped_is_remarked() {
        for (reason, remark) in [
            ("length", "the answer was cut at the model's limit of tokens"),
            ("content_filter", "the provider's filter left out a part of the answer"),
            ("tool_calls", "the model asked for a tool, which nobody answers here"),
            ("odd", "the model stopped because of \"odd\""),
        ] {
            let mut transcript = Transcript::default();
            transcript.take(&json!({"choices": [{"delta": {}, "finish_reason": reason}]}).to_string());
            assert_eq!(transcript.remarks(), [remark]);
        }
    }
}

//! The payload: the body of a chat completion, made one that streams.

use crate::problem::{self, refused};
use mdd_driver_api::{Result, text::printable};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The proxy's own deadline is to come first: it says more.
const MARGIN: Duration = Duration::from_secs(5);

/// A chat to send.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chat {
    body: Map<String, Value>,
}

impl Chat {
    pub(crate) fn read(payload: Value) -> Result<Self> {
        match payload {
            Value::Object(body) if body.get("messages").is_some_and(Value::is_array) => Ok(Self { body }),
            Value::Object(_) => Err(refused(problem::BAD_REQUEST, "the payload has no list `messages`")),
            _ => Err(refused(problem::BAD_REQUEST, "the payload is no object")),
        }
    }

    pub(crate) fn has_model(&self) -> bool {
        self.body.get("model").and_then(Value::as_str).is_some_and(|model| !model.is_empty())
    }

    /// Takes the only model there is.
    pub(crate) fn choose(&mut self, models: &[String]) -> Result<()> {
        match models {
            [only] => {
                self.body.insert("model".to_owned(), only.as_str().into());
                Ok(())
            }
            [] => Err(refused(problem::NO_MODEL, "the chat names no model, and the proxy lists none")),
            several => {
                let names: Vec<String> = several.iter().take(5).map(|name| printable(name, 60)).collect();
                let more = if several.len() > names.len() { ", …" } else { "" };
                let text = format!("the chat names no model; the proxy has {}{more}", names.join(", "));
                Err(refused(problem::NO_MODEL, text))
            }
        }
    }

    /// How long it may take until its first word: `timeout` tells the proxy, too.
    pub(crate) fn first_word(&self, setting: Duration) -> Duration {
        let own = self.body.get("timeout").and_then(Value::as_f64);
        let own = own.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).filter(|own| !own.is_zero());
        own.map_or(setting, |own| own.saturating_add(MARGIN))
    }

    /// What is sent: only a stream can be cancelled, and only at its end it tells what was used.
    pub(crate) fn into_body(mut self) -> Value {
        self.body.insert("stream".to_owned(), true.into());
        match self.body.entry("stream_options").or_insert_with(|| json!({})) {
            Value::Object(options) => {
                options.entry("include_usage").or_insert(true.into());
            }
            other => *other = json!({"include_usage": true}),
        }
        self.body.into()
    }
}

#[cfg(test)]
mod tests {
    use super::Chat;
    use crate::problem::*;
    use serde_json::{Value, json};
    use std::time::Duration;

    fn chat(payload: Value) -> Chat {
        Chat::read(payload).unwrap()
    }

    #[test]
    fn the_payload_is_passed_on_and_streamed() {
        let payload = json!({"model": "m", "messages": [], "stream": false, "seed": u64::MAX, "tools": [1]});
        let body = chat(payload).into_body();
        let options = json!({"include_usage": true});
        let expected = json!({"model": "m", "messages": [], "stream": true, "seed": u64::MAX, "tools": [1], "stream_options": options});
        assert_eq!(body, expected);
    }

    #[test]
    fn usage_is_asked_for_unless_it_was_spoken_of() {
        for (given, expected) in [
            (json!({"include_usage": false}), json!({"include_usage": false})),
            (json!({"x": 1}), json!({"x": 1, "include_usage": true})),
            (Value::Null, json!({"include_usage": true})),
        ] {
            let body = chat(json!({"messages": [], "stream_options": given})).into_body();
            assert_eq!(body["stream_options"], expected);
        }
    }

    #[test]
    fn the_only_model_is_chosen() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let mut one = chat(json!({"messages": []}));
        assert!(!one.has_model());
        one.choose(&names(&["only"])).unwrap();
        assert!(one.has_model());
        assert_eq!(one.into_body()["model"], "only");
        for (models, text) in [
            (vec![], "the chat names no model, and the proxy lists none"),
            (names(&["a", "b"]), "the chat names no model; the proxy has a, b"),
            (names(&["a", "b", "c", "d", "e", "f"]), "the chat names no model; the proxy has a, b, c, d, e, …"),
        ] {
            let error = chat(json!({"model": "", "messages": []})).choose(&models).unwrap_err();
            assert_eq!((error.code.as_str(), error.message.as_str()), (NO_MODEL, text));
        }
    }

    #[test]
    fn the_proxys_own_deadline_comes_first() {
        let setting = Duration::from_secs(300);
        for (timeout, seconds) in
            [(json!(2), 7.0), (json!(0.5), 5.5), (json!(0), 300.0), (json!(-1), 300.0), (json!("x"), 300.0)]
        {
            let first_word = chat(json!({"messages": [], "timeout": timeout})).first_word(setting);
            assert_eq!(first_word.as_secs_f64(), seconds);
        }
        assert_eq!(chat(json!({"messages": []})).first_word(setting), setting);
    }

    #[test]
    fn what_is_no_chat_is_refused() {
        for odd in [json!([]), json!(null), json!({}), json!({"messages": "hi"})] {
            assert_eq!(Chat::read(odd).unwrap_err().code, BAD_REQUEST);
        }
    }
}

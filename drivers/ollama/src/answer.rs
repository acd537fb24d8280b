//! One line of an answer.

use mdd_driver_api::text::printable;
use serde_json::Value;

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// It is empty, or a step without words.
    Nothing,
    /// More of the text.
    Text(String),
    /// The last of it: the answer is complete.
    Last(String),
    /// The model failed. The status was sent long ago, so a line is all that tells.
    Failed(String),
    /// It is none of an answer.
    Odd,
}

pub(crate) fn read(line: &str) -> Said {
    if line.trim().is_empty() {
        return Said::Nothing;
    }
    if let Some(text) = error(line.as_bytes()) {
        return Said::Failed(text);
    }
    let Ok(said) = serde_json::from_str::<Value>(line) else { return Said::Odd };
    // A chat has a message, a prompt has a response.
    let text = said.pointer("/message/content").or_else(|| said.get("response"));
    let text = text.and_then(Value::as_str).unwrap_or_default().to_owned();
    match said.get("done").and_then(Value::as_bool) {
        Some(true) => Said::Last(text),
        Some(false) if text.is_empty() => Said::Nothing,
        Some(false) => Said::Text(text),
        None => Said::Odd,
    }
}

/// The text of an error, `{"error": "…"}`.
pub(crate) fn error(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    body.get("error").map(|error| printable(error.as_str().unwrap_or("it failed and gave no reason"), 400))
}

#[cfg(test)]
mod tests {
    use super::{Said, read};

    #[test]
    fn the_lines_of_the_documentation_are_understood() {
        let chat = r#"{"model":"llama3.2","message":{"role":"assistant","content":"The","images":null},"done":false}"#;
        assert_eq!(read(chat), Said::Text("The".to_owned()));
        assert_eq!(read(r#"{"model":"llama3.2","done":true,"eval_count":282}"#), Said::Last(String::new()));
        assert_eq!(read(r#"{"model":"llama3.2","response":"The","done":false}"#), Said::Text("The".to_owned()));
        let error = r#"{"error":"an error was encountered while running the model"}"#;
        assert_eq!(read(error), Said::Failed("an error was encountered while running the model".to_owned()));
    }

    #[test]
    fn what_is_no_line_of_an_answer_is_odd() {
        for odd in ["<html>", "null", "[]", "{}", "7", r#"{"done": "yes"}"#] {
            assert_eq!(read(odd), Said::Odd, "{odd}");
        }
        assert_eq!(read(" "), Said::Nothing);
    }
}

//! A job that needs no file and no real model.

use mdd_core::jobs::{Submission, Target};
use serde_json::json;

/// A chat for any LiteLLM there is.
pub fn chat(id: &str) -> Submission {
    Submission {
        id: id.to_owned(),
        target: Target::Kind("litellm".to_owned()),
        operation: None,
        payload: json!({"model": "mock-gpt", "messages": [{"role": "user", "content": "hi"}]}),
        files: Vec::new(),
    }
}

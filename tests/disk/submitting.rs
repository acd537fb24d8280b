//! Jobs for a kind that has no backend: they wait, and nothing but the journal is written.

use mdd_core::{
    events::JobView,
    jobs::{Submission, Target},
    rpc::{CallError, Client},
};
use serde_json::json;

/// A driver that is there, and has nowhere to go.
pub(crate) const KIND: &str = "litellm";

pub(crate) async fn submit(client: &mut Client, id: &str) -> Result<JobView, CallError> {
    let submission = Submission {
        id: id.to_owned(),
        target: Target::Kind(KIND.to_owned()),
        operation: None,
        payload: json!({"model": "mock-gpt", "messages": [{"role": "user", "content": "hi"}]}),
        files: Vec::new(),
    };
    client.call("jobs.submit", &submission).await
}

//! Jobs for a kind that has no backend: they wait, and nothing but the journal is written.

use mdd_core::{
    events::JobView,
    rpc::{CallError, Client},
};
use mdd_tests::chat;

/// A driver that is there, and has nowhere to go.
pub(crate) const KIND: &str = "litellm";

pub(crate) async fn submit(client: &mut Client, id: &str) -> Result<JobView, CallError> {
    client.call("jobs.submit", &chat(id)).await
}

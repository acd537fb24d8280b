//! The MCP server: stateless JSON-RPC over HTTP, and two paths for media. It takes one job at a time.
//!
//! Its tools are synchronous functions in its event loop, so nothing here ever asks it to wait for a job.

mod media;
mod run;
mod snapshot;
mod tool;

use crate::{flavour::Flavour, generation::Generation, problem};
use mdd_driver_api::{
    DriverError, ErrorKind, Host, Job, Request, Response, Result,
    model::{Attempt, Detach, Identity, Inspection, Model, Outcome, Sample},
};
use run::Run;
use serde_json::{Value, json};
use std::time::Duration;
use tool::Told;

/// `/mcp` would be redirected here.
pub(crate) const TARGET: &str = "/mcp/";
/// What the server calls itself.
const NAME: &str = "WanGP";
/// A submission looks at the models first, in the same event loop that answers everybody.
const PATIENCE: Duration = Duration::from_secs(30);
/// A page of models, with everything that is told of them, has some 300 KB.
const LONGEST: u64 = 16 << 20;
/// Models on a page, and pages.
const PAGE: usize = 50;
const MAX_PAGES: usize = 20;

/// A server.
pub(crate) struct Mcp {
    host: Host,
}

impl Mcp {
    pub(crate) fn new(host: Host) -> Self {
        Self { host }
    }

    /// Asks who it is; only what is no Gradio app, of which `seen` is said.
    pub(crate) async fn identify(&self, seen: &str) -> Result<Identity> {
        let hello = json!({
            "protocolVersion": "2025-03-26",
            "capabilities": {},
            "clientInfo": {"name": "mdd-host", "version": env!("CARGO_PKG_VERSION")},
        });
        let answer = self.host.send(message("initialize", &hello)?).await?;
        if matches!(answer.status, 502..=504) {
            return answer.success().map(|_| Identity::no(seen));
        }
        let Ok(body) = answer.json::<Value>() else {
            return Ok(Identity::no(seen));
        };
        let server = &body["result"]["serverInfo"];
        match server["name"].as_str() {
            Some(NAME) => Ok(Identity::mine(98, "the MCP server of WanGP")
                .with_flavour(Flavour::Mcp.name())
                .because("it calls itself WanGP when an MCP client says hello")),
            Some(other) => {
                let seen = format!("an MCP server called \"{}\"", mdd_driver_api::text::printable(other, 60));
                Ok(Identity::no(seen))
            }
            None => Ok(Identity::no(seen)),
        }
    }

    /// The cheapest question that it answers.
    pub(crate) async fn check(&self) -> Result<Sample> {
        let answer = self.host.send(message("ping", &Value::Null)?).await?.success()?;
        let body: Value = answer.json()?;
        if body["result"].is_object() { Ok(Sample::default()) } else { Err(unexpected(&answer, "a ping")) }
    }

    pub(crate) async fn inspect(&self) -> Result<Inspection> {
        let mut inspection = Inspection::default();
        inspection.capabilities = vec!["generate".to_owned()];
        inspection.slots = 1;
        inspection.detach = Detach::Resumes;
        inspection.models = self.models().await?;
        Ok(inspection)
    }

    async fn models(&self) -> Result<Vec<Model>> {
        let mut models = Vec::new();
        for page in 0..MAX_PAGES {
            let arguments = json!({"query": "", "limit": PAGE, "offset": page * PAGE});
            let told = self.call("wangp_search_models", &arguments).await?;
            let Told::Done(found) = told else { break };
            let matches = found["matches"].as_array().map(Vec::as_slice).unwrap_or_default();
            models.extend(matches.iter().filter_map(model));
            if matches.is_empty() || found["has_more"] != true {
                break;
            }
        }
        Ok(models)
    }

    pub(crate) async fn generate(&self, attempt: Attempt, generation: Generation, job: Job) -> Result<Outcome> {
        Run::new(self, job, attempt).carry(&generation).await
    }

    /// Calls a tool.
    ///
    /// # Errors
    /// Those of the network; `PROTOCOL` for what is no answer of this server.
    async fn call(&self, tool: &str, arguments: &Value) -> Result<Told> {
        let parameters = json!({"name": tool, "arguments": arguments});
        let request = message("tools/call", &parameters)?.head_within(PATIENCE).total_within(2 * PATIENCE);
        let answer = self.host.send(request.max_bytes(LONGEST)).await?.success()?;
        Told::read(&answer.json()?).ok_or_else(|| unexpected(&answer, tool))
    }
}

fn message(method: &str, parameters: &Value) -> Result<Request> {
    let mut body = json!({"jsonrpc": "2.0", "id": 1, "method": method});
    if !parameters.is_null() {
        body["params"] = parameters.clone();
    }
    // It wants to be allowed to stream, and never does.
    let request = Request::post(TARGET).header("accept", "application/json, text/event-stream");
    request.json(&body)
}

fn model(found: &Value) -> Option<Model> {
    let outputs = found["main_output"].as_array()?;
    let kind: Vec<&str> = outputs.iter().filter_map(Value::as_str).collect();
    Some(Model::new(found["model_type"].as_str()?, kind.join(", ")))
}

fn unexpected(answer: &Response, question: &str) -> DriverError {
    let text = format!("it answered {} to {question}", answer.in_words());
    DriverError::new(ErrorKind::PROTOCOL, text).with_status(answer.status)
}

/// A request could not be answered; whether it arrived is another question.
fn not_sent(error: DriverError) -> DriverError {
    match error.kind {
        ErrorKind::TRANSPORT | ErrorKind::TIMEOUT => error.with_code(problem::NOT_SENT).without_effect(),
        _ => error.without_effect(),
    }
}

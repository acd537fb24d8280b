//! ComfyUI beyond its recorded files: the rules and the traps that were observed on real servers.

mod http_rules;
mod jobs;
mod traps;

use mdd_sim::{Options, Sim};
use serde_json::{Value, json};

use crate::http::post;

const VERSIONS: [&str; 2] = ["0.3.64", "0.33.0"];

async fn start(version: &str) -> Sim {
    Sim::start(Options::new("comfyui").version(version)).await.unwrap()
}

/// A job that takes `steps` × 20 ms, without previews.
fn slow(color: u32, steps: u32) -> Value {
    lab(color, "LabSlow", json!({ "steps": steps, "delay": 0.02, "preview": false }))
}

/// An image that goes through a lab node and is saved.
fn lab(color: u32, class: &str, mut inputs: Value) -> Value {
    inputs["image"] = json!(["1", 0]);
    let mut workflow = image(color);
    workflow["2"]["inputs"]["images"] = json!(["3", 0]);
    workflow["3"] = json!({ "class_type": class, "inputs": inputs });
    workflow
}

/// An image that is saved.
fn image(color: u32) -> Value {
    let inputs = json!({ "width": 8, "height": 8, "batch_size": 1, "color": color });
    json!({
        "1": { "class_type": "EmptyImage", "inputs": inputs },
        "2": { "class_type": "SaveImage", "inputs": { "images": ["1", 0], "filename_prefix": "lab" } },
    })
}

/// Posts a workflow and returns its id.
async fn submit(sim: &Sim, workflow: Value, client: Option<&str>) -> String {
    let mut body = json!({ "prompt": workflow });
    if let Some(client) = client {
        body["client_id"] = json!(client);
    }
    let response = post(sim, "/prompt", &body).await;
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()["prompt_id"].as_str().unwrap().to_owned()
}

//! ComfyUI, both recorded versions.

mod cancelling;
mod laws;
mod listening;
pub(crate) mod others;
mod refusals;
mod results;

use mdd_sim::{Options, Sim};
use serde_json::{Value, json};

pub(crate) const VERSIONS: [&str; 2] = ["0.3.64", "0.33.0"];

pub(crate) async fn sim(version: &str) -> Sim {
    Sim::start(Options::new("comfyui").version(version)).await.unwrap()
}

/// A picture of one colour, at once.
pub(crate) fn picture(color: u32) -> Value {
    json!({
        "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": color}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "mdd"}},
    })
}

/// The same after so many tenths of a second.
pub(crate) fn slow(color: u32, tenths: u32) -> Value {
    let mut workflow = picture(color);
    let inputs = json!({"image": ["1", 0], "steps": tenths, "delay": 0.1, "preview": true});
    workflow["3"] = json!({"class_type": "LabSlow", "inputs": inputs, "_meta": {"title": "Slowly"}});
    workflow["2"]["inputs"]["images"] = json!(["3", 0]);
    workflow
}

/// Loads a file of the job and saves it as it is.
pub(crate) fn copied() -> Value {
    json!({
        "1": {"class_type": "LoadImage", "inputs": {"image": "mdd-file:ref"}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "mdd"}},
    })
}

/// How often a workflow was sent.
fn posts(sim: &Sim) -> usize {
    let ledger = sim.ledger();
    ledger.requests.iter().filter(|request| request.method == "POST" && request.path == "/prompt").count()
}

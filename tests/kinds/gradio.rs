//! Gradio apps: whose they are, whether they live, and what they are that we have never heard of.

mod health;
mod hostile;
mod login;
mod matrix;

use mdd_sim::{Options, Sim};

/// Kinds of drivers for Gradio apps.
const KINDS: [&str; 2] = ["audioldm", "rvc"];

/// Simulated apps: kind and version in the simulator, and the kind and flavour that they are.
const APPS: [(&str, &str, &str, &str); 4] = [
    ("audioldm", "audioldm", "audioldm", "audioldm"),
    ("audioldm", "audioldm2", "audioldm", "audioldm2"),
    ("rvc-webui", "webui", "rvc", "webui"),
    ("rvc-webui", "webui-231006", "rvc", "webui-231006"),
];

async fn sim(kind: &str, version: &str) -> Sim {
    Sim::start(Options::new(kind).version(version)).await.unwrap()
}

/// Every recorded generation with an app that is nobody's.
fn generations() -> &'static [&'static str] {
    mdd_sim::kinds().iter().find(|kind| kind.name == "gradio").unwrap().versions
}

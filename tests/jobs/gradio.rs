//! Gradio: every generation with a driver that calls anything, and the kinds that are Gradio apps.

mod apps;
mod audioldm;
mod generations;
mod hostile;
mod laws;
mod rvc;
mod script;
mod wangp;

use crate::run::attempt;
use mdd_driver_api::model::Attempt;
use mdd_sim::{Options, Sim};
use mdd_tests::Subject;
use serde_json::{Value, json};

/// The generations of the simulator, by version of Gradio.
fn versions() -> &'static [&'static str] {
    mdd_sim::kinds().iter().find(|kind| kind.name == "gradio").unwrap().versions
}

/// Whether messages of the version come over a WebSocket.
fn is_3(version: &str) -> bool {
    version.starts_with("3.")
}

async fn sim(kind: &str, version: &str) -> Sim {
    Sim::start(Options::new(kind).version(version)).await.unwrap()
}

/// A driver at an app that it has recognised.
async fn at(driver: &str, sim: &Sim) -> Subject {
    let subject = Subject::of(driver, &sim.url());
    subject.identify().await.unwrap();
    subject.promoted()
}

/// A call of a function.
fn call(function: &str, data: Value) -> Attempt {
    attempt("call", json!({"function": function, "data": data}))
}

/// Twenty steps in so many seconds.
fn generate(function: &str, seconds: f64) -> Attempt {
    call(function, json!(["a red bicycle", 20, seconds, null]))
}

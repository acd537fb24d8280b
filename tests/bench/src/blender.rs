//! What reaches Blender: P7 and P8, measured by the extension's own modules in a process of Python.

use crate::{
    goals::{Measured, Verdict},
    world::World,
};
use anyhow::Context as _;
use mdd_sim::Sim;
use serde_json::Value;
use tokio::sync::OnceCell;

static FIGURES: OnceCell<Value> = OnceCell::const_new();

async fn figures(world: &World) -> anyhow::Result<&'static Value> {
    FIGURES
        .get_or_try_init(|| async {
            let sim = Sim::start("comfyui").await?;
            let (state, plugins) = (tempfile::tempdir()?, world.plugins(&["comfyui"])?);
            let mut command = std::process::Command::new(&world.python);
            command.arg(world.root.join("blender_bridge/tests/measure.py")).args(["--kind", "comfyui"]);
            command.args(["--url", &sim.url(), "--trigger", &format!("{}/prompt", sim.url())]);
            command.args(["--websocket", &format!("ws://{}/ws?clientId=measure", sim.addr())]);
            command.arg("--payload").arg(world.root.join("tests/fixtures/comfyui-0.3.64/workflow_emptyimage.json"));
            command.env("MDD_TEST_BIN", world.program("mdd-host").parent().context("a folder")?);
            command.env("MDD_TEST_PLUGINS", plugins.path()).env("MDD_STATE_DIR", state.path());
            crate::peer::run(&mut command)
        })
        .await
}

fn number(value: &Value) -> anyhow::Result<f64> {
    value.as_f64().with_context(|| format!("{value} is no number"))
}

pub(crate) async fn events(world: &World) -> anyhow::Result<Measured> {
    let event = &figures(world).await?["event_us"];
    let read = |way: &str, at: &str| number(&event[way][at]);
    let (ours, worst) = (read("host", "p50")?, read("host", "p99")?);
    let (theirs, their_worst) = (read("direct", "p50")?, read("direct", "p99")?);
    Ok(Measured {
        ours: format!("{:.2} ms p50, {:.2} ms p99", ours / 1e3, worst / 1e3),
        beside: format!("websocket-client at the service itself: {:.2} ms, {:.2} ms", theirs / 1e3, their_worst / 1e3),
        ratio: Some(ours / theirs),
        verdict: Verdict::of(ours <= theirs && worst <= 0.7 * their_worst),
    })
}

pub(crate) async fn tick(world: &World) -> anyhow::Result<Measured> {
    let empty = number(&figures(world).await?["empty_pump_us"])?;
    Ok(Measured {
        ours: format!("{empty:.2} µs"),
        beside: "-".to_owned(),
        ratio: None,
        verdict: Verdict::of(empty <= 2.0),
    })
}

//! A real Gradio app, beside Gradio's own client: P16.

use crate::{
    figures::{Times, ratio, short},
    goals::{Measured, Verdict},
    peer::Peer,
    world::{SOON, World, any, host, until},
};
use anyhow::{Context as _, ensure};
use mdd_core::{
    events::{JobState, StateName},
    jobs::{Submission, Target},
};
use serde_json::json;
use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::Command,
    time::{Duration, Instant},
};

const ROUNDS: usize = 5;
/// What the driver asks of Gradio 4.44 and later, as the tests of the drivers hold it to.
const CHECK: &str = "/gradio_api/app_id";

pub(crate) async fn beside_its_client(world: &World) -> anyhow::Result<Measured> {
    let home = tempfile::Builder::new().prefix("gradio-").tempdir()?;
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let mut command = Command::new(&world.gradio);
    command.arg(world.root.join("tests/real/gradio/audioldm.py")).arg(port.to_string()).arg("2");
    command.current_dir(home.path()).env("HOME", home.path()).env("GRADIO_ANALYTICS_ENABLED", "False");
    command.env("GRADIO_TEMP_DIR", home.path().join("gradio")).stderr(std::process::Stdio::null());
    let _server = Peer::start(&mut command)?;
    let deadline = Instant::now() + SOON;
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        ensure!(Instant::now() < deadline, "the app does not listen");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let url = format!("http://127.0.0.1:{port}");
    let plugins = world.plugins(&["audioldm"])?;
    let (mut connected, mut made) = (Times::default(), Times::default());
    let (mut their_connected, mut their_made) = (Times::default(), Times::default());
    let mut theirs_last = json!(null);
    for round in 0..ROUNDS {
        let state = tempfile::tempdir()?;
        let began = Instant::now();
        let host = host(plugins.path(), state.path(), &[("audioldm", url.clone())], false)?;
        until(&host, |snapshot| any(snapshot, |view| view.state == StateName::Connected)).await?;
        connected.add(began.elapsed());
        let submission = Submission {
            id: format!("job-{round}"),
            target: Target::Kind("audioldm".to_owned()),
            operation: None,
            payload: json!({"prompt": "a hammer", "candidates": 1}),
            files: Vec::new(),
        };
        let began = Instant::now();
        host.jobs().submit(submission).await?;
        let job = host.jobs().wait(&format!("job-{round}")).await?;
        ensure!(job.state == JobState::Done, "{job:#?}");
        made.add(began.elapsed());
        drop(host);
        let script = world.root.join("tests/bench/peers/gradio_app.py");
        theirs_last = crate::peer::run(Command::new(&world.gradio).arg(script).arg(&url).env("HOME", home.path()))?;
        let seconds = |name: &str| theirs_last[name].as_f64().map(Duration::from_secs_f64).context("a time");
        their_connected.add(seconds("connect")?);
        their_made.add(seconds("predict")?);
    }
    let bytes = answer(port)?;
    Ok(Measured {
        ours: format!(
            "connected {}, a job of 0.3 s with its file kept {}; a check carries {bytes} bytes",
            short(connected.p50()),
            short(made.p50())
        ),
        beside: format!(
            "gradio_client, after {:.2} s for its import: {}, {}; {} MB",
            theirs_last["import"].as_f64().unwrap_or_default(),
            short(their_connected.p50()),
            short(their_made.p50()),
            theirs_last["resident_mb"]
        ),
        ratio: Some(ratio(connected.p50(), their_connected.p50())),
        verdict: Verdict::of(bytes <= 1024),
    })
}

/// Bytes of the answer to one check, with its head.
fn answer(port: u16) -> anyhow::Result<usize> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    write!(stream, "GET {CHECK} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    ensure!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    Ok(answer.len())
}

//! How long the tests take that need no clock but their own: P18.

use crate::{
    figures::short,
    goals::{Measured, Verdict},
    world::World,
};
use anyhow::ensure;
use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

pub(crate) async fn core(world: &World) -> anyhow::Result<Measured> {
    let run = |words: &[&str]| -> anyhow::Result<Duration> {
        let began = Instant::now();
        let mut command = Command::new("cargo");
        command.args(["test", "--quiet", "--package", "mdd-core", "--lib"]).args(words).current_dir(&world.root);
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        ensure!(status.success(), "the tests of the core fail");
        Ok(began.elapsed())
    };
    run(&["--no-run"])?;
    let took = run(&[])?;
    Ok(Measured {
        ours: short(took),
        beside: "-".to_owned(),
        ratio: None,
        verdict: Verdict::of(took <= Duration::from_secs(120)),
    })
}

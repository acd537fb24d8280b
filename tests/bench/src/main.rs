//! Measures every metric that the project has a goal for, each beside a peer or a floor in the same run, and prints
//! ratios. `cargo xtask bench` builds what is shipped, starts this and keeps the page of the book.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a measurement talks to the person who started it")]

mod blender;
mod crash;
mod crowd;
mod figures;
mod goals;
mod gradio;
mod idle;
mod jobs;
mod loading;
mod loss;
mod mdns;
mod page;
mod peer;
mod plugins;
mod process;
mod reconnect;
mod sizes;
mod soak;
mod sockets;
mod start;
mod suite;
mod watching;
mod world;

use clap::Parser;
use goals::{GOALS, Measured};
use std::{path::PathBuf, process::ExitCode};
use world::World;

#[derive(Parser)]
struct Arguments {
    /// The folder that `cargo xtask dist` lays out.
    #[arg(long)]
    installation: PathBuf,
    /// An interpreter with the packages of peers.txt.
    #[arg(long)]
    python: PathBuf,
    /// An interpreter with Gradio and its client.
    #[arg(long)]
    gradio: PathBuf,
    /// The root of the repository.
    #[arg(long)]
    root: PathBuf,
    /// The page to write; only when everything is measured.
    #[arg(long)]
    page: Option<PathBuf>,
    /// What to measure, such as P4; everything by default.
    ids: Vec<String>,
}

fn main() -> ExitCode {
    if let Ok(ports) = std::env::var(start::FLOOR) {
        return start::floor(&ports);
    }
    match measure(Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every metric has its figures; whether they are good is for people to read.
#[tokio::main]
async fn measure(arguments: Arguments) -> anyhow::Result<bool> {
    let world = World::new(&arguments);
    let wanted = |id: &str| arguments.ids.is_empty() || arguments.ids.iter().any(|chosen| chosen == id);
    let mut all: Vec<Measured> = Vec::new();
    let mut complete = true;
    for goal in GOALS.iter().filter(|goal| wanted(goal.id)) {
        match (goal.measure)(&world).await {
            Ok(measured) => {
                println!("{}", page::line(goal, &measured));
                all.push(measured);
            }
            Err(error) => {
                complete = false;
                println!("{}: not measured: {error:#}", goal.id);
            }
        }
    }
    if let Some(page) = arguments.page.filter(|_| complete && arguments.ids.is_empty()) {
        std::fs::write(page, page::whole(&all)?)?;
    }
    Ok(complete)
}

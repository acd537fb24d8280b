//! `cargo xtask`: the commands that are more than one call of cargo.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a developer command talks to the person who started it")]

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use xtask::{bench, blender, book, demo, dist, gate, sbom, venv};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Developer commands of mdd-host")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build everything, start simulated services and watch the host notice them go and come back.
    Demo {
        /// Play the acts once without pauses; fail unless each state was really seen.
        #[arg(long)]
        once: bool,
    },
    /// Run the gate: every lane, or the ones named.
    Test {
        /// Lanes to run, in the order of the list.
        lanes: Vec<String>,
        /// Print the lanes and leave.
        #[arg(long)]
        list: bool,
    },
    /// Build host, drivers and simulator and lay them out in target/dist as an installation would,
    /// with the packages that users install in target/dist/packages.
    Dist {
        /// Cargo profile to build with: dev, release or dist.
        #[arg(long, default_value = "dist")]
        profile: String,
    },
    /// What mdBook calls to put the page of every driver into the book.
    Book {
        /// `supports` and a renderer: whether it can be used with that one; it always can.
        question: Vec<String>,
    },
    /// Measure what is shipped beside its peers, and write the book's page of benchmarks when everything is measured.
    Bench {
        /// What to measure, such as P4; everything by default.
        ids: Vec<String>,
    },
    /// Print the interpreter of a pinned Python environment; make the environment when it is missing.
    Venv {
        /// Name of the environment, for example litellm-1.106.2.
        name: String,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo { once } => demo::run(once)?,
        Command::Test { list: true, .. } => gate::list(),
        Command::Test { lanes, list: false } => return gate::run(&lanes),
        Command::Dist { profile } => {
            let installation = dist::lay_out(&profile)?;
            println!("{}", installation.root.display());
            blender::package(&installation)?;
            println!("{}", sbom::write(&installation.root.join("packages"))?.display());
        }
        Command::Book { question } if question.is_empty() => book::preprocess()?,
        Command::Book { .. } => {}
        Command::Bench { ids } => bench::run(&ids)?,
        Command::Venv { name } => println!("{}", venv::ensure(&name)?.display()),
    }
    Ok(ExitCode::SUCCESS)
}

//! The gate: lanes that run one after another, each to its end, whatever the others did.

mod allowance;
mod lanes;
mod provoked;
mod report;

use crate::tool;
use allowance::Allowance;
use anyhow::{Result, bail};
use report::{Outcome, Report};
use std::process::ExitCode;
use std::time::Instant;

/// One check of the repository.
pub struct Lane {
    /// What one types to run it.
    pub name: &'static str,
    /// What it proves, in a few words.
    pub about: &'static str,
    /// Whether it belongs to the whole. One that does not is run by its name.
    in_whole: bool,
    run: fn() -> Result<()>,
}

/// Prints every lane.
pub fn list() {
    for lane in lanes::LANES {
        let when = if lane.in_whole { "" } else { " (only by name)" };
        println!("{:<16} {}{when}", lane.name, lane.about);
    }
}

/// Runs the lanes named, or all of them, and prints how long each took and how it ended.
///
/// A lane that cannot run on this machine counts as failed unless `.ci/allowed-to-skip.toml` names it.
pub fn run(names: &[String]) -> Result<ExitCode> {
    let allowance = Allowance::read(lanes::LANES)?;
    let lanes = choose(names)?;
    let began = Instant::now();
    let mut report = Report::default();
    for lane in lanes {
        println!("\n=== {}: {}", lane.name, lane.about);
        let began = Instant::now();
        let outcome = judge((lane.run)(), allowance.reason(lane.name));
        report.add(lane.name, began.elapsed(), outcome);
    }
    Ok(report.print(began.elapsed()))
}

fn choose(names: &[String]) -> Result<Vec<&'static Lane>> {
    if let Some(unknown) = names.iter().find(|name| !lanes::LANES.iter().any(|lane| lane.name == **name)) {
        bail!("no lane is called {unknown}; `cargo xtask test --list` prints them");
    }
    let named = |lane: &&Lane| names.iter().any(|name| name == lane.name);
    let wanted = |lane: &&Lane| if names.is_empty() { lane.in_whole } else { named(lane) };
    Ok(lanes::LANES.iter().filter(wanted).collect())
}

fn judge(result: Result<()>, allowed: Option<&str>) -> Outcome {
    match (result, allowed) {
        (Ok(()), _) => Outcome::Passed,
        (Err(error), Some(reason)) if error.is::<tool::Missing>() => {
            Outcome::Skipped { reason: reason.to_owned(), error: format!("{error:#}") }
        }
        (Err(error), _) => Outcome::Failed(format!("{error:#}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing() -> Result<()> {
        Err(tool::Missing("no such tool".into()).into())
    }

    #[test]
    fn only_a_lane_that_cannot_run_and_is_listed_is_skipped() {
        assert!(matches!(judge(missing(), Some("no network")), Outcome::Skipped { .. }));
        assert!(matches!(judge(missing(), None), Outcome::Failed(_)));
        assert!(matches!(judge(Err(anyhow::anyhow!("broken")), Some("no network")), Outcome::Failed(_)));
        assert!(matches!(judge(Ok(()), Some("no network")), Outcome::Passed));
    }

    #[test]
    fn a_missing_tool_is_recognised_below_other_words() {
        use anyhow::Context;
        assert!(matches!(judge(missing().context("lane x"), Some("no network")), Outcome::Skipped { .. }));
    }

    #[test]
    fn lanes_keep_their_order_and_unknown_ones_are_named() {
        let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let chosen = choose(&names(&["clippy", "format"])).unwrap();
        assert_eq!(chosen.iter().map(|lane| lane.name).collect::<Vec<_>>(), ["format", "clippy"]);
        assert!(choose(&[]).unwrap().iter().all(|lane| lane.name != "windows"), "it is for those who ask for it");
        assert_eq!(choose(&names(&["windows"])).unwrap().len(), 1);
        assert!(choose(&names(&["nothing"])).is_err_and(|error| error.to_string().contains("nothing")));
    }
}

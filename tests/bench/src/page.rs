//! The page of the book.

use crate::goals::{GOALS, Goal, Measured};
use std::fs;

/// One metric for the terminal.
pub(crate) fn line(goal: &Goal, measured: &Measured) -> String {
    let Measured { ours, beside, verdict, .. } = measured;
    format!(
        "{} {}: {ours}\n    beside {beside}{}\n    goal {}: {}",
        goal.id,
        goal.metric,
        ratio(measured),
        goal.goal,
        verdict.word()
    )
}

fn ratio(measured: &Measured) -> String {
    measured.ratio.map(|ratio| format!(" (ratio {ratio:.3})")).unwrap_or_default()
}

/// Everything, as Markdown.
pub(crate) fn whole(all: &[Measured]) -> anyhow::Result<String> {
    let mut text = include_str!("introduction.md").replace("{machine}", &machine()?);
    for (goal, measured) in GOALS.iter().zip(all) {
        let Measured { ours, beside, verdict, .. } = measured;
        let row = [goal.id, goal.metric, ours, &format!("{beside}{}", ratio(measured)), goal.goal, verdict.word()];
        text.push_str(&format!("| {} |\n", row.join(" | ")));
    }
    text.push_str(include_str!("misses.md"));
    Ok(text)
}

fn machine() -> anyhow::Result<String> {
    let cpu = fs::read_to_string("/proc/cpuinfo")?;
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let cores = std::thread::available_parallelism()?;
    let model = field(&cpu, "model name").unwrap_or_else(|| "an unnamed processor".to_owned());
    let memory = field(&fs::read_to_string("/proc/meminfo")?, "MemTotal").unwrap_or_default();
    let gigabytes = memory.trim_end_matches(" kB").parse::<f64>().unwrap_or_default() / 1024.0 / 1024.0;
    let system = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let load = fs::read_to_string("/proc/loadavg")?;
    let load = load.split(' ').next().unwrap_or_default();
    Ok(format!("{cores} cores of {model}, {gigabytes:.0} GiB, Linux {}, load {load} at the end", system.trim()))
}

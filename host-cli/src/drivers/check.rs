//! `drivers check`: would a host take the file, and does the driver keep the laws?

use super::gate;
use crate::{
    Verdict,
    arguments::{CheckOptions, ConformOptions, Global},
    connect,
    failure::Coded,
    output::{self, BAD, DIM, FAIR, GOOD, styled},
    stdout,
};
use anyhow::{Context as _, anyhow};
use indicatif::{ProgressBar, ProgressStyle};
use mdd_conformance::{Finding, Impossible, Line, Progress, Report};
use mdd_core::{plugins::DriverFile, rpc::DriverView, settings::Settings};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;

/// What `--json` prints.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Checked<'c> {
    #[serde(flatten)]
    file: &'c DriverView,
    #[serde(flatten)]
    report: &'c Report,
}

pub(crate) fn check(global: &Global, settings: &Settings, options: &CheckOptions) -> anyhow::Result<Verdict> {
    let result = gate(settings)?.admit_anew(&options.file);
    let row = DriverView::of(&DriverFile::of(options.file.clone(), result));
    let is_taken = row.status == "active";
    let report = match is_taken {
        true => {
            let program = connect::program().context("this program cannot find itself")?;
            let mut bar = None;
            let on_progress = |at: Progress<'_>| show(bar.get_or_insert_with(|| begin(global, at)), at);
            let report = mdd_conformance::check(program, &options.file, options.script.as_deref(), on_progress);
            if let Some(bar) = bar {
                bar.finish_and_clear();
            }
            report.map_err(told)?
        }
        false => Report::default(),
    };
    if global.json {
        output::json(&Checked { file: &row, report: &report })?;
    } else {
        output::text(&(head(&row, &report) + &laws(&report)))?;
    }
    let is_good = is_taken && report.broken().next().is_none();
    Ok(if is_good { Verdict::InOrder } else { Verdict::NotInOrder })
}

/// The check itself, in the process that `check` has started for it.
pub(crate) fn conform(options: &ConformOptions) -> anyhow::Result<Verdict> {
    let copies = tempfile::tempdir()?;
    let told =
        mdd_conformance::run_child(&options.file, options.script.as_deref(), copies.path(), &mut stdout::ours()?);
    told.map_err(|error| anyhow!(error))?;
    Ok(Verdict::InOrder)
}

/// A script is its author's to correct, whatever is wrong with it.
fn told(impossible: Impossible) -> anyhow::Error {
    match impossible {
        Impossible::Script(invalid) => Coded::new("no-script", format!("{:#}", anyhow!(invalid))).into(),
        other => other.into(),
    }
}

/// On stderr while the laws are checked; nothing where nobody looks at a terminal.
fn begin(global: &Global, at: Progress<'_>) -> ProgressBar {
    if global.quiet || global.json {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(at.of as u64);
    // What is wide is cut to the width of the terminal.
    match ProgressStyle::with_template("{bar:20} {pos} of {len} laws, {wide_msg}") {
        Ok(style) => bar.with_style(style.progress_chars("█▌░")),
        Err(_) => bar,
    }
}

fn show(bar: &ProgressBar, at: Progress<'_>) {
    bar.set_message(at.law.to_owned());
    bar.set_position(at.done as u64);
}

fn head(row: &DriverView, report: &Report) -> String {
    if let (Some(reason), Some(code), Some(remedy)) = (&row.reason, &row.code, &row.remedy) {
        let refused = styled(BAD, "refused");
        return format!("{refused} {}\n  code    {code}\n  reason  {reason}\n  remedy  {remedy}\n", row.path);
    }
    let word = match report.broken().next() {
        None => styled(GOOD, "good"),
        Some(_) => styled(BAD, "bad"),
    };
    format!(
        "{word} {}\n  driver  {} {}\n  api     {}\n  sha256  {}\n  passed  inspection, trial, load, layout, manifest\n",
        row.path,
        row.kind.as_deref().unwrap_or_default(),
        row.version.as_deref().unwrap_or_default(),
        row.api_version.as_deref().unwrap_or_default(),
        row.sha256.as_deref().unwrap_or_default(),
    )
}

fn laws(report: &Report) -> String {
    if report.laws.is_empty() {
        return String::new();
    }
    let mut text: String = report.laws.iter().map(line).collect();
    let (broken, not_checked) = (report.broken().count(), report.not_checked().count());
    let kept = report.laws.len() - broken - not_checked;
    text += &not_seen(&report.not_seen);
    let _infallible = writeln!(text, "{kept} laws kept, {broken} broken, {not_checked} not checked.");
    text
}

/// Whether a code is reported where it should be is for its author to look at: it is no law.
fn not_seen(codes: &[String]) -> String {
    let word = styled(FAIR, "not seen   ");
    codes.iter().fold(String::new(), |mut text, code| {
        let _infallible =
            writeln!(text, "  {word}  {code:<32}  {}", styled(DIM, "nothing here has provoked this code"));
        text
    })
}

fn line(line: &Line) -> String {
    let Line { law, title, finding } = line;
    let (word, seen) = match finding {
        Finding::Kept => (styled(GOOD, "ok         "), None),
        Finding::Broken(seen) => (styled(BAD, "FAILED     "), Some(seen)),
        Finding::NotChecked(why) => (styled(FAIR, "not checked"), Some(why)),
    };
    let mut text = format!("  {word}  {law:<32}  {}\n", styled(DIM, title));
    if let Some(seen) = seen {
        let _infallible = writeln!(text, "               {seen}");
    }
    text
}

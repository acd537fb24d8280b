//! Everything about one service or job, as lines of a window.

use super::{
    board::Board,
    lines::wrapped,
    screen::{clean, remedy_text, state},
};
use crate::{output::age, remedies::About};
use mdd_core::{
    diagnosis::Reason,
    events::{BackendView, JobView},
};
use std::iter;
use tokio::time::Instant;

/// Names of facts and a space.
const NAME_WIDTH: usize = 12;

pub(super) fn backend_details(board: &Board, backend: &BackendView, now: Instant, width: usize) -> Vec<String> {
    let mut facts = vec![
        ("state", format!("{} for {}", state(board, backend, now), age(&backend.since))),
        ("id", clean(&backend.id)),
        ("address", clean(backend.endpoint.as_deref().unwrap_or("none"))),
        (
            "version",
            clean(
                &[backend.version.as_deref(), backend.flavour.as_deref()]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join(", "),
            ),
        ),
        ("makes", clean(&backend.makes.join(", "))),
    ];
    if let Some(latency) = &backend.latency_ms {
        facts.push((
            "answers in",
            format!("{:.1} ms, half within {:.1}, 95 % within {:.1}", latency.last, latency.p50, latency.p95),
        ));
    }
    if let Some(uptime) = &backend.uptime {
        let percent = |part: f64| format!("{:.2} %", (part * 10_000.0).floor() / 100.0);
        facts.push((
            "up",
            format!(
                "{} of this session, {} of the hour, {} of the day",
                percent(uptime.session),
                percent(uptime.hour),
                percent(uptime.day)
            ),
        ));
        facts.push(("reconnects", backend.reconnects.to_string()));
    }
    for device in backend.devices.iter().flatten() {
        let free = device
            .memory_free
            .zip(device.memory_total)
            .map(|(free, total)| format!(", {:.1} of {:.1} GiB free", gibibytes(free), gibibytes(total)));
        facts.push(("device", format!("{}{}", clean(&device.name), free.unwrap_or_default())));
    }
    if let Some(models) = backend.models.as_ref().filter(|models| !models.is_empty()) {
        facts.push(("models", models.len().to_string()));
    }
    facts.extend(backend.attribution.iter().map(|sentence| ("", clean(sentence))));
    let mut lines = in_columns(facts, width);
    if let Some(reason) = &backend.reason {
        lines.extend(explained(reason, About::Backend(&backend.id), width));
    }
    if !backend.last_errors.is_empty() {
        lines.push(String::new());
        let errors = backend.last_errors.iter().rev().take(5);
        lines
            .extend(errors.flat_map(|error| {
                wrapped(&format!("{:>6} ago  {}", age(&error.at), clean(&error.observation)), width)
            }));
    }
    lines
}

fn gibibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

pub(super) fn job_details(job: &JobView, width: usize) -> Vec<String> {
    let facts = vec![
        ("state", format!("{} for {}", job.state, age(&job.since))),
        ("id", clean(&job.id)),
        ("service", clean(job.backend.as_deref().unwrap_or(&job.kind))),
        ("operation", clean(&job.operation)),
        ("submitted", format!("{} ago", age(&job.created))),
        ("folder", clean(&job.folder)),
    ];
    let mut lines = in_columns(facts, width);
    if let Some(reason) = &job.reason {
        lines.extend(explained(reason, About::Job(&job.id), width));
    }
    if let Some(text) = &job.text {
        lines.push(String::new());
        lines.extend(wrapped(&clean(text), width));
    }
    let results = job.results.iter().map(|result| format!("{}  {} bytes", clean(&result.path), result.bytes));
    lines.extend(results.flat_map(|line| wrapped(&line, width)));
    lines
}

/// What was seen, what it means and all that helps, below a free line.
fn explained(reason: &Reason, about: About<'_>, width: usize) -> Vec<String> {
    let seen = format!("{} ({})", clean(&reason.observation), clean(&reason.code));
    let helps = reason.remedies.iter().map(|remedy| remedy_text(reason, remedy, about));
    let lines = [String::new(), seen, clean(&reason.meaning)].into_iter().chain(helps);
    lines.flat_map(|line| wrapped(&line, width)).collect()
}

fn in_columns(facts: Vec<(&'static str, String)>, width: usize) -> Vec<String> {
    let known = facts.into_iter().filter(|(_, fact)| !fact.is_empty());
    known
        .flat_map(|(name, fact)| {
            let lines = wrapped(&fact, width.saturating_sub(NAME_WIDTH));
            lines
                .into_iter()
                .zip(iter::once(name).chain(iter::repeat("")))
                .map(|(line, name)| format!("{name:<NAME_WIDTH$}{line}"))
        })
        .collect()
}

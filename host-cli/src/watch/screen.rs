//! Drawing the board.

use super::{
    board::{Board, List, Over},
    look::{Look, sparkline},
};
use crate::remedies::{self, About};
use mdd_core::{
    diagnosis::Remedy,
    events::{BackendView, Detail, JobView, Snapshot},
};
use mdd_driver_api::text::printable;
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Modifier, Style},
    text::{Line, Span, Text},
    widgets::{Block, Cell, Clear, Paragraph, Row, Table, TableState, Wrap},
};
use tokio::time::Instant;

const KEYS: &str = "↑↓ choose  Tab jobs  Enter details  r look  t try  c cancel  ? help  q leave";
/// The longest text that is shown of anything, in characters.
const MAX_TEXT: usize = 400;

pub(super) fn draw(frame: &mut Frame<'_>, board: &Board, look: Look, now: Instant) {
    let Some(snapshot) = &board.snapshot else {
        let text = if board.message.is_empty() { "Waiting for the host." } else { &board.message };
        frame.render_widget(Paragraph::new(text), frame.area());
        return;
    };
    let backends = u16::try_from(snapshot.backends.len()).unwrap_or(u16::MAX).clamp(1, 12);
    let [head, list, reason, jobs, notices, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(backends.saturating_add(2)),
        Constraint::Length(2),
        Constraint::Fill(2),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(summary(snapshot, look), head);
    draw_backends(frame, list, board, look, now);
    frame.render_widget(Paragraph::new(why(board, look)).wrap(Wrap { trim: true }), reason);
    draw_jobs(frame, jobs, board, look);
    draw_notices(frame, notices, snapshot, look);
    let foot_text = if board.message.is_empty() { KEYS } else { &board.message };
    frame.render_widget(Paragraph::new(clean(foot_text)).style(look.dim()), foot);
    draw_over(frame, board, look, now);
}

fn summary(snapshot: &Snapshot, look: Look) -> Line<'static> {
    let (sign, style) = look.severity(snapshot.summary.severity);
    Line::styled(format!("{sign} {}", clean(&snapshot.summary.sentence)), style.add_modifier(Modifier::BOLD))
}

fn draw_backends(frame: &mut Frame<'_>, area: Rect, board: &Board, look: Look, now: Instant) {
    let rows = board.backends().iter().map(|backend| {
        let (sign, style) = look.backend(backend);
        let times = board.times(&backend.id);
        Row::new([
            Cell::from(format!("{sign} {}", clean(&backend.title))).style(style),
            Cell::from(state(board, backend, now)).style(style),
            Cell::from(latency(backend)),
            Cell::from(sparkline(&times, 6)),
            Cell::from(uptime(backend)),
            Cell::from(queue(backend)),
            Cell::from(clean(backend.endpoint.as_deref().unwrap_or_default().trim_start_matches("http://"))),
        ])
    });
    let widths = [
        Constraint::Fill(2),
        Constraint::Length(22),
        Constraint::Length(8),
        Constraint::Length(6),
        Constraint::Length(7),
        Constraint::Length(5),
        Constraint::Fill(3),
    ];
    let head = Row::new(["service", "state", "answer", "", "up", "queue", "address"]).style(look.dim());
    let table = Table::new(rows, widths).header(head).row_highlight_style(highlight(board.list == List::Backends));
    let mut at = TableState::default().with_selected(Some(board.chosen(List::Backends)));
    frame.render_stateful_widget(table.block(Block::default()), area, &mut at);
}

fn state(board: &Board, backend: &BackendView, now: Instant) -> String {
    let word = match backend.detail {
        Detail::Ready | Detail::Off => backend.state.to_string(),
        detail => format!("{} ({detail})", backend.state),
    };
    match board.countdown(backend, now) {
        Some(seconds) if backend.detail == Detail::Waiting => format!("waiting, again in {seconds} s"),
        Some(_) | None => word,
    }
}

fn latency(backend: &BackendView) -> String {
    backend.latency_ms.as_ref().map(|latency| format!("{:.1} ms", latency.last)).unwrap_or_default()
}

fn uptime(backend: &BackendView) -> String {
    // Rounded down: 100 % means always.
    let percent = |part: f64| format!("{:.1} %", (part * 1000.0).floor() / 10.0);
    backend.uptime.as_ref().map(|uptime| percent(uptime.session)).unwrap_or_default()
}

fn queue(backend: &BackendView) -> String {
    let Some(queue) = &backend.queue else { return String::new() };
    match queue.pending {
        Some(pending) => format!("{}+{pending}", queue.running),
        None => queue.running.to_string(),
    }
}

/// Why the chosen backend is not simply fine, and the first thing that helps.
fn why(board: &Board, look: Look) -> Text<'static> {
    let Some((backend, reason)) = board.backend().and_then(|backend| Some((backend, backend.reason.as_ref()?))) else {
        return Text::default();
    };
    let mut lines =
        vec![Line::styled(format!("  {} ({})", clean(&reason.observation), clean(&reason.code)), look.dim())];
    if let Some(remedy) = reason.remedies.first() {
        lines.push(Line::styled(format!("  {}", remedy_text(remedy, About::Backend(&backend.id))), look.dim()));
    }
    Text::from(lines)
}

fn remedy_text(remedy: &Remedy, about: About<'_>) -> String {
    clean(&remedies::line(remedy, about))
}

fn draw_jobs(frame: &mut Frame<'_>, area: Rect, board: &Board, look: Look) {
    let jobs = board.jobs();
    let title = format!("─ jobs: {} ", jobs.len());
    let block = Block::new().borders(ratatui::widgets::Borders::TOP).title(title).border_style(look.dim());
    let rows = jobs.iter().map(|job| {
        Row::new([
            Cell::from(job.state.to_string()).style(look.job(job.state)),
            Cell::from(clean(&job.operation)),
            Cell::from(progress(job)),
            Cell::from(job_detail(job)),
        ])
    });
    let widths = [Constraint::Length(10), Constraint::Length(16), Constraint::Length(16), Constraint::Fill(1)];
    let table = Table::new(rows, widths).block(block).row_highlight_style(highlight(board.list == List::Jobs));
    let mut at = TableState::default().with_selected((!jobs.is_empty()).then(|| board.chosen(List::Jobs)));
    frame.render_stateful_widget(table, area, &mut at);
}

fn progress(job: &JobView) -> String {
    match (&job.progress, job.queue_place) {
        _ if job.state.is_final() => String::new(),
        (_, Some(place)) => format!("{} before it", place),
        (Some(progress), None) if progress.total > 0.0 => {
            let part = (progress.step / progress.total).clamp(0.0, 1.0);
            let full = (part * 8.0).round() as usize;
            format!("{}{} {:>3.0} %", "█".repeat(full), "░".repeat(8 - full), part * 100.0)
        }
        (Some(_) | None, None) => String::new(),
    }
}

fn job_detail(job: &JobView) -> String {
    match (&job.reason, &job.progress) {
        (Some(reason), _) => clean(&reason.observation),
        (None, Some(progress)) if !job.state.is_final() => clean(&progress.detail),
        (None, _) if job.results.is_empty() => clean(job.backend.as_deref().unwrap_or(&job.kind)),
        (None, _) if job.results.len() == 1 => clean(&job.results[0].path),
        (None, _) => format!("{} files in {}", job.results.len(), clean(&job.folder)),
    }
}

fn draw_notices(frame: &mut Frame<'_>, area: Rect, snapshot: &Snapshot, look: Look) {
    let block = Block::new().borders(ratatui::widgets::Borders::TOP).title("─ notices ").border_style(look.dim());
    let room = usize::from(area.height.saturating_sub(1));
    let lines = snapshot.notices.iter().rev().take(room).map(|notice| {
        let time = notice.at.get(11..19).unwrap_or_default();
        Line::from(vec![Span::styled(format!("{time} "), look.dim()), Span::raw(clean(&notice.text))])
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()).block(block), area);
}

fn highlight(is_active: bool) -> Style {
    if is_active { Style::new().add_modifier(Modifier::REVERSED) } else { Style::new() }
}

fn draw_over(frame: &mut Frame<'_>, board: &Board, look: Look, now: Instant) {
    let (title, text) = match &board.over {
        Over::Nothing => return,
        Over::Help => (" keys ", help()),
        Over::Confirm(job) => {
            (" cancel? ", Text::from(format!("Cancel the job {}?\n\ny  yes\nany other key  no", clean(job))))
        }
        Over::Details => match board.list {
            List::Backends => {
                (" details ", board.backend().map(|backend| backend_details(board, backend, now)).unwrap_or_default())
            }
            List::Jobs => (" details ", board.job().map(job_details).unwrap_or_default()),
        },
    };
    let [_, middle, _] =
        Layout::horizontal([Constraint::Fill(1), Constraint::Percentage(90), Constraint::Fill(1)]).areas(frame.area());
    let height = u16::try_from(text.lines.len()).unwrap_or(u16::MAX).saturating_add(4);
    let [_, area, _] =
        Layout::vertical([Constraint::Fill(1), Constraint::Max(height), Constraint::Fill(1)]).areas(middle);
    frame.render_widget(Clear, area);
    let block = Block::bordered().title(title).border_style(look.dim());
    frame.render_widget(Paragraph::new(text).block(block).wrap(Wrap { trim: false }), area);
}

fn help() -> Text<'static> {
    Text::from(vec![
        Line::from("↑ ↓ j k   choose"),
        Line::from("Tab       from the services to the jobs and back"),
        Line::from("Enter     details of what is chosen"),
        Line::from("r         look for services again, and try at once whatever waits"),
        Line::from("t         try the chosen service at once"),
        Line::from("c         cancel the chosen job"),
        Line::from("Esc       close this; leave"),
        Line::from("q Ctrl-C  leave: services, jobs and host go on"),
    ])
}

fn backend_details(board: &Board, backend: &BackendView, now: Instant) -> Text<'static> {
    let mut facts = vec![
        ("state", format!("{} since {}", state(board, backend, now), backend.since)),
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
    if let Some(models) = &backend.models {
        facts.push(("can be asked for", models.len().to_string()));
    }
    facts.extend(backend.attribution.iter().map(|sentence| ("", clean(sentence))));
    let mut lines = in_columns(facts);
    if let Some(reason) = &backend.reason {
        lines.push(Line::default());
        lines.push(Line::from(format!("{} ({})", clean(&reason.observation), clean(&reason.code))));
        lines.push(Line::from(clean(&reason.meaning)));
        let about = About::Backend(&backend.id);
        lines.extend(reason.remedies.iter().map(|remedy| Line::from(remedy_text(remedy, about))));
    }
    if !backend.last_errors.is_empty() {
        lines.push(Line::default());
        lines.extend(backend.last_errors.iter().rev().take(5).map(|error| {
            let time = error.at.get(..19).unwrap_or_default().replace('T', " ");
            Line::from(format!("{time}  {}", clean(&error.observation)))
        }));
    }
    Text::from(lines)
}

fn gibibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

fn job_details(job: &JobView) -> Text<'static> {
    let facts = vec![
        ("state", format!("{} since {}", job.state, job.since)),
        ("id", clean(&job.id)),
        ("service", clean(job.backend.as_deref().unwrap_or(&job.kind))),
        ("operation", clean(&job.operation)),
        ("submitted", job.created.clone()),
        ("folder", clean(&job.folder)),
    ];
    let mut lines = in_columns(facts);
    if let Some(reason) = &job.reason {
        lines.push(Line::default());
        lines.push(Line::from(format!("{} ({})", clean(&reason.observation), clean(&reason.code))));
        lines.push(Line::from(clean(&reason.meaning)));
    }
    if let Some(text) = &job.text {
        lines.push(Line::default());
        lines.push(Line::from(clean(text)));
    }
    lines.extend(
        job.results.iter().map(|result| Line::from(format!("{}  {} bytes", clean(&result.path), result.bytes))),
    );
    Text::from(lines)
}

fn in_columns(facts: Vec<(&'static str, String)>) -> Vec<Line<'static>> {
    let known = facts.into_iter().filter(|(_, fact)| !fact.is_empty());
    known.map(|(name, fact)| Line::from(format!("{name:<17}{fact}"))).collect()
}

/// The host has made texts of services printable already; a screen must not rest on that.
fn clean(text: &str) -> String {
    printable(text, MAX_TEXT)
}

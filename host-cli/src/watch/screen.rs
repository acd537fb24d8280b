//! Drawing the board.

use super::{
    board::{Board, List, Over},
    columns::{Column, columns},
    details::{backend_details, job_details},
    lines::{fit, wrapped, wrapped_within},
    look::{Look, sparkline},
};
use crate::{
    output::age,
    remedies::{self, About},
};
use mdd_core::{
    diagnosis::{Reason, Remedy},
    events::{BackendView, Detail, JobView, Snapshot, StateName},
};
use mdd_driver_api::text::printable;
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Modifier, Style},
    text::{Line, Text},
    widgets::{Block, Borders, Cell, Clear, Paragraph, Row, Table, TableState},
};
use tokio::time::Instant;

const KEYS: &str = "↑↓ choose  Tab jobs  Enter details  r look  t try  c cancel  ? help  q leave";
const KEYS_IN_SHORT: &str = "↑↓ choose  Enter details  ? help  q leave";
/// The longest text that is shown of anything, in characters.
const MAX_TEXT: usize = 400;
/// The most lines of the sentence on everything.
const HEAD_LINES: usize = 2;
/// Widths of a job's state, operation and progress; the rest is for what else there is to say.
const JOB_COLUMNS: [usize; 3] = [10, 16, 16];

pub(super) fn draw(frame: &mut Frame<'_>, board: &mut Board, look: Look, now: Instant) {
    let width = usize::from(frame.area().width);
    let Some(snapshot) = &board.snapshot else {
        let text = if board.message.is_empty() { "Waiting for the host." } else { &board.message };
        frame.render_widget(Paragraph::new(fit(text, width)), frame.area());
        return;
    };
    let summary = summary(snapshot, look, width);
    let backends = u16::try_from(snapshot.backends.len()).unwrap_or(u16::MAX).clamp(1, 12);
    let [head, list, reason, jobs, notices, foot] = Layout::vertical([
        Constraint::Length(u16::try_from(summary.lines.len()).unwrap_or(1)),
        Constraint::Length(backends.saturating_add(2)),
        Constraint::Length(2),
        Constraint::Fill(2),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(summary, head);
    draw_backends(frame, list, board, look, now);
    frame.render_widget(why(board, look, width), reason);
    draw_jobs(frame, jobs, board, look);
    draw_notices(frame, notices, snapshot, look);
    let foot_text = match board.message.as_str() {
        "" if KEYS.chars().count() <= width => KEYS,
        "" => KEYS_IN_SHORT,
        message => message,
    };
    frame.render_widget(Paragraph::new(fit(&clean(foot_text), width)).style(look.dim()), foot);
    draw_over(frame, board, look, now);
}

fn summary(snapshot: &Snapshot, look: Look, width: usize) -> Text<'static> {
    let (sign, style) = look.severity(snapshot.summary.severity);
    let text = format!("{sign} {}", clean(&snapshot.summary.sentence));
    let lines = wrapped_within(&text, width, HEAD_LINES);
    lines.into_iter().map(|line| Line::styled(line, style.add_modifier(Modifier::BOLD))).collect()
}

fn draw_backends(frame: &mut Frame<'_>, area: Rect, board: &Board, look: Look, now: Instant) {
    let names: Vec<String> = board.backends().iter().map(|backend| name(backend, look)).collect();
    let columns = columns(usize::from(area.width), &names);
    let rows = board.backends().iter().zip(&names).map(|(backend, name)| {
        let (_, style) = look.backend(backend);
        Row::new(columns.iter().map(|(column, width)| {
            let (text, style) = match column {
                Column::Name => (name.clone(), style),
                Column::State => (state(board, backend, now), style),
                Column::Answer => (latency(backend), Style::new()),
                Column::Times => (times(board, backend, *width), Style::new()),
                Column::Up => (uptime(backend), Style::new()),
                Column::Queue => (queue(backend), Style::new()),
                Column::Address => (address(backend), Style::new()),
            };
            Cell::from(fit(&text, *width)).style(style)
        }))
    });
    let widths = columns.iter().map(|(_, width)| Constraint::Length(u16::try_from(*width).unwrap_or(u16::MAX)));
    let head = Row::new(columns.iter().map(|(column, _)| column.title())).style(look.dim());
    let table = Table::new(rows, widths).header(head).row_highlight_style(highlight(board.list == List::Backends));
    let mut at = TableState::default().with_selected(Some(board.chosen(List::Backends)));
    frame.render_stateful_widget(table.block(Block::default()), area, &mut at);
}

fn name(backend: &BackendView, look: Look) -> String {
    let (sign, _) = look.backend(backend);
    format!("{sign} {}", clean(&backend.title))
}

fn address(backend: &BackendView) -> String {
    clean(backend.endpoint.as_deref().unwrap_or_default().trim_start_matches("http://"))
}

/// Nothing of a service that nobody asks.
fn times(board: &Board, backend: &BackendView, width: usize) -> String {
    if backend.state == StateName::Disabled { String::new() } else { sparkline(&board.times(&backend.id), width) }
}

pub(super) fn state(board: &Board, backend: &BackendView, now: Instant) -> String {
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
fn why(board: &Board, look: Look, width: usize) -> Text<'static> {
    let Some((backend, reason)) = board.backend().and_then(|backend| Some((backend, backend.reason.as_ref()?))) else {
        return Text::default();
    };
    let mut lines = vec![format!("  {} ({})", clean(&reason.observation), clean(&reason.code))];
    lines.extend(
        reason.remedies.first().map(|it| format!("  {}", remedy_text(reason, it, About::Backend(&backend.id)))),
    );
    lines.into_iter().map(|line| Line::styled(fit(&line, width), look.dim())).collect()
}

pub(super) fn remedy_text(reason: &Reason, remedy: &Remedy, about: About<'_>) -> String {
    clean(&remedies::line(reason, remedy, about))
}

fn draw_jobs(frame: &mut Frame<'_>, area: Rect, board: &Board, look: Look) {
    let jobs = board.jobs();
    let title = format!("─ jobs: {} ", jobs.len());
    let block = Block::new().borders(Borders::TOP).title(title).border_style(look.dim());
    let detail_width = usize::from(area.width).saturating_sub(JOB_COLUMNS.into_iter().map(|width| width + 1).sum());
    let rows = jobs.iter().map(|job| {
        Row::new([
            Cell::from(job.state.to_string()).style(look.job(job.state)),
            Cell::from(fit(&clean(&job.operation), JOB_COLUMNS[1])),
            Cell::from(progress(job)),
            Cell::from(fit(&job_detail(job), detail_width)),
        ])
    });
    let fixed = JOB_COLUMNS.into_iter().map(|width| Constraint::Length(u16::try_from(width).unwrap_or(u16::MAX)));
    let widths = fixed.chain([Constraint::Fill(1)]);
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
    let block = Block::new().borders(Borders::TOP).title("─ notices ").border_style(look.dim());
    let room = usize::from(area.height.saturating_sub(1));
    let lines = snapshot.notices.iter().rev().take(room).map(|notice| {
        let text = format!("{:>9}  {}", age(&notice.at), clean(&notice.text));
        Line::from(fit(&text, usize::from(area.width)))
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()).block(block), area);
}

fn highlight(is_active: bool) -> Style {
    if is_active { Style::new().add_modifier(Modifier::REVERSED) } else { Style::new() }
}

fn draw_over(frame: &mut Frame<'_>, board: &mut Board, look: Look, now: Instant) {
    let [_, middle, _] =
        Layout::horizontal([Constraint::Fill(1), Constraint::Percentage(90), Constraint::Fill(1)]).areas(frame.area());
    let width = usize::from(middle.width.saturating_sub(2));
    let broken = |text: &str| wrapped(text, width);
    let (title, lines) = match &board.over {
        Over::Nothing => return,
        Over::Help => (" keys and columns ", HELP.iter().flat_map(|line| broken(line)).collect()),
        Over::Confirm(job) => {
            let question = format!("Cancel the job {}?", clean(job));
            (" cancel? ", [&question, "", "y  yes", "any other key  no"].iter().flat_map(|line| broken(line)).collect())
        }
        Over::Details => match board.list {
            List::Backends => {
                let lines = board.backend().map(|backend| backend_details(board, backend, now, width));
                (" details ", lines.unwrap_or_default())
            }
            List::Jobs => (" details ", board.job().map(|job| job_details(job, width)).unwrap_or_default()),
        },
    };
    draw_window(frame, middle, title, lines, board, look);
}

/// As high as its text where there is room, with signs where it goes on.
fn draw_window(
    frame: &mut Frame<'_>,
    within: Rect,
    title: &'static str,
    lines: Vec<String>,
    board: &mut Board,
    look: Look,
) {
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2);
    let [_, area, _] =
        Layout::vertical([Constraint::Fill(1), Constraint::Max(height), Constraint::Fill(1)]).areas(within);
    let room = usize::from(area.height.saturating_sub(2));
    let last = lines.len().saturating_sub(room);
    board.scroll = board.scroll.min(last);
    let mut block = Block::bordered().title(title).border_style(look.dim());
    let more = [(board.scroll > 0, " more ↑ "), (board.scroll < last, " more ↓ ")];
    let more: String = more.into_iter().filter(|(is_there, _)| *is_there).map(|(_, sign)| sign).collect();
    if !more.is_empty() {
        block = block.title_bottom(Line::from(more).right_aligned());
    }
    let shown: Vec<Line<'_>> = lines.into_iter().skip(board.scroll).take(room).map(Line::from).collect();
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(shown).block(block), area);
}

const HELP: &[&str] = &[
    "↑ ↓ j k   choose; in a window like this, scroll",
    "Tab       from the services to the jobs and back",
    "Enter     details of what is chosen",
    "r         look for services again, and try at once whatever waits",
    "t         try the chosen service at once",
    "c         cancel the chosen job",
    "Esc       close this; leave",
    "q Ctrl-C  leave: services, jobs and host go on",
    "",
    "answer    its last answer and those before, higher is slower; · is none",
    "up        the part of this session in which it was usable",
    "queue     1+2: one job runs, two wait",
];

/// The host has made texts of services printable already; a screen must not rest on that.
pub(super) fn clean(text: &str) -> String {
    printable(text, MAX_TEXT)
}

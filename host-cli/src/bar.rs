//! A bar on stderr while a job is carried; a line for each change where nobody looks at a terminal.

use indicatif::{ProgressBar, ProgressStyle};
use mdd_core::events::JobView;
use mdd_driver_api::text::printable;
use std::{fmt::Write as _, io::IsTerminal as _, time::Duration};

/// Between two turns of the sign that something goes on.
const TURN_EVERY: Duration = Duration::from_millis(120);
/// Steps of a whole bar, as services count in fractions too.
const WHOLE: u64 = 1000;

/// How the progress of a job is shown.
pub(crate) enum Bar {
    Drawn(ProgressBar),
    Lines {
        /// What was said last.
        last: String,
    },
    Silent,
}

impl Bar {
    pub(crate) fn new(quiet: bool) -> Self {
        if quiet {
            return Self::Silent;
        }
        if !std::io::stderr().is_terminal() {
            return Self::Lines { last: String::new() };
        }
        let bar = ProgressBar::new(WHOLE);
        bar.enable_steady_tick(TURN_EVERY);
        Self::Drawn(bar)
    }

    /// Shows how far it is.
    pub(crate) fn show(&mut self, job: &JobView) {
        match self {
            Self::Drawn(bar) => draw(bar, job),
            // The result tells the end.
            Self::Lines { last } if !job.state.is_final() => {
                let line = format!("{} {}", job.id, text(job));
                if line != *last {
                    anstream::eprintln!("{line}");
                    *last = line;
                }
            }
            Self::Lines { .. } | Self::Silent => {}
        }
    }

    /// Leaves the terminal to the result.
    pub(crate) fn end(self) {
        if let Self::Drawn(bar) = self {
            bar.finish_and_clear();
        }
    }
}

fn draw(bar: &ProgressBar, job: &JobView) {
    let part = part(job);
    let template = if part.is_some() { "{spinner} {bar:30} {msg}" } else { "{spinner} {msg}" };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("█▌░"));
    }
    bar.set_position(part.unwrap_or_default());
    bar.set_message(text(job));
}

/// Of [`WHOLE`], while it is known.
fn part(job: &JobView) -> Option<u64> {
    let progress = job.progress.as_ref().filter(|progress| progress.total > 0.0 && !job.state.is_final())?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between nothing and all")]
    let part = ((progress.step / progress.total).clamp(0.0, 1.0) * WHOLE as f64) as u64;
    Some(part)
}

/// Where the job stands. One that is over is no longer on its way.
fn text(job: &JobView) -> String {
    let mut text = job.state.to_string();
    if let Some(reason) = &job.reason {
        let _infallible = write!(text, " ({})", reason.observation);
    }
    if job.state.is_final() {
        return text;
    }
    if let Some(place) = job.queue_place {
        let _infallible = write!(text, ", {place} before it");
    }
    if let Some(progress) = job.progress.as_ref().filter(|progress| progress.total > 0.0) {
        let (step, total) = (short(progress.step), short(progress.total));
        let _infallible = write!(text, " {step} of {total} {}", printable(&progress.detail, 60));
        if let Some(left) = progress.left_ms.map(|ms| Duration::from_secs(ms.div_ceil(1000))) {
            let _infallible = write!(text, ", {} left", humantime::format_duration(left));
        }
    }
    text.trim_end().to_owned()
}

/// Services count in fractions, of which a digit is enough.
fn short(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::{part, text};
    use mdd_core::events::JobView;
    use serde_json::{Value, json};

    fn job(state: &str, progress: Value) -> JobView {
        serde_json::from_value(json!({
            "id": "j", "kind": "lamp", "backend": null, "operation": "light", "state": state, "reason": null,
            "created": "", "since": "", "attempt": 1, "remote_id": null, "progress": progress, "queue_place": null,
            "preview": null, "previews": 0, "text": null, "results": [], "folder": "", "remote_still_running": false,
        }))
        .unwrap()
    }

    #[test]
    fn progress_is_told_as_long_as_there_is_any() {
        let half = json!({"step": 1.0, "total": 2.0, "detail": "sampling", "left_ms": 1500});
        let running = job("running", half.clone());
        assert_eq!((text(&running).as_str(), part(&running)), ("running 1 of 2 sampling, 2s left", Some(500)));
        let done = job("done", half);
        assert_eq!((text(&done).as_str(), part(&done)), ("done", None));
        let between = job("running", json!({"step": 1.466_666_7, "total": 3.0, "detail": "sampling"}));
        assert_eq!(text(&between), "running 1.5 of 3 sampling");
        let unknown = job("running", json!({"step": 1.0, "total": 0.0, "detail": ""}));
        assert_eq!((text(&unknown).as_str(), part(&unknown)), ("running", None));
    }
}

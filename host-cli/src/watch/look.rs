//! Colours and signs. A sign stands beside every colour, so nothing is lost without them.

use mdd_core::{
    events::{BackendView, Detail, JobState, Origin, StateName},
    health::Severity,
};
use ratatui::style::{Color, Modifier, Style};

/// Whether there are colours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    has_colours: bool,
}

impl Look {
    /// As the user wants it: <https://no-color.org>.
    pub(super) fn of_environment() -> Self {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        Self { has_colours: !is_set("NO_COLOR") }
    }

    #[cfg(test)]
    pub(super) fn plain() -> Self {
        Self { has_colours: false }
    }

    fn colour(self, colour: Color) -> Style {
        if self.has_colours { Style::new().fg(colour) } else { Style::new() }
    }

    pub(super) fn dim(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    pub(super) fn severity(self, severity: Severity) -> (char, Style) {
        match severity {
            Severity::Ok => ('●', self.colour(Color::Green)),
            Severity::Attention => ('◐', self.colour(Color::Yellow)),
            Severity::Problem => ('✖', self.colour(Color::Red)),
        }
    }

    pub(super) fn backend(self, backend: &BackendView) -> (char, Style) {
        match (backend.state, backend.detail) {
            (StateName::Connected, Detail::Ready | Detail::Busy) => ('●', self.colour(Color::Green)),
            (StateName::Connected, _) => ('◐', self.colour(Color::Yellow)),
            (StateName::Connecting, _) => ('◌', self.colour(Color::Yellow)),
            (StateName::Disconnected, _) if backend.origin == Origin::Missing => ('○', self.dim()),
            (StateName::Disconnected, _) => ('✖', self.colour(Color::Red)),
            (StateName::Disabled, _) => ('○', self.dim()),
        }
    }

    pub(super) fn job(self, state: JobState) -> Style {
        match state {
            JobState::Done => self.colour(Color::Green),
            JobState::Failed | JobState::Lost => self.colour(Color::Red),
            JobState::Running | JobState::Fetching | JobState::Submitting => self.colour(Color::Cyan),
            JobState::Cancelled => self.dim(),
            _ => self.colour(Color::Yellow),
        }
    }
}

/// A line of bars, the highest for the largest number, and a dot where nobody answered.
pub(super) fn sparkline(numbers: &[Option<f64>], width: usize) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let shown = &numbers[numbers.len().saturating_sub(width)..];
    let most = shown.iter().copied().flatten().fold(f64::MIN_POSITIVE, f64::max);
    let bar = |number: f64| BARS[((number / most * 7.0).round() as usize).min(7)];
    shown.iter().map(|number| number.map_or('·', bar)).collect()
}

#[cfg(test)]
mod tests {
    use super::sparkline;

    #[test]
    fn bars_follow_the_numbers() {
        let bars = |numbers: &[f64], width| sparkline(&numbers.iter().copied().map(Some).collect::<Vec<_>>(), width);
        assert_eq!(bars(&[0.0, 50.0, 100.0], 10), "▁▅█");
        assert_eq!(bars(&[9.0, 100.0, 100.0], 2), "██", "the last ones");
        assert_eq!(bars(&[], 5), "");
        assert_eq!(bars(&[f64::NAN, 1.0], 5), "▁█");
        assert_eq!(sparkline(&[Some(1.0), None, Some(1.0)], 5), "█·█", "a gap where nobody answered");
        assert_eq!(sparkline(&[None, None], 5), "··");
    }
}

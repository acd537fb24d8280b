//! What is said, word by word.

use crate::events::JobState;
use std::time::Duration;

/// What became of the jobs of a service while it was away.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    finished: usize,
    resumed: usize,
    failed: usize,
    lost: usize,
    unknown: usize,
}

impl Outcome {
    /// A job that is no longer kept was looked at by somebody.
    pub(super) fn of(states: impl Iterator<Item = Option<JobState>>) -> Self {
        let mut outcome = Self::default();
        for state in states.flatten() {
            let count = match state {
                JobState::Done => &mut outcome.finished,
                JobState::Failed => &mut outcome.failed,
                JobState::Lost => &mut outcome.lost,
                JobState::Unknown => &mut outcome.unknown,
                JobState::Cancelled => continue,
                _ => &mut outcome.resumed,
            };
            *count += 1;
        }
        outcome
    }

    fn words(&self) -> String {
        let finished = format!("{} finished meanwhile", self.finished);
        let parts = [
            (self.finished, finished),
            (self.resumed, format!("{} resumed", self.resumed)),
            (self.failed, format!("{} failed", self.failed)),
            (self.lost, format!("{} lost", self.lost)),
            (self.unknown, format!("{} of unknown outcome", self.unknown)),
        ];
        let said: Vec<_> = parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, words)| words).collect();
        said.join(", ")
    }
}

pub(super) fn lost(title: &str, observation: &str, waiting: usize) -> String {
    let why = if observation.is_empty() { String::new() } else { format!(": {observation}") };
    match waiting {
        0 => format!("{title} is not available{why}"),
        1 => format!("{title} is not available{why}; a job waits for it"),
        more => format!("{title} is not available{why}; {more} jobs wait for it"),
    }
}

pub(super) fn back(title: &str, after: Duration, outcome: &Outcome) -> String {
    let jobs = outcome.words();
    let jobs = if jobs.is_empty() { String::new() } else { format!(": {jobs}") };
    format!("{title} is back after {}{jobs}", rough(after))
}

pub(super) fn unsteady(title: &str, losses: usize) -> String {
    format!("{title} comes and goes ({losses} times in a minute); no more is said until it is steady")
}

pub(super) fn starting(title: &str, since: Duration) -> String {
    format!("{title} has been starting for {}; its own window or log tells more", rough(since))
}

/// As people say it.
fn rough(time: Duration) -> String {
    match time.as_secs() {
        0 => "a moment".to_owned(),
        seconds @ 1..60 => format!("{seconds} s"),
        seconds @ 60..600 if seconds % 60 >= 5 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

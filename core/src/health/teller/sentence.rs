//! What is said, word by word.

use crate::{
    events::JobState,
    health::summary::{counted, list},
};
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

    fn and(self, other: &Self) -> Self {
        Self {
            finished: self.finished + other.finished,
            resumed: self.resumed + other.resumed,
            failed: self.failed + other.failed,
            lost: self.lost + other.lost,
            unknown: self.unknown + other.unknown,
        }
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

/// A backend that is away.
pub(super) struct Lost {
    pub(super) title: String,
    pub(super) observation: String,
    /// How many jobs it has.
    pub(super) waiting: usize,
}

/// A backend that is there again.
pub(super) struct Back {
    pub(super) title: String,
    pub(super) after: Duration,
    pub(super) outcome: Outcome,
}

pub(super) fn lost(lost: &[Lost]) -> Option<String> {
    let waiting = lost.iter().map(|one| one.waiting).sum();
    let (what, it) = match lost {
        [] => return None,
        [one] if one.observation.is_empty() => (format!("{} is not available", one.title), "it"),
        [one] => (format!("{} is not available: {}", one.title, one.observation), "it"),
        more => {
            (format!("{} services are not available: {}", more.len(), names(more.iter().map(|one| &one.title))), "them")
        }
    };
    Some(match waiting {
        0 => what,
        1 => format!("{what}; a job waits for {it}"),
        jobs => format!("{what}; {jobs} jobs wait for {it}"),
    })
}

pub(super) fn back(back: &[Back]) -> Option<String> {
    let after = rough(back.iter().map(|one| one.after).max()?);
    let jobs = back.iter().fold(Outcome::default(), |all, one| all.and(&one.outcome)).words();
    Some(match back {
        [one] if jobs.is_empty() => format!("{} is back after {after}", one.title),
        [one] => format!("{} is back after {after}: {jobs}", one.title),
        more => {
            let names = names(more.iter().map(|one| &one.title));
            let jobs = if jobs.is_empty() { String::new() } else { format!("; jobs: {jobs}") };
            format!("{} services are back after {after}: {names}{jobs}", more.len())
        }
    })
}

fn names<'t>(titles: impl Iterator<Item = &'t String>) -> String {
    list(counted(titles.map(String::as_str)))
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

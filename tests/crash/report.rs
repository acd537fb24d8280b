//! The figures.

use std::{collections::BTreeMap, fmt, time::Duration};

/// Where a job was when the host was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Point {
    Queued,
    /// Written down as sent, and the service does not have it.
    Submitting,
    /// Written down as sent, and the service has it: its answer was lost.
    AnswerLost,
    Running,
    Fetching,
    /// The host itself was still coming back from the kill before.
    Recovery,
}

impl Point {
    pub(crate) const ALL: [Self; 6] =
        [Self::Queued, Self::Submitting, Self::AnswerLost, Self::Running, Self::Fetching, Self::Recovery];
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Queued => "queued",
            Self::Submitting => "submitting",
            Self::AnswerLost => "submit answer lost",
            Self::Running => "running",
            Self::Fetching => "fetching",
            Self::Recovery => "recovery",
        })
    }
}

#[derive(Default)]
pub(crate) struct Report {
    pub(crate) kills: u64,
    /// How many kills have hit at least one job at that point.
    pub(crate) points: BTreeMap<Point, u64>,
    /// Jobs that were accepted, and how they ended.
    pub(crate) ends: BTreeMap<String, u64>,
    /// Submissions that were repeated because their answer was lost.
    pub(crate) repeated: u64,
    /// Attempts that provably never arrived, and were sent again.
    pub(crate) sent_again: u64,
    /// From the start of a process to its first answer.
    pub(crate) ready: Vec<Duration>,
    /// What must not be.
    pub(crate) wrong: Vec<String>,
}

impl Report {
    pub(crate) fn hits(&self) -> impl Iterator<Item = (Point, u64)> {
        Point::ALL.into_iter().map(|point| (point, self.points.get(&point).copied().unwrap_or_default()))
    }

    pub(crate) fn hit(&mut self, point: Point) {
        *self.points.entry(point).or_default() += 1;
    }

    pub(crate) fn and(mut self, other: Self) -> Self {
        self.kills += other.kills;
        self.repeated += other.repeated;
        self.sent_again += other.sent_again;
        for (point, hits) in other.points {
            *self.points.entry(point).or_default() += hits;
        }
        for (end, count) in other.ends {
            *self.ends.entry(end).or_default() += count;
        }
        self.ready.extend(other.ready);
        self.wrong.extend(other.wrong);
        self
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} kills; at least one job was", self.kills)?;
        for (point, hits) in self.hits() {
            writeln!(f, "  {point:<20} {hits:>5}")?;
        }
        writeln!(f, "{} jobs were accepted, and are", self.ends.values().sum::<u64>())?;
        for (end, count) in &self.ends {
            writeln!(f, "  {end:<20} {count:>5}")?;
        }
        writeln!(f, "{} submissions were repeated after a lost answer", self.repeated)?;
        writeln!(f, "{} attempts never arrived and were sent again", self.sent_again)?;
        let mut ready = self.ready.clone();
        ready.sort_unstable();
        let part = |of: usize| ready.get(ready.len() * of / 100).copied().unwrap_or_default();
        writeln!(f, "ready again after {:?} (half of them), {:?} (95 %)", part(50), part(95))?;
        write!(f, "{} findings", self.wrong.len())
    }
}

//! Spans of equal length, the newest last: how long something was known, usable, and how fast it answered.

use std::{collections::VecDeque, time::Duration};

/// What is known of one span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Span {
    /// How long anything was known.
    pub(super) known: Duration,
    /// How long of that it was usable.
    pub(super) usable: Duration,
    /// Answered checks.
    pub(super) answers: u32,
    /// Their time together.
    pub(super) answering: Duration,
}

impl Span {
    pub(super) fn add(&mut self, other: &Self) {
        self.known += other.known;
        self.usable += other.usable;
        self.answers = self.answers.saturating_add(other.answers);
        self.answering += other.answering;
    }

    /// Which part of the known time it was usable.
    pub(super) fn fraction(&self) -> Option<f64> {
        (!self.known.is_zero()).then(|| self.usable.as_secs_f64() / self.known.as_secs_f64())
    }

    /// Of its answers.
    pub(super) fn mean(&self) -> Option<Duration> {
        self.answering.checked_div(self.answers)
    }
}

/// A span as it is kept: there are two thousand for each backend. In microseconds, of which a minute has 60 million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Kept {
    known: u32,
    usable: u32,
    answers: u32,
    answering: u32,
}

impl Kept {
    fn span(self) -> Span {
        let Self { known, usable, answers, answering } = self;
        let time = |micros: u32| Duration::from_micros(micros.into());
        Span { known: time(known), usable: time(usable), answers, answering: time(answering) }
    }
}

impl From<Span> for Kept {
    fn from(span: Span) -> Self {
        let Span { known, usable, answers, answering } = span;
        Self { known: micros(known), usable: micros(usable), answers, answering: micros(answering) }
    }
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

/// As many spans as are kept. Their positions count from the beginning of a clock that never goes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ring {
    width: Duration,
    kept: usize,
    /// Position of the newest span.
    newest: u64,
    spans: VecDeque<Kept>,
}

impl Ring {
    pub(super) fn new(width: Duration, kept: usize) -> Self {
        Self { width, kept, newest: 0, spans: VecDeque::from([Kept::default()]) }
    }

    /// Goes on to a moment. `usable` is what held since the last one; `None`: that is not known.
    pub(super) fn advance(&mut self, from: Duration, to: Duration, usable: Option<bool>) {
        // Nothing before the oldest span that will be left is kept.
        let oldest = self.position(to).saturating_sub(self.kept as u64);
        let mut at = from.max(self.start(oldest));
        while at < to {
            let position = self.position(at);
            self.move_to(position);
            let end = self.start(position + 1).min(to);
            if let Some(usable) = usable {
                let usable = if usable { end - at } else { Duration::ZERO };
                self.change(|span| span.add(&Span { known: end - at, usable, ..Span::default() }));
            }
            at = end;
        }
        self.move_to(self.position(to));
    }

    pub(super) fn answered(&mut self, time: Duration) {
        self.change(|span| span.add(&Span { answers: 1, answering: time, ..Span::default() }));
    }

    /// All of it together.
    pub(super) fn total(&self) -> Span {
        self.spans.iter().fold(Span::default(), |mut total, span| {
            total.add(&span.span());
            total
        })
    }

    /// The spans of which anything is known with the time from their end to `now`, the oldest first.
    pub(super) fn series(&self, now: Duration) -> impl Iterator<Item = (Duration, Span)> {
        let known = |(_, span): &(u64, Span)| !span.known.is_zero();
        self.positions().filter(known).map(move |(position, span)| (now.saturating_sub(self.start(position + 1)), span))
    }

    /// The spans with their positions, the oldest first.
    pub(super) fn positions(&self) -> impl Iterator<Item = (u64, Span)> {
        let oldest = (self.newest + 1).saturating_sub(self.spans.len() as u64);
        (oldest..).zip(self.spans.iter().map(|span| span.span()))
    }

    /// Puts a span back that was kept elsewhere; positions only grow.
    pub(super) fn restore(&mut self, position: u64, span: Span) {
        if position >= self.newest {
            self.move_to(position);
            self.change(|current| *current = span);
        }
    }

    fn position(&self, at: Duration) -> u64 {
        u64::try_from(at.as_nanos() / self.width.as_nanos()).unwrap_or(u64::MAX)
    }

    fn start(&self, position: u64) -> Duration {
        self.width.saturating_mul(u32::try_from(position).unwrap_or(u32::MAX))
    }

    fn move_to(&mut self, position: u64) {
        if position.saturating_sub(self.newest) >= self.kept as u64 {
            self.spans.clear();
            self.spans.push_back(Kept::default());
            self.newest = position;
        }
        while self.newest < position {
            if self.spans.len() == self.kept {
                self.spans.pop_front();
            }
            self.spans.push_back(Kept::default());
            self.newest += 1;
        }
    }

    /// Changes the newest span.
    fn change(&mut self, change: impl FnOnce(&mut Span)) {
        if self.spans.is_empty() {
            self.spans.push_back(Kept::default());
        }
        if let Some(last) = self.spans.back_mut() {
            let mut span = last.span();
            change(&mut span);
            *last = span.into();
        }
    }
}

//! What became of a backend: how much of the time it was usable, how fast it answered, what went wrong.

use super::{
    Checks, Latency, LatencyView,
    ring::{Ring, Span},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    collections::VecDeque,
    time::{Duration, SystemTime},
};
use tokio::time::Instant;

/// Length and number of the spans of each ring: 5 minutes, an hour, a day.
pub(super) const RINGS: [(Duration, usize); 3] =
    [(Duration::from_secs(1), 300), (Duration::from_secs(10), 360), (Duration::from_secs(60), 1440)];
/// Errors that are kept of one backend.
pub(super) const KEPT_ERRORS: usize = 100;
/// Errors that every client gets.
const SHOWN_ERRORS: usize = 10;
/// The same error within this time is told once.
const ONCE_IN: Duration = Duration::from_secs(30);

/// Which part of the time a backend was usable, from 0 to 1. Time of which nothing is known does not count.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UptimeView {
    /// Since the host started.
    pub session: f64,
    /// In the last hour.
    pub hour: f64,
    /// In the last day.
    pub day: f64,
}

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorView {
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// Stable name of the problem.
    pub code: String,
    /// What was seen.
    pub observation: String,
}

/// One span: milliseconds since its end, the mean response time in it, and which part of it the backend was usable.
pub type Point = (u64, Option<f64>, f64);

/// Spans of which anything is known, the oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeriesView {
    /// Seconds of the last 5 minutes.
    pub seconds: Vec<Point>,
    /// Spans of 10 s of the last hour.
    pub ten_seconds: Vec<Point>,
    /// Minutes of the last day.
    pub minutes: Vec<Point>,
}

/// Everything that is kept of one backend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HealthView {
    /// Null until anything is known.
    pub uptime: Option<UptimeView>,
    /// Response times of its checks in this session.
    pub latency_ms: Option<LatencyView>,
    /// How often it was connected again in this session.
    pub reconnects: u32,
    /// What went wrong, the oldest first.
    pub errors: Vec<ErrorView>,
    /// The course of it.
    pub series: SeriesView,
}

/// The history of one backend. Time comes in: the same story gives the same figures.
#[derive(Debug)]
pub struct History {
    /// The moment up to which everything is counted.
    at: Instant,
    /// The same on the clock of the rings, which goes on over restarts.
    pub(super) clock: Duration,
    usable: Option<bool>,
    pub(super) rings: [Ring; 3],
    session: Span,
    latency: Latency,
    pub(super) errors: VecDeque<ErrorView>,
    last_error: Option<(String, Instant)>,
    connections: u32,
    checks: Checks,
}

impl History {
    /// Nothing is known yet.
    pub fn new(now: Instant) -> Self {
        Self {
            at: now,
            clock: Duration::ZERO,
            usable: None,
            rings: RINGS.map(|(width, kept)| Ring::new(width, kept)),
            session: Span::default(),
            latency: Latency::default(),
            errors: VecDeque::new(),
            last_error: None,
            connections: 0,
            checks: Checks::default(),
        }
    }

    /// Counts the time until now, during which nothing has changed.
    pub fn advance(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at);
        self.at = now.max(self.at);
        self.pass(passed, self.usable);
    }

    /// From now on it is usable, is not, or is not asked for.
    pub fn becomes(&mut self, usable: Option<bool>, now: Instant) {
        self.advance(now);
        self.usable = usable;
    }

    /// A while of which nothing is known is over: the machine slept, or no host ran.
    pub fn skip(&mut self, gap: Duration) {
        self.pass(gap, None);
    }

    /// A check was answered.
    pub fn answered(&mut self, time: Duration, now: Instant) {
        self.advance(now);
        self.latency.add(time);
        self.checks.answered(time);
        self.rings.iter_mut().for_each(|ring| ring.answered(time));
    }

    /// A check went without a good answer, for the reason with this code.
    pub fn check_failed(&mut self, code: &str) {
        self.checks.failed(code);
    }

    /// The checks since the host started, counted.
    pub fn checks(&self) -> &Checks {
        &self.checks
    }

    /// It is connected, for the first time or again.
    pub fn connected(&mut self) {
        self.connections = self.connections.saturating_add(1);
        // What went wrong before may go wrong again, and is news then.
        self.last_error = None;
    }

    /// Something went wrong.
    pub fn failed(&mut self, code: &str, observation: &str, now: Instant, clock: SystemTime) {
        let known = self.last_error.as_ref().is_some_and(|(last, at)| last == code && now - *at < ONCE_IN);
        let waits_on = self.last_error.as_ref().is_some_and(|(last, _)| last == code) && self.usable == Some(false);
        if known || waits_on {
            return;
        }
        self.last_error = Some((code.to_owned(), now));
        if self.errors.len() == KEPT_ERRORS {
            self.errors.pop_front();
        }
        self.errors.push_back(ErrorView {
            at: humantime::format_rfc3339_seconds(clock).to_string(),
            code: code.to_owned(),
            observation: observation.to_owned(),
        });
    }

    /// Null until anything is known.
    pub fn uptime(&self) -> Option<UptimeView> {
        let [_, hour, day] = &self.rings;
        let day = day.total().fraction()?;
        let hour = hour.total().fraction().unwrap_or(day);
        let session = self.session.fraction().unwrap_or(hour);
        Some(UptimeView { session: rounded(session), hour: rounded(hour), day: rounded(day) })
    }

    /// Response times of this session.
    pub fn latency(&self) -> Option<LatencyView> {
        self.latency.view()
    }

    /// How often it was connected again in this session.
    pub fn reconnects(&self) -> u32 {
        self.connections.saturating_sub(1)
    }

    /// The last errors, the oldest first.
    pub fn last_errors(&self) -> Vec<ErrorView> {
        self.errors.iter().skip(self.errors.len().saturating_sub(SHOWN_ERRORS)).cloned().collect()
    }

    /// Everything.
    pub fn view(&self) -> HealthView {
        let [seconds, ten_seconds, minutes] = &self.rings;
        let points = |ring: &Ring| ring.series(self.clock).map(|(age, span)| point(age, &span)).collect();
        HealthView {
            uptime: self.uptime(),
            latency_ms: self.latency(),
            reconnects: self.reconnects(),
            errors: self.errors.iter().cloned().collect(),
            series: SeriesView { seconds: points(seconds), ten_seconds: points(ten_seconds), minutes: points(minutes) },
        }
    }

    fn pass(&mut self, time: Duration, usable: Option<bool>) {
        let from = self.clock;
        self.clock = from.saturating_add(time);
        for ring in &mut self.rings {
            ring.advance(from, self.clock, usable);
        }
        if let Some(usable) = usable {
            self.session.known += time;
            self.session.usable += if usable { time } else { Duration::ZERO };
        }
    }
}

fn point(age: Duration, span: &Span) -> Point {
    let latency = span.mean().map(super::latency::millis);
    (u64::try_from(age.as_millis()).unwrap_or(u64::MAX), latency, rounded(span.fraction().unwrap_or_default()))
}

/// A hundredth of a percent is fine enough, and does not change all the time.
fn rounded(fraction: f64) -> f64 {
    (fraction * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests;

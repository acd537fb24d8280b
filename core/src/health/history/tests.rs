//! The figures against what was really told, over many random stories.

use super::{History, KEPT_ERRORS, RINGS};
use proptest::prelude::*;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// A piece of a story.
#[derive(Debug, Clone)]
enum Piece {
    /// As long in this state, with a glance at the figures in the middle.
    State(Option<bool>, u64),
    /// The machine sleeps.
    Sleep(u64),
}

fn piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        4 => (prop::option::of(any::<bool>()), 1..20_000u64).prop_map(|(usable, ms)| Piece::State(usable, ms)),
        2 => (prop::option::of(any::<bool>()), 1..4_000_000u64).prop_map(|(usable, ms)| Piece::State(usable, ms)),
        1 => (1..100_000_000u64).prop_map(Piece::Sleep),
    ]
}

/// Which part of the known time from `start` on was usable, by the plain story.
fn truth(story: &[Piece], start: u64) -> Option<f64> {
    let (mut at, mut known, mut usable) = (0, 0, 0);
    for piece in story {
        let (state, ms) = match piece {
            Piece::State(state, ms) => (*state, *ms),
            Piece::Sleep(ms) => (None, *ms),
        };
        let counted = (at + ms).saturating_sub(start.max(at));
        at += ms;
        known += if state.is_some() { counted } else { 0 };
        usable += if state == Some(true) { counted } else { 0 };
    }
    (known > 0).then(|| usable as f64 / known as f64)
}

/// Where a ring begins: it keeps so many spans, the last of which is not over.
fn start(total: u64, ring: usize) -> u64 {
    let (width, kept) = RINGS[ring];
    let width = u64::try_from(width.as_millis()).unwrap();
    (total / width + 1).saturating_sub(kept as u64) * width
}

fn same(told: f64, true_one: f64) -> bool {
    (told - true_one).abs() <= 0.000_1
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn uptime_is_the_truth(story in prop::collection::vec(piece(), 1..10)) {
        let mut now = Instant::now();
        let mut history = History::new(now);
        for piece in &story {
            match piece {
                Piece::State(usable, ms) => {
                    history.becomes(*usable, now);
                    history.advance(now + Duration::from_millis(ms / 2));
                    now += Duration::from_millis(*ms);
                    history.advance(now);
                }
                Piece::Sleep(ms) => history.skip(Duration::from_millis(*ms)),
            }
        }
        let total = story.iter().map(|piece| match piece { Piece::State(_, ms) | Piece::Sleep(ms) => ms }).sum::<u64>();
        let uptime = history.uptime();
        let day = truth(&story, start(total, 2));
        prop_assert_eq!(uptime.is_some(), day.is_some());
        if let (Some(uptime), Some(day)) = (uptime, day) {
            prop_assert!(same(uptime.day, day), "day: {} is not {}", uptime.day, day);
            prop_assert!(same(uptime.session, truth(&story, 0).unwrap()), "session: {:?}", uptime);
            if let Some(hour) = truth(&story, start(total, 1)) {
                prop_assert!(same(uptime.hour, hour), "hour: {} is not {}", uptime.hour, hour);
            }
        }
        let series = history.view().series;
        for (points, (_, kept)) in [series.seconds, series.ten_seconds, series.minutes].iter().zip(RINGS) {
            prop_assert!(points.len() <= kept);
            prop_assert!(points.is_sorted_by(|older, newer| older.0 > newer.0 || newer.0 == 0));
        }
    }
}

#[test]
fn answers_are_averaged_in_their_span() {
    let start = Instant::now();
    let mut history = History::new(start);
    history.becomes(Some(true), start);
    history.answered(Duration::from_millis(10), start + Duration::from_millis(100));
    history.answered(Duration::from_millis(30), start + Duration::from_millis(200));
    history.answered(Duration::from_millis(50), start + Duration::from_millis(1_500));
    let series = history.view().series;
    assert_eq!(series.seconds, [(500, Some(20.0), 1.0), (0, Some(50.0), 1.0)]);
    assert_eq!(series.ten_seconds, [(0, Some(30.0), 1.0)]);
}

#[test]
fn an_error_that_goes_on_is_told_once() {
    let start = Instant::now();
    let mut history = History::new(start);
    history.becomes(Some(false), start);
    for minute in 0..5 {
        let now = start + Duration::from_secs(60 * minute);
        history.failed("connection-refused", "port 1 refused the connection", now, SystemTime::UNIX_EPOCH);
    }
    history.failed("no-answer", "port 1 gave no answer", start, SystemTime::UNIX_EPOCH);
    history.connected();
    history.failed("no-answer", "port 1 gave no answer", start, SystemTime::UNIX_EPOCH);
    let codes: Vec<_> = history.last_errors().into_iter().map(|error| error.code).collect();
    assert_eq!(codes, ["connection-refused", "no-answer", "no-answer"]);
    assert_eq!(history.last_errors()[0].at, "1970-01-01T00:00:00Z");
    for _ in 0..2 * KEPT_ERRORS {
        history.connected();
        history.failed("no-answer", "again", start, SystemTime::UNIX_EPOCH);
    }
    assert_eq!((history.errors.len(), history.last_errors().len()), (KEPT_ERRORS, 10));
}

#[test]
fn only_returns_are_reconnects() {
    let mut history = History::new(Instant::now());
    assert_eq!(history.reconnects(), 0);
    history.connected();
    assert_eq!(history.reconnects(), 0);
    history.connected();
    assert_eq!(history.reconnects(), 1);
}

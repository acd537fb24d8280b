//! Histories that outlive their host, and files that are not what they should be.

use super::Records;
use std::{
    fs,
    time::{Duration, SystemTime},
};
use tokio::time::{Instant, advance};

#[tokio::test(start_paused = true)]
async fn a_restart_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("health.json");
    let records = Records::load(file.clone());
    records.of("lamp").history().becomes(Some(true), Instant::now());
    advance(Duration::from_secs(90)).await;
    records.of("lamp").history().answered(Duration::from_millis(7), Instant::now());
    records.of("lamp").history().becomes(Some(false), Instant::now());
    records.of("lamp").history().failed("no-answer", "silence", Instant::now(), SystemTime::UNIX_EPOCH);
    advance(Duration::from_secs(30)).await;
    records.of("never-seen");
    records.save().unwrap();
    let before = records.view("lamp").unwrap();

    let again = Records::load(file);
    assert_eq!(again.view("never-seen"), None);
    let after = again.view("lamp").unwrap();
    assert_eq!(after.uptime.unwrap().day, 0.75);
    assert_eq!((after.errors, after.reconnects, after.latency_ms), (before.errors, 0, None));
    let values = |points: &[super::super::Point]| points.iter().map(|(_, ms, up)| (*ms, *up)).collect::<Vec<_>>();
    assert_eq!(values(&after.series.seconds), values(&before.series.seconds));
    assert_eq!(values(&after.series.minutes), values(&before.series.minutes));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_makes_no_sense_costs_only_history() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("health.json");
    let span = |text: &str| {
        format!(
            r#"{{"version":1,"saved":0,"backends":{{"lamp":{{"clock":5000,"rings":[[{text}],[],[]],"errors":[]}}}}}}"#
        )
    };
    let mad = [
        "".to_owned(),
        "{".to_owned(),
        "\u{0}\u{1}".to_owned(),
        "[]".repeat(1000),
        r#"{"version":2,"saved":0,"backends":{}}"#.to_owned(),
        r#"{"version":1,"saved":18446744073709551615,"backends":{}}"#.to_owned(),
        span("[9,1,1,1,1]"),
        span("[1,99999999,999999999,4294967295,18446744073709551615]"),
        span("[1,1,5,0,0],[0,1,1,0,0],[1,1,1,0,0]"),
        r#"{"version":1,"saved":0,"backends":{"lamp":{"clock":18446744073709551615,"rings":[[],[],[]],"errors":[]}}}"#
            .to_owned(),
    ];
    for text in mad {
        fs::write(&file, &text).unwrap();
        let records = Records::load(file.clone());
        let now = Instant::now();
        records.of("lamp").history().becomes(Some(true), now);
        advance(Duration::from_secs(100)).await;
        let view = records.view("lamp").unwrap();
        assert!(view.uptime.is_some_and(|uptime| uptime.day > 0.9), "{text}: {view:?}");
        records.save().unwrap();
        assert!(Records::load(file.clone()).view("lamp").is_some(), "{text}");
    }
    let impossible = Records::load(folder.path().join("no/such/folder/health.json"));
    impossible.of("lamp").history().becomes(Some(true), Instant::now());
    advance(Duration::from_secs(1)).await;
    assert!(impossible.save().is_err());
}

#[tokio::test(start_paused = true)]
async fn what_is_a_day_old_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("health.json");
    let records = Records::load(file.clone());
    records.of("lamp").history().becomes(Some(true), Instant::now());
    advance(Duration::from_secs(60)).await;
    records.of("lamp").history().becomes(None, Instant::now());
    records.save().unwrap();
    assert!(Records::load(file.clone()).view("lamp").is_some());
    records.of("lamp").history().skip(Duration::from_secs(2 * 86_400));
    records.save().unwrap();
    assert!(Records::load(file).view("lamp").is_none());
}

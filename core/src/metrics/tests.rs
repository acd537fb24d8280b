//! What stands in the text, line by line.

use super::{Format, text};
use crate::{
    discovery::missing_view,
    events::{BackendView, Bus, DeviceView, Origin, QueueView, Snapshot, StateName},
    health::{Checks, UptimeView},
};
use mdd_driver_api::manifest::Declaration;
use std::{
    collections::BTreeMap,
    time::{Duration, UNIX_EPOCH},
};

/// A lamp whose name has everything that must be escaped.
fn lamp() -> BackendView {
    let declaration =
        Declaration { kind: "lamp".into(), title: "The \"Lamp\" \\ \n new".into(), ..Declaration::default() };
    let gpu = |free| DeviceView {
        name: "GPU".into(),
        kind: "cuda".into(),
        index: None,
        memory_total: Some(16),
        memory_free: free,
    };
    BackendView {
        id: "lamp@127.0.0.1:80".into(),
        origin: Origin::Flag,
        state: StateName::Connected,
        queue: Some(QueueView { running: 1, pending: None }),
        uptime: Some(UptimeView { session: 1.0, hour: 0.5, day: 0.25 }),
        reconnects: 3,
        devices: Some(vec![gpu(Some(8)), gpu(None)]),
        ..missing_view(&declaration, &BTreeMap::new(), String::new())
    }
}

fn snapshot(backends: Vec<BackendView>) -> Snapshot {
    Snapshot { backends, ..Bus::default().snapshot() }
}

fn written(backends: Vec<BackendView>, format: Format) -> String {
    let mut checks = Checks::default();
    checks.answered(Duration::from_millis(2));
    checks.failed("timeout");
    let started = UNIX_EPOCH + Duration::from_millis(1500);
    text(snapshot(backends), started, |_| Some(checks.clone()), format).unwrap()
}

#[test]
fn each_figure_has_its_line() {
    let text = written(vec![lamp()], Format::OpenMetrics);
    let of = r#"backend="lamp@127.0.0.1:80",kind="lamp""#;
    for line in [
        "mdd_start_time_seconds 1.5".to_owned(),
        "mdd_store_writable 1.0".to_owned(),
        format!(r#"mdd_backend_info{{{of},title="The \"Lamp\" \\ \n new",version="",origin="flag"}} 1.0"#),
        format!(r#"mdd_backend_state{{{of},state="connected"}} 1.0"#),
        format!(r#"mdd_backend_state{{{of},state="disabled"}} 0.0"#),
        format!(r#"mdd_backend_uptime_ratio{{{of},window="day"}} 0.25"#),
        format!(r#"mdd_backend_check_duration_seconds_bucket{{le="0.001",{of}}} 0"#),
        format!(r#"mdd_backend_check_duration_seconds_bucket{{le="0.0025",{of}}} 1"#),
        format!(r#"mdd_backend_check_duration_seconds_sum{{{of}}} 0.002"#),
        format!(r#"mdd_backend_checks_total{{{of},result="answered"}} 1"#),
        format!(r#"mdd_backend_checks_total{{{of},result="timeout"}} 1"#),
        format!(r#"mdd_backend_reconnects_total{{{of}}} 3"#),
        format!(r#"mdd_backend_queue_jobs{{{of},place="running"}} 1.0"#),
        format!(r#"mdd_device_memory_free_bytes{{{of},device="0",name="GPU"}} 8.0"#),
        format!(r#"mdd_device_memory_size_bytes{{{of},device="1",name="GPU"}} 16.0"#),
        r#"mdd_jobs{kind="lamp",state="queued"} 0.0"#.to_owned(),
        "# EOF".to_owned(),
    ] {
        assert!(text.lines().any(|known| known == line), "{line}\n{text}");
    }
    // What the service does not tell is no zero.
    assert!(!text.contains(r#"place="pending""#), "{text}");
}

#[test]
fn a_kind_that_is_not_running_is_no_backend() {
    let missing = BackendView { origin: Origin::Missing, ..lamp() };
    assert!(!written(vec![missing], Format::OpenMetrics).contains("lamp"));
}

#[test]
fn the_older_format_has_the_same_samples() {
    // They write bounds otherwise, and put the sum elsewhere.
    let samples = |format| {
        let text = written(vec![lamp()], format);
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.contains("_duration_"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(samples(Format::OpenMetrics), samples(Format::Prometheus));
    assert!(written(vec![lamp()], Format::Prometheus).contains("# TYPE mdd_backend_checks_total counter"));
}

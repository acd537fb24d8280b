//! Figures for monitoring systems: from the terminal, at a port if one is set, and as the real Prometheus reads them.

use crate::{home::Home, processes, soon, talk::SocketTalk, until};
use mdd_core::rpc::MetricsAnswer;
use mdd_sim::Sim;
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, path::Path, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::Command,
    time::{sleep, timeout},
};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0";
/// Between two looks at what another process does.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A port that was free a moment ago.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A host with a service that it has inspected, and a job of its that is done.
async fn measured(home: &Home) {
    let mut talk = SocketTalk::greeted(home).await;
    let (payload, id) = (crate::jobs::workflow(1), "measured");
    talk.ask("jobs.submit", json!({"id": id, "kind": "comfyui", "payload": payload})).await;
    let done = async {
        loop {
            let snapshot = talk.ask("snapshot", Value::Null).await;
            let is_inspected = snapshot["backends"][0]["devices"].is_array();
            if is_inspected && snapshot["jobs"][0]["state"] == "done" {
                return;
            }
            sleep(LOOK_EVERY).await;
        }
    };
    soon("the end of a job", done).await;
}

/// What a client gets that asks by itself.
async fn got(port: u16, head: &str) -> String {
    let talk = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(format!("{head}\r\n\r\n").as_bytes()).await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        std::io::Result::Ok(text)
    };
    soon("an answer", talk).await.unwrap_or_else(|error| error.to_string())
}

fn asked(accept: &str) -> String {
    format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}")
}

#[tokio::test]
async fn the_terminal_prints_them_and_no_port_is_open_for_them() {
    let sim = Sim::start("comfyui").await.unwrap();
    let home = Home::with(&["comfyui"], &[("comfyui", &sim.url())]);
    let none = home.output(&["metrics"]).await;
    assert_eq!(none.status.code(), Some(1));
    let host = home.serve().await;
    measured(&home).await;
    let output = home.output(&["metrics"]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    let backend = format!(r#"backend="comfyui@{}",kind="comfyui""#, sim.addr());
    for line in [
        format!("mdd_backend_state{{{backend},state=\"connected\"}} 1.0"),
        r#"mdd_jobs{kind="comfyui",state="done"} 1.0"#.to_owned(),
        r#"mdd_jobs{kind="comfyui",state="lost"} 0.0"#.to_owned(),
        format!("mdd_backend_reconnects_total{{{backend}}} 0"),
    ] {
        assert!(text.lines().any(|known| known == line), "{line}\n{text}");
    }
    let answered = format!("mdd_backend_checks_total{{{backend},result=\"answered\"}} ");
    let answered = text.lines().find_map(|line| line.strip_prefix(&answered)).unwrap();
    assert!(answered.parse::<u64>().unwrap() > 0);
    assert!(text.ends_with("# EOF\n"));
    assert_eq!(processes::ports(host.pid), Vec::<String>::new());
    let MetricsAnswer { text } =
        serde_json::from_value(SocketTalk::greeted(&home).await.ask("metrics", Value::Null).await).unwrap();
    assert!(text.contains("mdd_build_info"));
}

#[tokio::test]
async fn the_port_of_the_settings_is_opened_for_this_machine_alone_and_closed_again() {
    let home = Home::empty();
    let host = home.serve().await;
    let port = free_port();
    let set = home.output(&["config", "set", "metrics.port", &port.to_string()]).await;
    assert!(set.status.success());
    let open = until("the port", || processes::ports(host.pid).pop()).await;
    assert_eq!(open, format!("tcp 0100007F:{port:04X}"));

    let newer = got(port, &asked(OPEN_METRICS)).await;
    assert!(newer.starts_with("HTTP/1.1 200") && newer.contains("application/openmetrics-text"), "{newer}");
    assert!(newer.ends_with("# EOF\n"), "{newer}");
    let older = got(port, &asked("*/*")).await;
    assert!(older.contains("text/plain; version=0.0.4") && !older.contains("# EOF"), "{older}");
    for (head, status) in [
        ("GET /metrics HTTP/1.1\r\nHost: rebound.example", "421"),
        ("GET /metrics HTTP/1.1", "421"),
        ("GET / HTTP/1.1\r\nHost: 127.0.0.1", "404"),
        ("POST /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0", "405"),
    ] {
        let answer = got(port, head).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{head}: {answer}");
    }
    // Clients that say nothing do not keep others out, as there are places enough.
    let silent = [TcpStream::connect(("127.0.0.1", port)).await.unwrap()];
    assert!(got(port, &asked("*/*")).await.starts_with("HTTP/1.1 200"));
    drop(silent);

    let unset = home.output(&["config", "unset", "metrics.port"]).await;
    assert!(unset.status.success());
    until("the end of the port", || processes::ports(host.pid).is_empty().then_some(())).await;
}

#[tokio::test]
async fn a_port_that_somebody_has_is_told_and_taken_when_it_is_free() {
    let home = Home::empty();
    let host = home.serve().await;
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    home.output(&["config", "set", "metrics.port", &port.to_string()]).await;
    let mut talk = SocketTalk::greeted(&home).await;
    let told = async {
        loop {
            let snapshot = talk.ask("snapshot", Value::Null).await;
            let mut notices = snapshot["notices"].as_array().unwrap().iter();
            if notices.any(|notice| notice["text"].as_str().unwrap().contains(&format!("port {port}"))) {
                return;
            }
            sleep(LOOK_EVERY).await;
        }
    };
    soon("a notice", told).await;
    drop(other);
    until("the port", || processes::ports(host.pid).pop()).await;
}

/// Names of metrics of ours in a text.
fn names(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("mdd_")).collect()
}

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(file)).unwrap()
}

/// Every text of a JSON value.
fn texts<'v>(value: &'v Value, into: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => into.push(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, into)),
        Value::Object(fields) => fields.values().for_each(|field| texts(field, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[tokio::test]
async fn the_dashboard_shows_what_there_is_and_all_of_it() {
    let sim = Sim::start("comfyui").await.unwrap();
    let home = Home::with(&["comfyui"], &[("comfyui", &sim.url())]);
    let _host = home.serve().await;
    measured(&home).await;
    let output = home.output(&["metrics"]).await;
    let exposed = String::from_utf8(output.stdout).unwrap();
    let samples: BTreeSet<&str> = exposed
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split(['{', ' ']).next().unwrap())
        .collect();
    let dashboard: Value = serde_json::from_str(&read("docs/grafana/mdd-host.json")).unwrap();
    let mut shown = Vec::new();
    texts(&dashboard, &mut shown);
    let shown: BTreeSet<&str> = shown.into_iter().flat_map(names).collect();
    let unknown: Vec<_> = shown.difference(&samples).collect();
    assert!(unknown.is_empty(), "the dashboard asks for {unknown:?}");
    // A histogram is shown by its buckets; the version is in the table of any scrape.
    let not_shown = samples.difference(&shown).filter(|name| !name.ends_with("_sum") && !name.ends_with("_count"));
    assert_eq!(not_shown.collect::<Vec<_>>(), [&"mdd_build_info"]);

    let page = read("docs/src/metrics.md");
    let families = exposed.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    for (family, of_type) in families {
        let name = if of_type == "counter" { format!("`{family}_total`") } else { format!("`{family}`") };
        assert!(page.contains(&name), "metrics.md does not explain {name}");
    }
}

#[tokio::test]
async fn the_real_prometheus_finds_no_fault_and_stores_them() {
    let root = xtask::debian::unpacked("prometheus").unwrap();
    let sim = Sim::start("comfyui").await.unwrap();
    let home = Home::with(&["comfyui"], &[("comfyui", &sim.url())]);
    let _host = home.serve().await;
    measured(&home).await;
    let (ours, theirs) = (free_port(), free_port());
    home.output(&["config", "set", "metrics.port", &ours.to_string()]).await;
    let text = loop {
        let answer = got(ours, &asked("text/plain")).await;
        if let Some((_, text)) = answer.split_once("\r\n\r\n") {
            break text.to_owned();
        }
        sleep(LOOK_EVERY).await;
    };

    let mut promtool = Command::new(root.join("usr/bin/promtool"));
    let promtool = promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut check = promtool.stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    check.stdin.take().unwrap().write_all(text.as_bytes()).await.unwrap();
    let checked = soon("the check", check.wait_with_output()).await.unwrap();
    let said = String::from_utf8([checked.stdout, checked.stderr].concat()).unwrap();
    assert!(checked.status.success() && said.is_empty(), "{said}");

    let config = home.folder().join("prometheus.yml");
    let job = format!(
        "scrape_configs:\n- job_name: mdd-host\n  scrape_interval: 1s\n  static_configs:\n  - targets: ['127.0.0.1:{ours}']\n"
    );
    fs::write(&config, job).unwrap();
    let mut prometheus = Command::new(root.join("usr/bin/prometheus"));
    prometheus.arg(format!("--config.file={}", config.display()));
    prometheus.arg(format!("--storage.tsdb.path={}", home.folder().join("prometheus").display()));
    prometheus.arg(format!("--web.listen-address=127.0.0.1:{theirs}"));
    let log = fs::File::create(home.folder().join("prometheus.log")).unwrap();
    let _prometheus = prometheus.stdout(Stdio::null()).stderr(log).kill_on_drop(true).spawn().unwrap();
    let stored = async {
        // Counters keep their name only when they were read as OpenMetrics or as the older format, and none is missing.
        for query in ["up==1", "mdd_backend_checks_total", "mdd_backend_check_duration_seconds_bucket", "mdd_jobs"] {
            let query = query.replace('=', "%3D");
            let head = format!("GET /api/v1/query?query={query} HTTP/1.1\r\nHost: localhost\r\nConnection: close");
            loop {
                let answer = got(theirs, &head).await;
                if answer.contains(r#""instance":"127.0.0.1:"#) {
                    break;
                }
                sleep(LOOK_EVERY).await;
            }
        }
    };
    let log = || fs::read_to_string(home.folder().join("prometheus.log")).unwrap_or_default();
    let in_time = timeout(crate::PATIENCE, stored).await;
    assert!(in_time.is_ok(), "{}", log());
}

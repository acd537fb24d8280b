//! Everything that helps somebody else to understand a problem, in one object.

use crate::{events::Snapshot, rpc::Drivers, transport::concealed};
use mdd_driver_api::text::printable;
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
};

/// As many of the log's last lines as an issue has room for.
const LOG_LINES: usize = 20;
/// Longest line of them, in characters.
const MAX_LINE: usize = 300;
/// As much of the log as is read for them, in bytes.
const TAIL: u64 = 64 << 10;

/// Versions, system, drivers, backends, jobs, notices and the end of the log. The home folder is written as `~`.
pub fn report(snapshot: &Snapshot, drivers: &Drivers, started: &str, log: &Path) -> Value {
    let mut report = json!({
        "mdd-host": env!("CARGO_PKG_VERSION"),
        "driver_interface": mdd_driver_api::API_VERSION,
        "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        "started": started,
        "snapshot": snapshot,
        "drivers": drivers.drivers,
        // A log that cannot be read is none.
        "log": last_lines(log).unwrap_or_default(),
    });
    if let Some(home) = std::env::home_dir() {
        hide(&mut report, &home);
    }
    report
}

/// The same text with `~` for the home folder.
pub fn without_home(text: &str) -> String {
    std::env::home_dir().map_or_else(|| text.to_owned(), |home| hidden(text, &home))
}

fn hide(value: &mut Value, home: &Path) {
    match value {
        Value::String(text) => *text = hidden(text, home),
        Value::Array(items) => items.iter_mut().for_each(|item| hide(item, home)),
        Value::Object(fields) => fields.values_mut().for_each(|field| hide(field, home)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn hidden(text: &str, home: &Path) -> String {
    let home = home.to_string_lossy();
    // A home like `/` would turn every path into nonsense and hides nothing.
    if home.len() < 3 { text.to_owned() } else { text.replace(&*home, "~") }
}

/// The end of the log. What drivers print has come into it as it was.
fn last_lines(log: &Path) -> io::Result<Vec<String>> {
    let mut file = File::open(log)?;
    let begin = file.metadata()?.len().saturating_sub(TAIL);
    file.seek(SeekFrom::Start(begin))?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail)?;
    let tail = String::from_utf8_lossy(&tail);
    let lines: Vec<&str> = tail.lines().collect();
    let last = lines.iter().skip(lines.len().saturating_sub(LOG_LINES));
    Ok(last.map(|line| printable(&concealed(line), MAX_LINE)).collect())
}

#[cfg(test)]
mod tests {
    use super::{LOG_LINES, hide, last_lines};
    use serde_json::json;
    use std::{fs, path::Path};

    #[test]
    fn the_home_folder_never_shows() {
        let mut value = json!({"path": "/homes/anna/plugins/x.so", "list": ["see /homes/anna/log"], "n": 1});
        hide(&mut value, Path::new("/homes/anna"));
        assert_eq!(value, json!({"path": "~/plugins/x.so", "list": ["see ~/log"], "n": 1}));
    }

    #[test]
    fn a_report_has_the_last_lines_of_the_log_and_none_is_long() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("host.log");
        assert!(last_lines(&log).is_err());
        let lines: Vec<String> = (0..5_000).map(|number| format!("line {number}")).collect();
        fs::write(&log, lines.join("\n") + "\n" + &"x".repeat(9_000)).unwrap();
        let last = last_lines(&log).unwrap();
        assert_eq!((last.len(), last[0].as_str()), (LOG_LINES, "line 4981"));
        assert!(last.iter().all(|line| line.chars().count() <= 301), "{last:?}");
    }
}

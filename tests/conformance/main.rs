//! Drivers against the laws: those that are shipped keep them, and each mistake is told in its own line.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report, in its helpers as well")]

mod mutants;
mod scripts;
mod shipped;

use mdd_tests::mdd_host;
use serde_json::Value;
use std::path::Path;

/// What a check says of a driver.
pub(crate) struct Said {
    pub(crate) laws: Vec<(String, String, String)>,
    /// The codes that nothing has provoked.
    pub(crate) not_seen: Vec<String>,
    pub(crate) code: Option<i32>,
}

impl Said {
    /// The broken laws, with what was seen.
    pub(crate) fn broken(&self) -> Vec<(&str, &str)> {
        let broken = self.laws.iter().filter(|(_, finding, _)| finding == "broken");
        broken.map(|(law, _, seen)| (law.as_str(), seen.as_str())).collect()
    }

    pub(crate) fn finding(&self, law: &str) -> &str {
        let found = self.laws.iter().find(|(name, ..)| name == law);
        found.map(|(_, finding, _)| finding.as_str()).unwrap_or_else(|| panic!("no law {law:?}"))
    }
}

pub(crate) fn check(file: &Path, script: Option<&Path>) -> Said {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let mut command = mdd_host(home.path());
    command.args(["drivers", "check", "--json"]).arg(file);
    if let Some(folder) = script {
        command.arg("--script").arg(folder);
    }
    let output = command.output().expect("the program runs");
    let told = || String::from_utf8_lossy(&output.stderr).into_owned();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", told()));
    let text = |line: &Value, field: &str| line[field].as_str().unwrap_or_default().to_owned();
    let laws = report["laws"].as_array().unwrap_or_else(|| panic!("{report}"));
    let laws = laws.iter().map(|line| (text(line, "law"), text(line, "finding"), text(line, "seen"))).collect();
    let codes = report["not_seen"].as_array().unwrap_or_else(|| panic!("{report}"));
    let not_seen = codes.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    Said { laws, not_seen, code: output.status.code() }
}

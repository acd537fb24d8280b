//! `.ci/allowed-to-skip.toml`: the lanes that may be skipped where they cannot run.

use super::Lane;
use crate::workspace;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;

const FILE: &str = ".ci/allowed-to-skip.toml";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Allowance {
    #[serde(default, rename = "lane")]
    lanes: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    reason: String,
}

impl Allowance {
    pub(super) fn read(lanes: &[Lane]) -> Result<Allowance> {
        let text =
            std::fs::read_to_string(workspace::root().join(FILE)).with_context(|| format!("cannot read {FILE}"))?;
        Allowance::parse(&text, lanes).with_context(|| format!("{FILE} is wrong"))
    }

    fn parse(text: &str, lanes: &[Lane]) -> Result<Allowance> {
        let allowance: Allowance = toml::from_str(text)?;
        for entry in &allowance.lanes {
            ensure!(lanes.iter().any(|lane| lane.name == entry.name), "no lane is called {}", entry.name);
            ensure!(!entry.reason.trim().is_empty(), "lane {} has no reason", entry.name);
        }
        Ok(allowance)
    }

    pub(super) fn reason(&self, lane: &str) -> Option<&str> {
        self.lanes.iter().find(|entry| entry.name == lane).map(|entry| entry.reason.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LANES: &[Lane] = &[Lane { name: "sound", about: "", in_whole: true, run: || Ok(()) }];

    #[test]
    fn every_entry_names_a_lane_and_a_reason() {
        let allowance = Allowance::parse("[[lane]]\nname = 'sound'\nreason = 'no card'", LANES).unwrap();
        assert_eq!(allowance.reason("sound"), Some("no card"));
        assert_eq!(allowance.reason("light"), None);
        assert!(Allowance::parse("", LANES).is_ok());
        for wrong in [
            "[[lane]]\nname = 'light'\nreason = 'x'",
            "[[lane]]\nname = 'sound'\nreason = ' '",
            "[[lane]]\nname = 'sound'",
        ] {
            assert!(Allowance::parse(wrong, LANES).is_err(), "{wrong}");
        }
    }
}

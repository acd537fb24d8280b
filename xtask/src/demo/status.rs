//! What `mdd-host status --json` says; fields that the demo does not show are left out.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct Status {
    pub(super) summary: Summary,
    pub(super) backends: Vec<Backend>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Summary {
    pub(super) sentence: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Backend {
    pub(super) kind: String,
    pub(super) title: Option<String>,
    /// None while no service of this kind is known.
    pub(super) endpoint: Option<String>,
    pub(super) state: String,
    pub(super) detail: Option<String>,
    pub(super) reason: Option<Reason>,
    pub(super) version: Option<String>,
    pub(super) latency_ms: Option<Latency>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Reason {
    pub(super) observation: Option<String>,
    pub(super) meaning: Option<String>,
    #[serde(default)]
    pub(super) remedies: Vec<Remedy>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Remedy {
    pub(super) label: String,
    pub(super) argument: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Latency {
    pub(super) last: Option<f64>,
}

impl Reason {
    /// What was seen and what it means, then what helps, a line each.
    pub(super) fn lines(&self) -> Vec<String> {
        let said: Vec<&str> = [&self.observation, &self.meaning].into_iter().flatten().map(String::as_str).collect();
        let remedies = self.remedies.iter().map(|remedy| match &remedy.argument {
            Some(argument) => format!("→ {}: {argument}", remedy.label),
            None => format!("→ {}", remedy.label),
        });
        [said.join(": ")].into_iter().chain(remedies).collect()
    }
}

impl Status {
    /// The backend at that address.
    pub(super) fn at(&self, url: &str) -> Option<&Backend> {
        let same = |endpoint: &String| endpoint.trim_end_matches('/') == url;
        self.backends.iter().find(|backend| backend.endpoint.as_ref().is_some_and(same))
    }
}

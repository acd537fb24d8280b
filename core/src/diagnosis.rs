//! Failures explained: a stable code, what was observed, what it means, and what helps.

mod catalogue;
mod class;
mod report;

pub use class::Class;
pub use report::{report, without_home};

use crate::transport::concealed;
use mdd_driver_api::{
    DriverError, ErrorKind, manifest,
    manifest::{Declaration, Secret},
    model::Problem,
    text::printable,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Longest observation, in characters: peers write parts of it.
const MAX_OBSERVATION: usize = 300;

/// Something that helps: drawn as a button by the panel and printed as a command by the terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Remedy {
    /// What to do: `retry`, `set-url`, `set-key`, `start-hint`, `open-docs`, ….
    pub action: String,
    /// The same in words.
    pub label: String,
    /// What the action needs: a URL, a command line, a name.
    pub argument: Option<String>,
}

impl Remedy {
    fn new(action: &str, label: &str) -> Self {
        Self { action: action.to_owned(), label: label.to_owned(), argument: None }
    }

    /// Goes to a service that was found while another of its kind is away.
    pub(crate) fn use_found(url: &str) -> Self {
        let label = format!("Use the one that was found at {url}");
        Self { action: "use-found-endpoint".to_owned(), label, argument: Some(url.to_owned()) }
    }

    /// Lets a stopped process go on.
    pub(crate) fn continue_process(command: String) -> Self {
        Self { action: "continue-process".to_owned(), label: "How to let it go on".to_owned(), argument: Some(command) }
    }

    /// Names the setting that holds an address or a key.
    fn filled(mut self, declaration: &Declaration) -> Self {
        let Declaration { kind, secrets, .. } = declaration;
        let known = match self.action.as_str() {
            // Nobody has said which kind it should be.
            _ if kind.is_empty() => None,
            "set-url" => Some(format!("backends.{kind}.url")),
            "set-key" => {
                let named = self.argument.as_ref().filter(|name| secrets.contains_key(*name));
                named.or_else(|| secrets.keys().next()).map(|name| format!("backends.{kind}.{name}"))
            }
            _ => None,
        };
        self.argument = known.or(self.argument);
        self
    }

    /// One of the host's own, which knows how to start a service from its manifest alone, and one for each secret.
    fn of_host(action: &str, label: &str, declaration: &Declaration) -> Vec<Self> {
        let mut remedy = Self::new(action, label);
        match action {
            "set-key" if wants_login(declaration) => return Self::set_login(declaration),
            "start-hint" if !declaration.start_hint.is_empty() => {
                remedy.argument = Some(declaration.start_hint.clone());
            }
            _ => {}
        }
        vec![remedy.filled(declaration)]
    }

    fn set_login(declaration: &Declaration) -> Vec<Self> {
        let mut secrets: Vec<_> = declaration.secrets.iter().collect();
        // A login begins with who one is.
        secrets.sort_by_key(|(name, _)| name.as_str() == "password");
        let remedy = |(name, secret): (&String, &Secret)| Self {
            action: "set-key".to_owned(),
            label: format!("Set the {}", named(name, secret)),
            argument: Some(name.clone()),
        };
        secrets.into_iter().map(|secret| remedy(secret).filled(declaration)).collect()
    }
}

impl From<&manifest::Remedy> for Remedy {
    fn from(declared: &manifest::Remedy) -> Self {
        let manifest::Remedy { action, label, argument, .. } = declared.clone();
        Self { action, label, argument }
    }
}

/// Why a backend is not simply fine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// Stable name; `<kind>.<name>` for a driver's own. It is also the name of a section of the troubleshooting chapter.
    pub code: String,
    /// What was seen, without interpretation.
    pub observation: String,
    /// What that means.
    pub meaning: String,
    /// What helps, best first.
    pub remedies: Vec<Remedy>,
}

impl Reason {
    /// A reason of the host's own catalogue, for a backend of the declared kind.
    pub fn new(code: &str, observation: impl Into<String>, declaration: &Declaration) -> Self {
        let entry = catalogue::entry(code);
        let remedies = entry.remedies.iter().map(|(action, label)| Remedy::of_host(action, label, declaration));
        Self {
            code: code.to_owned(),
            observation: printable(&concealed(&observation.into()), MAX_OBSERVATION),
            meaning: entry.meaning.replace("{title}", &declaration.title).replace("{key}", key_or_login(declaration)),
            remedies: remedies.flatten().collect(),
        }
    }

    /// A reason of the catalogue that is about no service.
    pub fn of_host(code: &str, observation: impl Into<String>) -> Self {
        Self::new(code, observation, &Declaration { title: "mdd-host".to_owned(), ..Declaration::default() })
    }

    /// A service that may not be the user's, as the `doubt` says, and which backend it would be.
    pub(crate) fn needs_your_word(doubt: impl Into<String>, declaration: &Declaration, backend: &str) -> Self {
        let mut reason = Self::new("needs-your-word", doubt, declaration);
        for remedy in reason.remedies.iter_mut().filter(|remedy| remedy.action == "accept") {
            remedy.argument = Some(backend.to_owned());
        }
        reason
    }

    /// Explains an error that a driver or the transport reported.
    pub fn of_error(error: &DriverError, declaration: &Declaration) -> Self {
        let observation = error.message.to_string();
        match declaration.errors.get(error.code.as_str()) {
            Some(entry) => Self::declared(&error.code, observation, entry, declaration),
            None if error.code.is_empty() => Self::new(code_of_kind(error.kind), observation, declaration),
            None => Self::new(&error.code, observation, declaration),
        }
    }

    /// Explains a problem that a driver reported about a usable backend.
    pub fn of_problem(problem: &Problem, declaration: &Declaration) -> Self {
        match declaration.errors.get(&problem.code) {
            Some(entry) => Self::declared(&problem.code, problem.observation.clone(), entry, declaration),
            None => Self::new(&problem.code, problem.observation.clone(), declaration),
        }
    }

    /// Whether it takes more than one secret to help.
    pub(crate) fn wants_login(&self) -> bool {
        self.remedies.iter().filter(|remedy| remedy.action == "set-key").count() > 1
    }

    fn declared(
        code: &str,
        observation: String,
        entry: &mdd_driver_api::manifest::ErrorEntry,
        declaration: &Declaration,
    ) -> Self {
        Self {
            code: code.to_owned(),
            observation: printable(&concealed(&observation), MAX_OBSERVATION),
            meaning: entry.meaning.clone(),
            remedies: entry.remedies.iter().map(|remedy| Remedy::from(remedy).filled(declaration)).collect(),
        }
    }
}

/// What opens a service of that kind, in words.
pub(crate) fn key_or_login(declaration: &Declaration) -> &'static str {
    if wants_login(declaration) { "a login" } else { "a key" }
}

/// Whether it takes several secrets to open it.
fn wants_login(declaration: &Declaration) -> bool {
    declaration.secrets.len() > 1
}

/// What a secret is, in few words: its title up to the first comma.
fn named(name: &str, secret: &Secret) -> String {
    let title = secret.title.split([',', ';', '(']).next().unwrap_or_default().trim();
    let mut letters = title.chars();
    letters.next().map_or_else(|| name.to_owned(), |first| first.to_lowercase().chain(letters).collect())
}

/// For errors that carry no code of their own.
fn code_of_kind(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::TRANSPORT => "connection-failed",
        ErrorKind::TIMEOUT => "no-answer",
        ErrorKind::PROTOCOL => "unexpected-answer",
        ErrorKind::REJECTED => "request-rejected",
        ErrorKind::CONFIG => "bad-setting",
        ErrorKind::AUTH => "needs-key",
        ErrorKind::UNSUPPORTED => "unsupported-version",
        ErrorKind::PANIC => "driver-panicked",
        ErrorKind::BUSY => "service-busy",
        ErrorKind::LIMIT => "answer-too-large",
        ErrorKind::HOST => "host-fault",
        _ => "unknown-error",
    }
}

#[cfg(test)]
mod tests {
    use super::Reason;
    use mdd_driver_api::{DriverError, ErrorKind, manifest::Declaration};

    fn lamp() -> Declaration {
        serde_json::from_str(
            r#"{"kind": "lamp", "title": "Lamp", "start_hint": "lamp --on",
                "errors": {"lamp.dark": {"meaning": "No bulb.", "remedies": [{"action": "retry", "label": "Look again"}]}}}"#,
        )
        .unwrap()
    }

    #[test]
    fn a_drivers_own_code_is_explained_by_its_manifest() {
        let error = DriverError::new(ErrorKind::PROTOCOL, "it is dark").with_code("lamp.dark");
        let reason = Reason::of_error(&error, &lamp());
        assert_eq!((reason.code.as_str(), reason.meaning.as_str()), ("lamp.dark", "No bulb."));
        assert_eq!(reason.remedies[0].label, "Look again");
    }

    #[test]
    fn each_secret_of_a_login_has_its_own_remedy() {
        let locked: Declaration = serde_json::from_str(
            r#"{"kind": "safe", "title": "Safe", "secrets": {
                  "password": {"title": "Password, where it has one"}, "username": {"title": "User name (yours)"}},
                "errors": {"safe.shut": {"meaning": "Shut.", "remedies": [
                  {"action": "set-key", "label": "Set the user name", "argument": "username"},
                  {"action": "set-key", "label": "Set the password", "argument": "password"},
                  {"action": "set-key", "label": "Set what opens it", "argument": "none of its secrets"}]}}}"#,
        )
        .unwrap();
        let shown = |reason: &Reason| -> Vec<_> {
            let keys = reason.remedies.iter().filter(|remedy| remedy.action == "set-key");
            keys.map(|remedy| (remedy.label.clone(), remedy.argument.clone().unwrap())).collect()
        };
        let wanted = [("Set the user name", "backends.safe.username"), ("Set the password", "backends.safe.password")]
            .map(|(label, key)| (label.to_owned(), key.to_owned()));
        let shut = DriverError::new(ErrorKind::AUTH, "401").with_code("safe.shut");
        assert_eq!(shown(&Reason::of_error(&shut, &locked))[..2], wanted);
        let own = Reason::new("needs-key", "401", &locked);
        assert_eq!(shown(&own), wanted);
        assert_eq!(own.meaning, "Safe wants a login before it works with us.");
    }

    #[test]
    fn the_start_hint_comes_from_the_manifest() {
        let error = DriverError::new(ErrorKind::TRANSPORT, "port 1 refused").with_code("connection-refused");
        let reason = Reason::of_error(&error, &lamp());
        assert!(reason.meaning.contains("Lamp"));
        let hint = reason.remedies.iter().find(|remedy| remedy.action == "start-hint").unwrap();
        assert_eq!(hint.argument.as_deref(), Some("lamp --on"));
    }

    #[test]
    fn a_peer_cannot_write_control_characters_into_a_reason() {
        let error = DriverError::new(ErrorKind::PROTOCOL, "it said \u{1b}[2J\r\nhello");
        assert_eq!(Reason::of_error(&error, &lamp()).observation, "it said  [2J  hello");
    }
}

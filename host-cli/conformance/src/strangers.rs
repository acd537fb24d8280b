//! Services that are somebody else's: the scripts of all kinds that this build knows, and what any driver may meet.

use mdd_replay::{Invalid, Script};
use std::{collections::BTreeMap, sync::Arc};

/// `(kind, script, text, files beside it)` of every driver in the repository that this was built from.
type Known = &'static [(&'static str, &'static str, &'static str, &'static [(&'static str, &'static [u8])])];

const KNOWN: Known = include!(concat!(env!("OUT_DIR"), "/known.rs"));

/// Programs that are no AI service, by name and the answer that they give to everything.
const PROGRAMS: &[(&str, &str)] = &[
    (
        "a web page for every path",
        r#"{"headers": {"content-type": "text/html"}, "text": "<!doctype html><title>App</title>"}"#,
    ),
    ("an empty JSON object for every path", r#"{"json": {}}"#),
    ("an empty JSON list for every path", r#"{"json": []}"#),
    ("`null` for every path", r#"{"json": null}"#),
    ("`true` for every path", r#"{"json": true}"#),
    ("an empty answer for every path", r#"{"status": 204}"#),
    ("HTTP 401 for every path", r#"{"status": 401, "json": {"detail": "Not authenticated"}}"#),
    ("HTTP 403 for every path", r#"{"status": 403, "text": "Forbidden"}"#),
    ("HTTP 404 for every path", r#"{"status": 404, "json": {"detail": "Not Found"}}"#),
    ("HTTP 500 for every path", r#"{"status": 500, "text": "Internal Server Error"}"#),
    ("HTTP 503 for every path", r#"{"status": 503, "headers": {"retry-after": "5"}, "text": "busy"}"#),
    ("a redirect for every path", r#"{"status": 302, "headers": {"location": "http://127.0.0.1:1/login"}}"#),
    ("a text for every path", r#"{"text": "It works!"}"#),
    ("bytes for every path", r#"{"base64": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB"}"#),
];

/// Every service that is not of this kind, by name.
///
/// # Errors
/// A script of the repository that is none.
pub(crate) fn of(kind: &str) -> Result<BTreeMap<String, Arc<Script>>, Invalid> {
    let mut strangers = BTreeMap::new();
    for (name, answer) in PROGRAMS {
        let text = format!(r#"{{"source": "made up", "exchanges": [{{"request": "* /*", "answer": {answer}}}]}}"#);
        strangers.insert((*name).to_owned(), Arc::new(Script::parse(name, &text, |_| None)?));
    }
    for (owner, name, text, files) in KNOWN.iter().filter(|(owner, ..)| *owner != kind) {
        let file = |wanted: &str| files.iter().find(|(name, _)| *name == wanted).map(|(_, bytes)| bytes.to_vec());
        strangers.insert(format!("{owner} ({name})"), Arc::new(Script::parse(name, text, file)?));
    }
    Ok(strangers)
}

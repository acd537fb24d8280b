//! All backends in one word and one sentence.

use crate::events::{BackendView, Detail, Origin, StateName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How things stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Everything that was found or asked for works. What nobody has started need not.
    Ok,
    /// Something is on its way or limited, or nothing is there at all.
    Attention,
    /// Something that should work does not.
    Problem,
}

/// One word and one sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// The word.
    pub severity: Severity,
    /// The sentence: what cannot be made now, and why.
    pub sentence: String,
}

/// A pure function of the parts.
pub fn summarize<'v>(backends: impl IntoIterator<Item = &'v BackendView>) -> Summary {
    let backends: Vec<_> = backends.into_iter().collect();
    let (missing, there): (Vec<_>, Vec<_>) =
        backends.iter().partition(|backend| is_missing(backend) || is_replaced(backend, &backends));
    let is_usable = |backend: &&BackendView| backend.state == StateName::Connected;
    // Whoever uses one service need not have the others.
    if there.iter().any(is_usable) {
        let severity = there.iter().copied().map(severity).max().unwrap_or(Severity::Ok);
        return Summary { severity, sentence: sentence(&there, &missing) };
    }
    let all = [there, missing].concat();
    let severity = all.iter().copied().map(severity).max().unwrap_or(Severity::Attention);
    Summary { severity, sentence: sentence(&all, &[]) }
}

/// Whether a change of one of the parts may change the summary.
pub(crate) fn reads_differently(before: &BackendView, after: &BackendView) -> bool {
    let read = |view: &BackendView| (view.state, view.detail, view.origin, view.needs_word);
    read(before) != read(after)
        || before.reason != after.reason
        || (&before.kind, &before.title, &before.makes) != (&after.kind, &after.title, &after.makes)
}

/// Nobody has named it or started it.
fn is_missing(backend: &BackendView) -> bool {
    backend.origin == Origin::Missing && backend.state == StateName::Disconnected
}

/// It was found, is not running any more, and another of its kind is connected: it may have moved there, and whoever
/// wants to be told of each names it.
fn is_replaced(backend: &BackendView, all: &[&BackendView]) -> bool {
    let is_another = |other: &&BackendView| other.kind == backend.kind && other.state == StateName::Connected;
    backend.origin.is_found() && is_not_running(backend) && all.iter().any(is_another)
}

fn is_not_running(backend: &BackendView) -> bool {
    let codes = ["not-running", "connection-refused", "process-exited"];
    backend.state == StateName::Disconnected
        && backend.reason.as_ref().is_some_and(|reason| codes.contains(&reason.code.as_str()))
}

fn severity(backend: &BackendView) -> Severity {
    match (backend.state, backend.detail) {
        (StateName::Disabled, _) | (StateName::Connected, Detail::Ready | Detail::Busy) => Severity::Ok,
        (StateName::Connected, Detail::Unresponsive | Detail::Suspended) => Severity::Problem,
        (StateName::Connected | StateName::Connecting, _) => Severity::Attention,
        // A question to the user is no fault.
        (StateName::Disconnected, _)
            if backend.origin == Origin::Missing || backend.needs_word || is_starting(backend) =>
        {
            Severity::Attention
        }
        (StateName::Disconnected, _) => Severity::Problem,
    }
}

fn is_starting(backend: &BackendView) -> bool {
    backend.reason.as_ref().is_some_and(|reason| reason.code == "starting")
}

/// What is wrong, or what is ready; then what cannot be made because its service is missing.
fn sentence(backends: &[&BackendView], missing: &[&BackendView]) -> String {
    let worst_first = |wanted: Severity| backends.iter().filter(move |backend| severity(backend) == wanted);
    let usable = |backend: &&&BackendView| backend.state == StateName::Connected;
    let troubled: Vec<_> = worst_first(Severity::Problem).chain(worst_first(Severity::Attention)).collect();
    match troubled.as_slice() {
        [] if backends.iter().any(|backend| usable(&backend)) => {
            let ready = list(counted(backends.iter().filter(usable).map(|backend| backend.title.as_str())));
            match cannot_be_made(backends, missing) {
                None => format!("Everything is ready: {ready}."),
                Some(text) => format!("Ready: {ready}. {text}"),
            }
        }
        [] => "No AI service is known yet.".to_owned(),
        [first, ..] => {
            let text = trouble(first, backends);
            match troubled.len() - 1 {
                0 => text,
                1 => format!("{text} One more service needs attention."),
                more => format!("{text} {more} more services need attention."),
            }
        }
    }
}

fn trouble(backend: &BackendView, all: &[&BackendView]) -> String {
    let what = state_in_words(backend);
    let missing: Vec<_> =
        backend.makes.iter().filter(|thing| !can_be_made(thing, all)).map(|thing| plural(thing)).collect();
    if missing.is_empty() {
        format!("{what}.")
    } else {
        format!("{} unavailable: {what}.", capital(&list(missing.iter())))
    }
}

/// What only services could make that are missing.
fn cannot_be_made(there: &[&BackendView], missing: &[&BackendView]) -> Option<String> {
    let lacks = |backend: &&&BackendView| backend.makes.iter().any(|thing| !can_be_made(thing, there));
    let lacking: Vec<_> = missing.iter().filter(lacks).collect();
    let things: BTreeSet<_> = lacking.iter().flat_map(|backend| &backend.makes).collect();
    let things: Vec<_> =
        things.into_iter().filter(|thing| !can_be_made(thing, there)).map(|thing| plural(thing)).collect();
    let titles: BTreeSet<_> = lacking.iter().map(|backend| &backend.title).collect();
    let (titles, verb) = (list(&titles), if titles.len() == 1 { "is" } else { "are" });
    (!things.is_empty()).then(|| format!("{} unavailable: {titles} {verb} not running.", capital(&list(things))))
}

fn can_be_made(thing: &str, all: &[&BackendView]) -> bool {
    all.iter().any(|backend| backend.state == StateName::Connected && backend.makes.iter().any(|made| made == thing))
}

fn state_in_words(backend: &BackendView) -> String {
    let title = &backend.title;
    match (backend.state, backend.detail) {
        (StateName::Connecting | StateName::Disconnected, _) if is_starting(backend) => format!("{title} is starting"),
        (StateName::Connecting, _) => format!("{title} is being connected"),
        (StateName::Connected, Detail::Unresponsive) => format!("{title} does not answer just now"),
        (StateName::Connected, Detail::Suspended) => format!("{title} is suspended"),
        (StateName::Connected, _) => format!("{title} works with limits"),
        (StateName::Disconnected, _) if is_not_running(backend) => format!("{title} is not running"),
        (StateName::Disconnected, _) if backend.needs_word => format!("{title} was found and waits for your word"),
        (StateName::Disconnected | StateName::Disabled, _) => match backend.reason.as_ref() {
            Some(reason) if matches!(reason.code.as_str(), "needs-key" | "missing-secret") => {
                format!("{title} wants {}", if reason.wants_login() { "a login" } else { "a key" })
            }
            Some(reason) if reason.code == "key-refused" => format!("{title} does not accept the key"),
            Some(reason) if reason.code == "wrong-service" => format!("{title} is not where it should be"),
            Some(reason) => format!("{title} is disconnected ({})", reason.observation),
            None => format!("{title} is disconnected"),
        },
    }
}

fn plural(thing: &str) -> String {
    match thing {
        "image" => "images".to_owned(),
        "voice" => "voices".to_owned(),
        other => other.to_owned(),
    }
}

/// Each title once, with how many there are of it.
pub(super) fn counted<'t>(titles: impl Iterator<Item = &'t str>) -> Vec<String> {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for title in titles {
        match counts.iter_mut().find(|(known, _)| *known == title) {
            Some((_, count)) => *count += 1,
            None => counts.push((title, 1)),
        }
    }
    counts
        .iter()
        .map(|&(title, count)| if count == 1 { title.to_owned() } else { format!("{title} ({count})") })
        .collect()
}

/// "a", "a and b", "a, b and c".
pub(super) fn list(items: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let items: Vec<_> = items.into_iter().map(|item| item.as_ref().to_owned()).collect();
    match items.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// With a large first letter.
pub(crate) fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Severity, summarize};
    use crate::{
        diagnosis::Reason,
        events::{BackendView, Detail, Origin, StateName},
    };
    use mdd_driver_api::manifest::Declaration;

    pub(crate) fn backend(title: &str, state: StateName, detail: Detail, makes: &[&str]) -> BackendView {
        BackendView {
            id: title.to_owned(),
            kind: title.to_owned(),
            title: title.to_owned(),
            endpoint: None,
            origin: Origin::DefaultPort,
            state,
            detail,
            reason: None,
            since: String::new(),
            attempt: 0,
            next_try_ms: None,
            version: None,
            flavour: None,
            queue: None,
            latency_ms: None,
            uptime: None,
            reconnects: 0,
            last_errors: vec![],
            process: None,
            devices: None,
            models: None,
            makes: makes.iter().map(|&thing| thing.to_owned()).collect(),
            icon: String::new(),
            attribution: None,
            is_default: false,
            projects: Vec::new(),
            needs_word: false,
        }
    }

    #[test]
    fn a_question_to_the_user_is_no_fault() {
        let declaration = Declaration::default();
        let asks = |title: &str, makes: &[&str]| BackendView {
            needs_word: true,
            reason: Some(Reason::new("needs-your-word", "it runs as another user", &declaration)),
            ..backend(title, StateName::Disconnected, Detail::Refused, makes)
        };
        let alone = summarize(&[asks("Lamp", &["image"])]);
        assert_eq!(alone.severity, Severity::Attention);
        assert_eq!(alone.sentence, "Images unavailable: Lamp was found and waits for your word.");
        let ready = backend("Lamp", StateName::Connected, Detail::Ready, &["image"]);
        let beside = summarize(&[ready, asks("Lamp", &["image"])]);
        assert_eq!(beside.sentence, "Lamp was found and waits for your word.");
    }

    #[test]
    fn all_well() {
        let all = [
            backend("A", StateName::Connected, Detail::Ready, &["image"]),
            backend("B", StateName::Connected, Detail::Busy, &["text"]),
        ];
        let summary = summarize(&all);
        assert_eq!((summary.severity, summary.sentence.as_str()), (Severity::Ok, "Everything is ready: A and B."));
    }

    #[test]
    fn it_says_what_cannot_be_made() {
        let all = [
            backend("A", StateName::Connected, Detail::Ready, &["image"]),
            backend("B", StateName::Disconnected, Detail::Waiting, &["image", "voice"]),
        ];
        let summary = summarize(&all);
        assert_eq!(summary.severity, Severity::Problem);
        assert_eq!(summary.sentence, "Voices unavailable: B is disconnected.");
    }

    #[test]
    fn the_worst_comes_first_and_the_rest_is_counted() {
        let all = [
            backend("A", StateName::Connecting, Detail::Dial, &[]),
            backend("B", StateName::Disconnected, Detail::Refused, &[]),
            backend("C", StateName::Connected, Detail::Degraded, &[]),
        ];
        let sentence = summarize(&all).sentence;
        assert_eq!(sentence, "B is disconnected. 2 more services need attention.");
    }

    #[test]
    fn a_kind_that_nobody_started_is_no_problem() {
        let mut missing = backend("A", StateName::Disconnected, Detail::Waiting, &["voice"]);
        missing.origin = Origin::Missing;
        assert_eq!(summarize(&[missing.clone()]).severity, Severity::Attention);
        let ready = backend("B", StateName::Connected, Detail::Ready, &["text"]);
        let summary = summarize(&[missing.clone(), ready.clone()]);
        assert_eq!(summary.severity, Severity::Ok);
        assert_eq!(summary.sentence, "Ready: B. Voices unavailable: A is not running.");
        missing.makes = ready.makes.clone();
        assert_eq!(summarize(&[missing.clone(), ready.clone()]).sentence, "Everything is ready: B.");
        let lost = backend("C", StateName::Disconnected, Detail::Waiting, &[]);
        assert_eq!(summarize(&[missing, ready, lost]).sentence, "C is disconnected.");
        assert_eq!(summarize(&[]).sentence, "No AI service is known yet.");
    }

    #[test]
    fn what_was_found_and_runs_elsewhere_now_is_no_problem() {
        let gone = Reason::new("process-exited", "its process has ended", &Declaration::default());
        let mut old = backend("A", StateName::Disconnected, Detail::Waiting, &["image"]);
        old.reason = Some(gone);
        let new = backend("A", StateName::Connected, Detail::Ready, &["image"]);
        let summary = summarize(&[old.clone(), new.clone()]);
        assert_eq!((summary.severity, summary.sentence.as_str()), (Severity::Ok, "Everything is ready: A."));
        assert_eq!(summarize(&[new.clone(), new.clone()]).sentence, "Everything is ready: A (2).");
        assert_eq!(summarize(&[old.clone()]).sentence, "Images unavailable: A is not running.");
        old.origin = Origin::File;
        assert_eq!(summarize(&[old, new]).severity, Severity::Problem, "somebody named it");
    }
}

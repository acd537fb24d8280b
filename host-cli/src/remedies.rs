//! What helps, as lines with commands to paste.

use crate::output::{DIM, styled};
use mdd_core::diagnosis::{Reason, Remedy};
use std::fmt::Write as _;

/// What a reason is about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum About<'a> {
    /// A backend, by its id.
    Backend(&'a str),
    /// A job, by its id.
    Job(&'a str),
    /// Neither.
    Other,
}

/// A reason in lines below what it explains.
pub(crate) fn explained(reason: &Reason, about: About<'_>) -> String {
    let mut text = String::new();
    let _infallible = writeln!(text, "  {}", styled(DIM, format_args!("{} ({})", reason.observation, reason.code)));
    let _infallible = writeln!(text, "  {}", styled(DIM, &reason.meaning));
    for remedy in &reason.remedies {
        let _infallible = writeln!(text, "  {}", styled(DIM, line(reason, remedy, about)));
    }
    text
}

/// How to start it, as far as that needs few words.
pub(crate) fn start_in_short(reason: &Reason) -> String {
    let start = reason.remedies.iter().find(|remedy| remedy.action == "start-hint");
    let hint = start.and_then(|remedy| remedy.argument.as_deref()).unwrap_or_default();
    let end = [";", ", or ", " ("].iter().filter_map(|mark| hint.find(mark)).min().unwrap_or(hint.len());
    hint[..end].trim_end_matches('.').to_owned()
}

/// One remedy of a reason: its label, and the command that does it or what else it takes.
pub(crate) fn line(reason: &Reason, remedy: &Remedy, about: About<'_>) -> String {
    let Remedy { label, argument, .. } = remedy;
    match command(reason, remedy, about).as_ref().or(argument.as_ref()) {
        Some(rest) => format!("→ {label}: {rest}"),
        None => format!("→ {label}"),
    }
}

/// What does it in a terminal.
fn command(reason: &Reason, remedy: &Remedy, about: About<'_>) -> Option<String> {
    let argument = remedy.argument.as_deref();
    let words = match (remedy.action.as_str(), about) {
        ("change-setting" | "switch-to-polling", _) => {
            // Only drivers ask for settings, and their codes begin with the kind.
            let (kind, _) = reason.code.split_once('.')?;
            let (name, value) = argument?.split_once('=').unwrap_or((argument?, "VALUE"));
            format!("config set drivers.{kind}.{name} {}", quoted(value))
        }
        ("set-url", _) => format!("config set {} URL", argument?),
        // Nobody types a key where others can read it.
        ("set-key", _) => format!("config set {} -", argument?),
        ("retry", About::Backend(id)) => format!("backends try {}", quoted(id)),
        ("accept", About::Backend(id)) => format!("backends accept {}", quoted(id)),
        ("use-found-endpoint", About::Backend(id)) => format!("backends set {} {}", quoted(id), quoted(argument?)),
        ("retry", About::Job(id)) => format!("jobs retry {}", quoted(id)),
        ("resubmit", About::Job(id)) => format!("jobs resubmit {}", quoted(id)),
        ("discard", About::Job(id)) => format!("jobs discard {}", quoted(id)),
        ("copy-details", _) => "doctor".to_owned(),
        _ => return None,
    };
    Some(format!("mdd-host {words}"))
}

/// One word for every shell, where it is one at all.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "@%+:,./_-".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::{About, line, start_in_short};
    use mdd_core::diagnosis::{Reason, Remedy};

    fn reason(remedies: Vec<Remedy>) -> Reason {
        let (observation, meaning) = (String::new(), String::new());
        Reason { code: "lamp.dark".to_owned(), observation, meaning, remedies }
    }

    fn remedy(action: &str, argument: Option<&str>) -> Remedy {
        Remedy { action: action.to_owned(), label: "Do it".to_owned(), argument: argument.map(str::to_owned) }
    }

    #[test]
    fn what_can_be_done_here_is_a_command() {
        let (backend, job) = (About::Backend("lamp@[::1]:9"), About::Job("a b"));
        for (action, argument, about, wanted) in [
            ("set-url", Some("backends.lamp.url"), backend, "mdd-host config set backends.lamp.url URL"),
            ("set-key", Some("backends.lamp.key"), backend, "mdd-host config set backends.lamp.key -"),
            (
                "switch-to-polling",
                Some("live_updates=false"),
                backend,
                "mdd-host config set drivers.lamp.live_updates false",
            ),
            ("change-setting", Some("seconds"), job, "mdd-host config set drivers.lamp.seconds VALUE"),
            ("retry", None, backend, "mdd-host backends try 'lamp@[::1]:9'"),
            ("accept", None, About::Backend("lamp@1"), "mdd-host backends accept lamp@1"),
            ("use-found-endpoint", Some("http://1:2"), About::Backend("l@1"), "mdd-host backends set l@1 http://1:2"),
            ("retry", None, job, "mdd-host jobs retry 'a b'"),
            ("resubmit", None, job, "mdd-host jobs resubmit 'a b'"),
            ("discard", None, job, "mdd-host jobs discard 'a b'"),
        ] {
            assert_eq!(line(&reason(vec![]), &remedy(action, argument), about), format!("→ Do it: {wanted}"));
        }
    }

    #[test]
    fn a_start_in_short_is_the_first_way() {
        let of = |hint: &str| reason(vec![remedy("start-hint", Some(hint))]);
        for (hint, short) in [
            (
                "Run `lamp` in its folder (`lump` for version 2), or `glow`; it takes a while.",
                "Run `lamp` in its folder",
            ),
            ("Start the app, or run `lamp`.", "Start the app"),
            ("Run `lamp --on`.", "Run `lamp --on`"),
            ("", ""),
        ] {
            assert_eq!(start_in_short(&of(hint)), short);
        }
    }

    #[test]
    fn anything_else_is_told_as_it_is() {
        assert_eq!(line(&reason(vec![]), &remedy("start-hint", Some("lamp --on")), About::Other), "→ Do it: lamp --on");
        assert_eq!(line(&reason(vec![]), &remedy("set-url", None), About::Other), "→ Do it");
        assert_eq!(line(&reason(vec![]), &remedy("retry", None), About::Other), "→ Do it");
    }
}

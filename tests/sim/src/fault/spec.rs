//! Fault rules as text: `NAME[=ARGUMENT][@PATH][*COUNT]`, for example `slow=250ms@/prompt*2`.

use std::{str::FromStr, time::Duration};

use thiserror::Error;

use super::{Fault, Rule};
use crate::registry;

/// Why a text is no fault rule.
#[derive(Debug, Error, PartialEq)]
pub enum SpecError {
    /// No fault has this name.
    #[error("unknown fault `{0}`; known are {known}", known = NAMES.join(", "))]
    UnknownFault(String),
    /// The fault needs an argument after `=`.
    #[error("fault `{0}` needs an argument, as in `slow=250ms` or `identity=KIND:VERSION`")]
    MissingArgument(String),
    /// The fault takes no argument.
    #[error("fault `{0}` takes no argument")]
    SurplusArgument(String),
    /// No kind has this name.
    #[error("no kind `{0}` to answer as")]
    UnknownKind(String),
    /// The argument is no time.
    #[error("`{0}` is no duration; write `3s` or `250ms`")]
    BadDuration(String),
    /// The argument is no status of an answer.
    #[error("`{0}` is no status from 200 to 599")]
    BadStatus(String),
    /// The text after `*` is no count.
    #[error("`{0}` is no count")]
    BadCount(String),
}

const NAMES: [&str; 24] = [
    "hang",
    "drop",
    "reset",
    "garbage",
    "html",
    "status=CODE",
    "empty-body",
    "half-json",
    "endless-body",
    "gzip-bomb",
    "nan",
    "big-seeds",
    "slow=TIME",
    "stop-reading",
    "refuse",
    "freeze",
    "identity=KIND[:VERSION]",
    "ws-refuse",
    "ws-deaf",
    "ws-silent",
    "ws-drop",
    "late-job=TIME",
    "slow-job=TIME",
    "cut-answer",
];

impl FromStr for Rule {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let (text, count) = match text.trim().rsplit_once('*') {
            Some((rest, count)) => (rest, Some(count.parse().map_err(|_| SpecError::BadCount(count.to_owned()))?)),
            None => (text.trim(), None),
        };
        let (fault, path) = match text.split_once('@') {
            Some((fault, path)) => (fault, Some(path.to_owned())),
            None => (text, None),
        };
        Ok(Rule { fault: fault.parse()?, path, count })
    }
}

impl FromStr for Fault {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let (name, argument) = match text.split_once('=') {
            Some((name, argument)) => (name, Some(argument)),
            None => (text, None),
        };
        let needed = || argument.ok_or_else(|| SpecError::MissingArgument(name.to_owned()));
        let fault = match name {
            "slow" => return Ok(Fault::Slow(duration(needed()?)?)),
            "late-job" => return Ok(Fault::LateJob(duration(needed()?)?)),
            "slow-job" => return Ok(Fault::SlowJob(duration(needed()?)?)),
            "status" => return status(needed()?),
            "identity" => return identity(needed()?),
            "hang" => Fault::Hang,
            "drop" => Fault::Drop,
            "reset" => Fault::Reset,
            "garbage" => Fault::Garbage,
            "html" => Fault::Html,
            "empty-body" => Fault::EmptyBody,
            "half-json" => Fault::HalfJson,
            "endless-body" => Fault::EndlessBody,
            "gzip-bomb" => Fault::GzipBomb,
            "nan" => Fault::Nan,
            "big-seeds" => Fault::BigSeeds,
            "stop-reading" => Fault::StopReading,
            "refuse" => Fault::Refuse,
            "freeze" => Fault::Freeze,
            "ws-refuse" => Fault::SocketRefused,
            "ws-deaf" => Fault::SocketDeaf,
            "ws-silent" => Fault::SocketSilent,
            "ws-drop" => Fault::SocketDropped,
            "cut-answer" => Fault::CutAnswer,
            _ => return Err(SpecError::UnknownFault(name.to_owned())),
        };
        match argument {
            Some(_) => Err(SpecError::SurplusArgument(name.to_owned())),
            None => Ok(fault),
        }
    }
}

fn identity(argument: &str) -> Result<Fault, SpecError> {
    let (kind, version) = match argument.split_once(':') {
        Some((kind, version)) => (kind, Some(version)),
        None => (argument, None),
    };
    let found = registry::find(kind).and_then(|kind| kind.version(version));
    found.ok_or_else(|| SpecError::UnknownKind(argument.to_owned()))?;
    Ok(Fault::Identity { kind: kind.to_owned(), version: version.map(str::to_owned) })
}

fn status(argument: &str) -> Result<Fault, SpecError> {
    let code = argument.parse().ok().filter(|code| (200..=599).contains(code));
    code.map(Fault::Status).ok_or_else(|| SpecError::BadStatus(argument.to_owned()))
}

/// Reads `250ms`, `3s` or `1.5s`.
fn duration(text: &str) -> Result<Duration, SpecError> {
    let bad = || SpecError::BadDuration(text.to_owned());
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (text.strip_suffix('s').ok_or_else(bad)?, 1.0),
    };
    let number: f64 = number.parse().map_err(|_| bad())?;
    Duration::try_from_secs_f64(number * unit).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_has_fault_argument_path_and_count() {
        let rule: Rule = "slow=250ms@/prompt*2".parse().unwrap();
        assert_eq!(rule, Fault::Slow(Duration::from_millis(250)).on("/prompt").times(2));
        let rule: Rule = "identity=litellm:1.75.8@/x".parse().unwrap();
        let other = Fault::Identity { kind: "litellm".into(), version: Some("1.75.8".into()) };
        assert_eq!(rule, other.on("/x"));
    }

    #[test]
    fn every_listed_name_is_understood() {
        for name in NAMES {
            let text = name.replace("TIME", "3s").replace("CODE", "503").replace("KIND[:VERSION]", "comfyui");
            text.parse::<Rule>().unwrap_or_else(|error| panic!("{text}: {error}"));
        }
    }

    #[test]
    fn a_bad_rule_says_what_is_wrong() {
        let error = |text: &str| text.parse::<Rule>().unwrap_err();
        assert_eq!(error("slow"), SpecError::MissingArgument("slow".into()));
        assert_eq!(error("hang=3s"), SpecError::SurplusArgument("hang".into()));
        assert_eq!(error("status=99"), SpecError::BadStatus("99".into()));
        assert_eq!(error("slow=3"), SpecError::BadDuration("3".into()));
        assert_eq!(error("slow=-3s"), SpecError::BadDuration("-3s".into()));
        assert_eq!(error("identity=comfyui:9"), SpecError::UnknownKind("comfyui:9".into()));
        assert_eq!(error("hang*x"), SpecError::BadCount("x".into()));
        assert!(error("hong").to_string().contains("gzip-bomb"));
    }
}

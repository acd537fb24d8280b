//! How every failure is told: a sentence, a code that stays, and what helps.

use crate::{
    output::{self, BAD, DIM, styled},
    remedies::quoted,
};
use mdd_core::{
    config::FileError,
    jobs::{JobError, JournalError},
    rpc::{CallError, ConnectError, ErrorCode, LockError, RpcError, SocketError},
};
use schemars::JsonSchema;
use serde::Serialize;
use std::{fmt::Write as _, io};

/// A failure with a code of its own.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct Coded {
    code: String,
    text: String,
    /// What helps just here; otherwise that is known by the code.
    remedy: Option<String>,
}

impl Coded {
    pub(crate) fn new(code: &str, text: impl Into<String>) -> Self {
        Self { code: code.to_owned(), text: text.into(), remedy: None }
    }

    /// An error whose place knows better what helps than its code.
    pub(crate) fn helped(error: &anyhow::Error, remedy: impl Into<String>) -> Self {
        let Failure { code, message, .. } = Failed::of(error).error;
        Self { code, text: message, remedy: Some(remedy.into()) }
    }

    /// What was asked for is the business of a host, and there is none.
    pub(crate) fn no_host(so: &str) -> Self {
        Self::new("no-host", format!("no host runs, so {so}"))
    }
}

/// What `--json` prints instead of a result.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Failed {
    /// Why there is none.
    error: Failure,
}

/// Why a command has failed.
#[derive(Debug, Serialize, JsonSchema)]
struct Failure {
    /// Stable name of the problem.
    code: String,
    /// What went wrong, in a sentence without a full stop.
    message: String,
    /// What helps.
    remedy: String,
}

impl Failed {
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        let code = error.chain().find_map(code).unwrap_or_else(|| "failed".to_owned());
        let own = error.chain().find_map(own_remedy);
        let remedy = own.unwrap_or_else(|| remedy(&code).to_owned());
        Self { error: Failure { code, message: format!("{error:#}"), remedy } }
    }

    /// For people to stderr; for programs to stdout, where they wait for an object.
    pub(crate) fn tell(&self, json: bool) {
        if json {
            // Whoever does not read any more is not told.
            let _told = output::json(self);
            return;
        }
        let Failure { code, message, remedy } = &self.error;
        let mut text = format!("{} {message} {}\n", styled(BAD, "error:"), styled(DIM, format_args!("({code})")));
        let _infallible = writeln!(text, "  {}", styled(DIM, format_args!("→ {remedy}")));
        anstream::eprint!("{text}");
    }
}

/// Whether the host said that it cannot be done as things stand.
pub(crate) fn is_refused(error: &CallError) -> bool {
    matches!(error, CallError::Refused(refusal) if refusal.code == ErrorCode::Refused as i32)
}

/// Whether the host said that a value cannot be.
pub(crate) fn is_invalid(error: &CallError) -> bool {
    matches!(error, CallError::Refused(refusal) if refusal.code == ErrorCode::InvalidParams as i32)
}

/// What helps by the facts that one link of a chain of errors brings along.
fn own_remedy(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    if let Some(coded) = error.downcast_ref::<Coded>() {
        return coded.remedy.clone();
    }
    let Some(CallError::Refused(refusal)) = error.downcast_ref::<CallError>() else { return None };
    let fact = |name| refusal.data.as_ref()?.get(name)?.as_str();
    match code_of_refusal(refusal).as_str() {
        "missing-file" => Some(format!("add it with `--file {}`", quoted_assignment(fact("file")?))),
        "settings-broken" => Some(format!("correct {}, then try again", fact("place")?)),
        _ => None,
    }
}

fn quoted_assignment(name: &str) -> String {
    match quoted(name) {
        word if word == name => format!("{name}=PATH"),
        _ => quoted(&format!("{name}=PATH")),
    }
}

/// The code of one link of a chain of errors.
fn code(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    if let Some(coded) = error.downcast_ref::<Coded>() {
        return Some(coded.code.clone());
    }
    if let Some(error) = error.downcast_ref::<JobError>() {
        return Some(error.code().to_owned());
    }
    if let Some(CallError::Refused(refusal)) = error.downcast_ref::<CallError>() {
        return Some(code_of_refusal(refusal));
    }
    if let Some(ConnectError::Hello(CallError::Refused(refusal))) = error.downcast_ref::<ConnectError>() {
        return Some(code_of_refusal(refusal));
    }
    let known = if error.is::<CallError>() || error.is::<ConnectError>() || error.is::<SocketError>() {
        "no-answer"
    } else if error.is::<LockError>() {
        "state-folder-unusable"
    } else if error.is::<JournalError>() {
        "store-degraded"
    } else if error.is::<serde_json::Error>() {
        "no-json"
    } else if error.is::<FileError>() || error.is::<io::Error>() {
        "no-file"
    } else {
        return None;
    };
    Some(known.to_owned())
}

/// Jobs bring a code along; what the protocol says with a number has a word here.
fn code_of_refusal(refusal: &RpcError) -> String {
    let own = refusal.data.as_ref().and_then(|data| data.get("code")?.as_str());
    let word = |number| match number {
        _ if number == ErrorCode::NotFound as i32 => "not-found",
        _ if number == ErrorCode::InvalidParams as i32 => "cannot-be",
        _ if number == ErrorCode::MethodNotFound as i32 || number == ErrorCode::ProtocolMismatch as i32 => {
            "other-version"
        }
        _ if number == ErrorCode::Draining as i32 => "hands-over",
        _ if number == ErrorCode::HostLost as i32 => "no-answer",
        _ if number == ErrorCode::Refused as i32 => "refused",
        _ => "failed",
    };
    own.unwrap_or_else(|| word(refusal.code)).to_owned()
}

/// What helps. A code that is not here has a section of its own in the book.
fn remedy(code: &str) -> &'static str {
    match code {
        "no-host" => "start one with `mdd-host serve`, or submit a job",
        "no-answer" => {
            "try again; if it stays so, end the host with `mdd-host stop` and look into its log, host.log in the state folder"
        }
        "other-version" => "end the running host with `mdd-host stop`; the next one is of this version",
        "hands-over" => "try again in a moment, when the new host runs",
        "not-found" => "`mdd-host status`, `jobs list` and `drivers list` show what there is",
        "cannot-be" => "`--help` shows the form and an example",
        "ambiguous" => "name one of these",
        "refused" => "`mdd-host doctor` looks at everything that can stand in the way",
        "no-terminal" => "run it in a terminal",
        "no-json" => "correct it, or name a file that holds JSON",
        "bad-kind" => "name it with 1 to 32 of a-z, 0-9 and -, a letter first",
        "no-interface" => "mdd-host drivers new NAME --api /path/to/mdd-host/driver-api",
        "no-script" => "correct it, or name a folder with scripts; \"Writing a driver\" in the book has their format",
        "no-file" => "look at the name of the file, at its rights and at the room on its disk",
        "is-there" => "choose another name, or move what is there away",
        "state-folder-unusable" => "choose another folder with --state-dir, or give yourself the right to write there",
        "failed" => "try again with -vv, which tells every step",
        code => remedy_of_jobs(code),
    }
}

/// The same for the codes that the host has for jobs.
fn remedy_of_jobs(code: &str) -> &'static str {
    match code {
        "unknown-job" => "`mdd-host jobs list` shows those that are kept",
        "job-open" => "cancel it first, with `mdd-host jobs cancel`",
        "job-done" => "`mdd-host jobs show` tells where its results are",
        "unknown-kind" => "`mdd-host drivers list` shows the kinds that there are",
        "unknown-backend" => "`mdd-host backends list` shows the ids that there are",
        "bad-id" | "id-taken" => "choose another --id, or leave it out to get a new one",
        "unknown-operation" => "choose one of those with --operation",
        "bad-payload" => "correct the payload as the sentence says; the page of the kind in the book has examples",
        "missing-file" => "add it with --file NAME=PATH",
        "unknown-file" => "leave it out, or give it a name that is taken: --file NAME=PATH",
        "extra-file" => "leave it out, or give it a name of its own: --file NAME=PATH",
        "unreadable-file" => "look at its path and its rights",
        "no-folder" => "make room on the disk of the jobs folder, or correct its rights",
        "host-ending" => "try again in a moment; the next host takes it",
        "store-degraded" => "make room on the disk of the state folder, or correct its rights; `mdd-host doctor` looks",
        _ => "look the code up in the chapter \"When something is wrong\"",
    }
}

#[cfg(test)]
mod tests {
    use super::{Coded, Failed};
    use anyhow::Context as _;
    use mdd_core::rpc::{CallError, ErrorCode, RpcError};
    use serde_json::json;

    fn told(error: &anyhow::Error) -> (String, String) {
        let Failed { error } = Failed::of(error);
        (error.code, error.message)
    }

    #[test]
    fn the_code_is_that_of_the_first_link_that_has_one() {
        let error = anyhow::Error::from(Coded::no_host("jobs can only be looked at")).context("looking");
        assert_eq!(told(&error), ("no-host".into(), "looking: no host runs, so jobs can only be looked at".into()));
        let refusal =
            RpcError { data: Some(json!({"code": "job-open"})), ..RpcError::new(ErrorCode::Refused, "not over") };
        assert_eq!(told(&CallError::from(refusal).into()), ("job-open".into(), "not over".into()));
        let refusal = RpcError::new(ErrorCode::InvalidParams, "did you mean");
        assert_eq!(told(&CallError::from(refusal).into()).0, "cannot-be");
        let file = std::fs::read("/nowhere/at/all").context("the payload /nowhere").unwrap_err();
        assert_eq!(told(&file).0, "no-file");
        assert_eq!(told(&anyhow::anyhow!("whatever")).0, "failed");
    }

    #[test]
    fn what_helps_names_the_thing() {
        let helps = |data| {
            let refusal = RpcError { data: Some(data), ..RpcError::new(ErrorCode::Refused, "no") };
            Failed::of(&CallError::from(refusal).into()).error.remedy
        };
        let missing = |name: &str| helps(json!({"code": "missing-file", "file": name}));
        assert_eq!(missing("shot.mp4"), "add it with `--file shot.mp4=PATH`");
        assert_eq!(missing("my shot"), "add it with `--file 'my shot=PATH'`");
        assert_eq!(helps(json!({"code": "settings-broken", "place": "a.toml:3"})), "correct a.toml:3, then try again");
        let helped = Coded::helped(&CallError::from(RpcError::new(ErrorCode::NotFound, "no lamp")).into(), "look");
        let Failed { error } = Failed::of(&helped.into());
        assert_eq!((&*error.code, &*error.message, &*error.remedy), ("not-found", "no lamp", "look"));
    }
}

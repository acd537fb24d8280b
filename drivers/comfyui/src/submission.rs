//! `POST /prompt`: what is sent, and what the answer means for the job.

use crate::{
    complaint,
    problem::{self, refused},
};
use mdd_driver_api::{DriverError, Effect, ErrorKind, Request, Response, Result, text::lenient_json};
use serde_json::{Value, json};
use std::time::Duration;

/// The server looks at its model folders before it answers, and answers nobody else meanwhile. As long as the connection
/// stands, waiting on it is worth more than any guess.
const PATIENCE: Duration = Duration::from_secs(60);
/// aiohttp's answer to an exception, which our own request has raised.
const IN_TROUBLE: &[u8] = b"500 Internal Server Error";

/// What became of a submission.
#[derive(Debug)]
pub(crate) enum Submission {
    /// The server has it. A part may have been left out.
    Accepted(Option<String>),
    /// It raised an exception. 0.33.0 does so even after it has put the job into its queue.
    Raised,
    /// It does not have it, and is not to get it again as it is.
    Refused(DriverError),
    /// It may have it.
    Unclear(DriverError),
}

/// The tag in `extra_data` tells whose job it is, to people and to whoever lost the id.
pub(crate) fn request(workflow: &Value, id: &str, client_id: &str) -> Result<Request> {
    let body = json!({
        "prompt": workflow,
        "prompt_id": id,
        "client_id": client_id,
        "extra_data": { "mdd_host": { "attempt": id } },
    });
    Ok(Request::post("/prompt").json(&body)?.head_within(PATIENCE).total_within(PATIENCE))
}

/// Reads the answer, or the failure to get one.
pub(crate) fn read(result: Result<Response>) -> Submission {
    match result {
        Ok(answer) => of_answer(answer.status, answer.bytes(), &answer.in_words()),
        Err(error) => match (error.effect, error.kind) {
            // Not a byte was sent.
            (Effect::NONE, ErrorKind::TRANSPORT | ErrorKind::TIMEOUT) => {
                Submission::Refused(error.with_code(problem::NOT_ACCEPTED))
            }
            (Effect::NONE, _) => Submission::Refused(error),
            _ => Submission::Unclear(unclear(error)),
        },
    }
}

fn of_answer(status: u16, body: &[u8], words: &str) -> Submission {
    let refused_as = |kind| {
        let error = DriverError::new(kind, format!("it answered {words} to a workflow"));
        Submission::Refused(error.with_code(problem::REFUSED).with_status(status).without_effect())
    };
    match (status, lenient_json::<Value>(body).ok().filter(Value::is_object)) {
        (200, Some(body)) => Submission::Accepted(complaint::left_out(&body)),
        (400, Some(body)) => Submission::Refused(complaint::refusal(&body).with_status(status)),
        (413, _) => {
            let text = "the workflow is larger than the server takes";
            Submission::Refused(refused(problem::TOO_LARGE, text).with_status(status))
        }
        (500, _) if body.starts_with(IN_TROUBLE) => Submission::Raised,
        (401 | 403 | 407, _) => refused_as(ErrorKind::AUTH),
        (429, _) => refused_as(ErrorKind::BUSY),
        (400..=499, _) => refused_as(ErrorKind::REJECTED),
        // An answer that cannot be read, or one of somebody on the way.
        _ => {
            let text = format!("it answered {words} to a workflow");
            Submission::Unclear(DriverError::new(ErrorKind::TRANSPORT, text).with_status(status))
        }
    }
}

/// Whatever broke, the queue tells whether the job arrived, so it is to be looked for.
fn unclear(mut error: DriverError) -> DriverError {
    if !matches!(error.kind, ErrorKind::TIMEOUT | ErrorKind::HOST) {
        error.kind = ErrorKind::TRANSPORT;
    }
    error
}

#[cfg(test)]
mod tests {
    use super::{Submission, of_answer, read};
    use crate::problem::*;
    use mdd_driver_api::{DriverError, Effect, ErrorKind};
    use serde_json::Value;
    use std::path::Path;

    const VERSIONS: [&str; 2] = ["comfyui-0.3.64", "comfyui-0.33.0"];

    /// A recorded exchange: status and body of the answer.
    fn recorded(version: &str, name: &str) -> (u16, String) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(version);
        let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
        let recorded: Value = serde_json::from_str(&text).unwrap();
        let status = recorded["status"].as_u64().map_or(200, |status| u16::try_from(status).unwrap());
        let text = recorded["body"].as_str().or(recorded["response_text"].as_str()).map(str::to_owned);
        let json = if recorded["response"].is_null() { recorded.to_string() } else { recorded["response"].to_string() };
        (status, text.unwrap_or(json))
    }

    fn answer(version: &str, name: &str) -> Submission {
        let (status, body) = recorded(version, name);
        of_answer(status, body.as_bytes(), "…")
    }

    #[test]
    fn every_recorded_answer_is_understood() {
        for version in VERSIONS {
            for name in ["prompt_response", "raw_no_ct", "raw_text_plain"] {
                assert!(matches!(answer(version, name), Submission::Accepted(None)), "{version} {name}");
            }
            assert!(matches!(answer(version, "partial_one_bad_output"), Submission::Accepted(Some(_))));
            for name in ["raw_empty_body", "raw_invalid_json"] {
                assert!(matches!(answer(version, name), Submission::Raised), "{version} {name}");
            }
            for (name, code) in [("raw_json_array", BAD_WORKFLOW), ("err_unknown_node", MISSING_NODE)] {
                let Submission::Refused(error) = answer(version, name) else { panic!("{version} {name}") };
                assert_eq!((error.code.as_str(), error.kind, error.http_status), (code, ErrorKind::REJECTED, 400));
                assert_eq!(error.effect, Effect::NONE);
            }
        }
        assert!(matches!(answer("comfyui-0.33.0", "ui_workflow_format"), Submission::Raised));
        assert!(matches!(answer("comfyui-0.3.64", "ui_workflow_format"), Submission::Refused(_)));
    }

    #[test]
    fn others_on_the_way_are_told_apart() {
        for (status, kind) in [(401, ErrorKind::AUTH), (429, ErrorKind::BUSY), (404, ErrorKind::REJECTED)] {
            let Submission::Refused(error) = of_answer(status, b"<html>", "HTTP X") else { panic!("{status}") };
            assert_eq!((error.kind, error.effect, error.code.as_str()), (kind, Effect::NONE, REFUSED), "{status}");
        }
        let Submission::Refused(error) = of_answer(413, b"Maximum request body size", "…") else { panic!() };
        assert_eq!(error.code, TOO_LARGE);
        // A page of somebody else, an answer that was emptied, a gateway that gave up waiting.
        for (status, body) in [(200, "<html>"), (200, ""), (302, ""), (500, "<html>"), (502, "Bad"), (504, "")] {
            let Submission::Unclear(error) = of_answer(status, body.as_bytes(), "…") else { panic!("{status}") };
            assert_eq!((error.kind, error.effect), (ErrorKind::TRANSPORT, Effect::UNKNOWN), "{status}");
        }
    }

    #[test]
    fn a_failure_is_a_refusal_only_when_nothing_was_sent() {
        let failed = |kind, effect| {
            let mut error = DriverError::new(kind, "x").with_code("connection-refused");
            error.effect = effect;
            read(Err(error))
        };
        let Submission::Refused(error) = failed(ErrorKind::TRANSPORT, Effect::NONE) else { panic!() };
        assert_eq!((error.code.as_str(), error.effect), (NOT_ACCEPTED, Effect::NONE));
        let Submission::Refused(error) = failed(ErrorKind::AUTH, Effect::NONE) else { panic!() };
        assert_eq!(error.code, "connection-refused");
        for (kind, expected) in [
            (ErrorKind::TRANSPORT, ErrorKind::TRANSPORT),
            (ErrorKind::TIMEOUT, ErrorKind::TIMEOUT),
            (ErrorKind::PROTOCOL, ErrorKind::TRANSPORT),
            (ErrorKind::LIMIT, ErrorKind::TRANSPORT),
        ] {
            let Submission::Unclear(error) = failed(kind, Effect::UNKNOWN) else { panic!("{kind:?}") };
            assert_eq!((error.kind, error.effect), (expected, Effect::UNKNOWN));
        }
    }
}

//! What a tool says. A failure comes as HTTP 200, and as text.

use mdd_driver_api::text::printable;
use serde_json::Value;

/// How `Error executing tool wangp_generate: …` begins.
const PREFIX: &str = "Error executing tool ";
/// Longest piece of a text that is shown, in characters.
const QUOTE: usize = 400;
/// What stands in the text of a refusal while something is under way.
const BUSY: &str = "already has a generation in progress";
/// The same for a job that it does not have, or has no more.
const UNKNOWN_JOB: &str = "Unknown WanGP job_id";

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Told {
    /// What it was asked for.
    Done(Value),
    /// Why not, in its own words.
    Refused(String),
}

impl Told {
    /// `None` for what is no answer to a call of a tool.
    pub(super) fn read(body: &Value) -> Option<Self> {
        if let Some(error) = body["error"]["message"].as_str() {
            return Some(Self::Refused(printable(error, QUOTE)));
        }
        let result = body.get("result").filter(|result| result.is_object())?;
        if result["isError"] != true {
            return result.get("structuredContent").filter(|told| told.is_object()).cloned().map(Self::Done);
        }
        let text = result["content"][0]["text"].as_str().unwrap_or("it did not say why");
        let told = match text.strip_prefix(PREFIX).and_then(|rest| rest.split_once(": ")) {
            Some((_, told)) => told,
            None => text,
        };
        Some(Self::Refused(printable(told, QUOTE)))
    }
}

/// Whether it says that it works on something.
pub(super) fn is_busy(refusal: &str) -> bool {
    refusal.contains(BUSY)
}

/// Whether it says that it does not have the job.
pub(super) fn is_unknown_job(refusal: &str) -> bool {
    refusal.contains(UNKNOWN_JOB)
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Told, is_busy, is_unknown_job};
    use serde_json::{Value, json};
    use std::{fs, path::Path};

    /// The body of a recorded answer.
    pub(in crate::mcp) fn recorded(name: &str) -> Value {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/wan2gp/mcp").join(name);
        let recording: Value = serde_json::from_slice(&fs::read(path.with_extension("json")).unwrap()).unwrap();
        recording["response"]["json"].clone()
    }

    fn refusal(name: &str) -> String {
        match Told::read(&recorded(name)) {
            Some(Told::Refused(text)) => text,
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn refusals_are_told_in_their_own_words() {
        assert_eq!(refusal("two_jobs_1"), "WanGP session already has a generation in progress");
        assert_eq!(refusal("get_job_unknown"), "'Unknown WanGP job_id: nope'");
        assert_eq!(refusal("tool_unknown"), "Unknown tool: wangp_nothing");
        assert_eq!(refusal("method_unknown"), "Invalid request parameters");
        let path = refusal("generate_path_refused");
        assert!(path.starts_with("Direct filesystem paths are disabled for this MCP server."), "{path}");
        assert!(is_busy(&refusal("two_jobs_2")) && !is_busy(&path));
        assert!(is_unknown_job(&refusal("get_job_unknown")) && !is_unknown_job(&path));
        assert!(refusal("generate_bad_arg").starts_with("2 validation errors for wangp_generateArguments source.dict"));
    }

    #[test]
    fn what_a_tool_gives_is_taken_as_it_is() {
        let Some(Told::Done(gallery)) = Told::read(&recorded("wangp_list_gallery")) else { panic!() };
        assert_eq!(gallery, json!({"result": []}));
        let Some(Told::Done(job)) = Told::read(&recorded("generate_t2v")) else { panic!() };
        assert_eq!(job["job_id"], "b7ad3f8068314831a8815eeb7c37113c");
    }

    #[test]
    fn other_answers_are_none() {
        let odd = [
            Value::Null,
            json!([]),
            json!({"result": null}),
            json!({"result": {"content": []}}),
            json!({"result": {"isError": false, "structuredContent": []}}),
        ];
        for odd in odd {
            assert_eq!(Told::read(&odd), None, "{odd}");
        }
        let silent = json!({"result": {"isError": true, "content": []}});
        assert_eq!(Told::read(&silent), Some(Told::Refused("it did not say why".to_owned())));
    }
}

//! A job as the server tells of it.

use mdd_driver_api::{model::Problem, text::printable};
use serde::Deserialize;
use serde_json::Value;

use crate::problem;

/// Longest piece of a message that is shown, in characters.
const QUOTE: usize = 400;
/// More results of one job are a mistake.
const MAX_ITEMS: usize = 1_000;

/// One look at a job.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Snapshot {
    /// The server's id of it.
    pub(super) id: String,
    /// The newest word on how far it is.
    pub(super) progress: Option<Progress>,
    /// Its end, when it has one.
    pub(super) end: Option<End>,
}

/// How far it is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Progress {
    pub(super) step: f64,
    pub(super) total: f64,
    pub(super) detail: String,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum End {
    /// With these, and so many files that are nowhere among them.
    Done {
        items: Vec<Item>,
        strays: usize,
    },
    Failed(Problem),
    /// Somebody stopped it.
    Stopped,
}

/// Something that it made.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Item {
    pub(super) gallery_id: String,
    #[serde(default)]
    pub(super) path: String,
    #[serde(default)]
    pub(super) media_type: String,
}

impl Item {
    /// Of what its role is in the job.
    pub(super) fn role(&self) -> &'static str {
        match self.media_type.as_str() {
            "image" => "image",
            "audio" => "audio",
            _ => "video",
        }
    }
}

impl Snapshot {
    /// `None` for what is no job.
    pub(super) fn read(told: &Value) -> Option<Self> {
        let events = told["events"].as_array().map(Vec::as_slice).unwrap_or_default();
        Some(Self {
            id: told["job_id"].as_str().filter(|id| !id.is_empty() && id.len() <= 200)?.to_owned(),
            progress: progress(events),
            end: (told["done"] == true).then(|| end(&told["result"])),
        })
    }
}

/// Events have no numbers: the last one is the newest.
fn progress(events: &[Value]) -> Option<Progress> {
    events.iter().rev().find_map(|event| match event["kind"].as_str()? {
        "progress" => Some(of_progress(&event["data"])),
        "status" => event["data"].as_str().map(|text| Progress { step: 0.0, total: 0.0, detail: printable(text, 120) }),
        _ => None,
    })
}

fn of_progress(data: &Value) -> Progress {
    let number = |name: &str| data[name].as_f64().filter(|number| *number >= 0.0);
    let steps = number("current_step").zip(number("total_steps")).filter(|(_, total)| *total > 0.0);
    let (step, total) = steps.or_else(|| Some((number("progress")?, 100.0))).unwrap_or((0.0, 0.0));
    let detail = data["status"].as_str().or_else(|| data["phase"].as_str()).unwrap_or_default();
    Progress { step: step.min(total), total, detail: printable(detail, 120) }
}

fn end(result: &Value) -> End {
    let errors = result["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_stop = |error: &Value| error["cancelled"] == true || error["stage"] == "cancelled";
    if result["success"] == true {
        let items = result["gallery_items"].as_array().map(Vec::as_slice).unwrap_or_default();
        let items: Vec<Item> = items.iter().take(MAX_ITEMS).filter_map(|item| Item::deserialize(item).ok()).collect();
        let files = result["generated_files"].as_array().map(Vec::as_slice).unwrap_or_default();
        // One path may stand there more than once: what was made later has replaced what was made before.
        let is_stray = |path: &&Value| !items.iter().any(|item| path.as_str() == Some(item.path.as_str()));
        let strays = files.iter().filter(is_stray).count();
        return End::Done { items, strays };
    }
    if result["cancelled"] == true || errors.iter().any(is_stop) {
        return End::Stopped;
    }
    let messages: Vec<&str> = errors.iter().filter_map(|error| error["message"].as_str()).collect();
    let text = match messages.first() {
        Some(message) => printable(message, QUOTE),
        None => "it failed and did not say why".to_owned(),
    };
    End::Failed(Problem::new(problem::code_of(&text), text))
}

#[cfg(test)]
mod tests {
    use super::{End, Snapshot};
    use crate::{
        mcp::tool::{Told, tests::recorded},
        problem::*,
    };
    use mdd_driver_api::model::Problem;
    use serde_json::{Value, json};

    fn snapshot(name: &str) -> Snapshot {
        match Told::read(&recorded(name)) {
            Some(Told::Done(told)) => Snapshot::read(&told).unwrap(),
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn recorded_jobs_begin_and_end() {
        for name in ["generate_t2v", "generate_manifest", "generate_manifest2", "postprocess_start", "two_jobs_0"] {
            assert_eq!(snapshot(name).end, None, "{name}");
        }
        let done = snapshot("get_job_postprocess");
        let progress = done.progress.unwrap();
        assert_eq!((progress.step, progress.total, progress.detail.as_str()), (15.0, 100.0, "Upsampling - Starting"));
        let Some(End::Done { items, strays: 0 }) = done.end else { panic!("{:?}", done.end) };
        assert_eq!((items[0].gallery_id.as_str(), items[0].role()), ("visual:0f7180d23a40", "image"));
        let Some(End::Done { items, strays: 0 }) = snapshot("get_job_manifest_done").end else { panic!() };
        assert_eq!(items.len(), 1, "the second of two tasks has written over the first one's file");
    }

    #[test]
    fn recorded_failures_are_told_apart() {
        for (name, code, text) in [
            ("get_job_generate_t2v", MISSING_MODEL, "An error happened while trying to locate the file on the Hub"),
            ("get_job_generate_unknown_model", UNKNOWN_MODEL, "'NoneType' object has no attribute 'get'"),
            ("get_job_generate_bad_res", FAILED, "not enough values to unpack (expected 2, got 1)"),
            ("generate_bad_res", FAILED, "not enough values to unpack (expected 2, got 1)"),
        ] {
            let Some(End::Failed(problem)) = snapshot(name).end else { panic!("{name}") };
            assert_eq!(problem.code, code, "{name}");
            assert!(problem.observation.starts_with(text), "{name}: {}", problem.observation);
        }
    }

    #[test]
    fn a_job_that_was_stopped_is_no_failure() {
        let stopped = [
            json!({"success": false, "cancelled": true, "errors": []}),
            json!({"success": false, "errors": [{"message": "x", "stage": "cancelled"}]}),
            json!({"success": false, "errors": [{"message": "x", "cancelled": true}]}),
        ];
        for result in stopped {
            let told = json!({"job_id": "a", "done": true, "result": result});
            assert_eq!(Snapshot::read(&told).unwrap().end, Some(End::Stopped));
        }
        // It was too late: the job had ended.
        assert!(matches!(snapshot("get_job_manifest_cancelled").end, Some(End::Done { .. })));
    }

    #[test]
    fn oddities_do_no_harm() {
        for odd in
            [Value::Null, json!([]), json!({"job_id": 1}), json!({"job_id": ""}), json!({"job_id": "x".repeat(201)})]
        {
            assert_eq!(Snapshot::read(&odd), None, "{odd}");
        }
        let told = json!({"job_id": "a", "done": true, "result": null, "events": {"kind": "progress"}});
        let silent = Problem::new(FAILED, "it failed and did not say why");
        assert_eq!(Snapshot::read(&told).unwrap().end, Some(End::Failed(silent)));
        let data = json!({"progress": 1e300, "current_step": -1, "total_steps": 0, "status": "\u{1b}[2J"});
        let told = json!({"job_id": "a", "events": [{"kind": "progress", "data": data}, {"kind": 7}, null]});
        let progress = Snapshot::read(&told).unwrap().progress.unwrap();
        assert_eq!((progress.step, progress.total, progress.detail.as_str()), (100.0, 100.0, " [2J"));
    }
}

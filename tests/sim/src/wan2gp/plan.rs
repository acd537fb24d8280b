//! What becomes of a task, by its settings: the same whichever face of the program was asked.

use crate::json::Json;

const MISSING: &str = "An error happened while trying to locate the file on the Hub and we cannot find the requested \
     files in the local cache. Please check your connection and try again or make sure your Internet connection is on.";

/// One task.
pub(crate) enum Plan {
    /// A small picture is worked over.
    Postprocessing,
    /// A video of so many steps.
    Steps(usize),
    /// The model's files are not there.
    MissingModel(&'static str),
    /// It fails at once.
    Fails(&'static str),
}

pub(crate) fn of(task: &Json) -> Plan {
    let text = |name: &str| task.get(name).and_then(Json::as_str);
    if text("mode") == Some("edit_postprocessing") {
        return Plan::Postprocessing;
    }
    if text("resolution").is_some_and(|resolution| !resolution.contains('x')) {
        return Plan::Fails("not enough values to unpack (expected 2, got 1)");
    }
    match text("model_type") {
        Some("t2v") => Plan::MissingModel(MISSING),
        Some("slow") => Plan::Steps(steps(task)),
        _ => Plan::Fails("'NoneType' object has no attribute 'get'"),
    }
}

fn steps(task: &Json) -> usize {
    task.get("num_inference_steps").and_then(Json::as_i64).unwrap_or(4).clamp(1, 10_000) as usize
}

//! `GET /history/{id}`: how a job ended.

use crate::{
    harvest::Harvest,
    paths::without_folders,
    problem::{INTERRUPTED, NODE_FAILED, OUT_OF_MEMORY},
};
use mdd_driver_api::{DriverError, ErrorKind, Result, model::Problem, text::printable};
use serde_json::Value;

/// How it ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ending {
    /// With these results.
    Done(Harvest),
    /// A node failed.
    Failed(Problem),
    /// Somebody stopped it; where it stood then.
    Interrupted(Problem),
}

/// Looks for a job; `None` when it is not there.
///
/// # Errors
/// `TRANSPORT` for anything that is no history: that says nothing about the job.
pub(crate) fn find(answer: &Value, id: &str) -> Result<Option<Ending>> {
    let entries = answer.as_object().ok_or_else(|| {
        DriverError::new(ErrorKind::TRANSPORT, "it answered /history with something that is no object")
    })?;
    Ok(entries.get(id).filter(|entry| entry.is_object()).map(ending))
}

fn ending(entry: &Value) -> Ending {
    let status = &entry["status"];
    // An interruption is told from a failure by its message alone.
    let messages = status["messages"].as_array().into_iter().flatten();
    let last = |kind: &str| messages.clone().rev().find(|message| message[0] == kind).map(|message| &message[1]);
    if let Some(message) = last("execution_interrupted") {
        return Ending::Interrupted(Problem::new(INTERRUPTED, format!("it was interrupted at {}", place(message))));
    }
    match (status["status_str"].as_str(), last("execution_error")) {
        (Some("error"), Some(message)) => Ending::Failed(failure(message)),
        (Some("error"), None) => {
            Ending::Failed(Problem::new(NODE_FAILED, "it failed, and its history does not say at which node"))
        }
        // Older servers may leave the status out.
        _ => Ending::Done(Harvest::of(&entry["outputs"])),
    }
}

/// What a node raised; never its traceback, which names the server's folders.
fn failure(message: &Value) -> Problem {
    let kind = printable(message["exception_type"].as_str().unwrap_or("an exception"), 80);
    let text = without_folders(message["exception_message"].as_str().unwrap_or_default(), 400);
    // The last one is what PyTorch says without a graphics card.
    let is_memory = kind.ends_with("OutOfMemoryError")
        || kind == "MemoryError"
        || ["out of memory", "DefaultCPUAllocator"].iter().any(|words| text.contains(words));
    let said = if text.is_empty() { kind } else { format!("{kind}: {text}") };
    let code = if is_memory { OUT_OF_MEMORY } else { NODE_FAILED };
    Problem::new(code, format!("{} failed with {said}", place(message)))
}

fn place(message: &Value) -> String {
    let text = |field: &str| printable(message[field].as_str().unwrap_or("?"), 80);
    format!("node {} ({})", text("node_id"), text("node_type"))
}

#[cfg(test)]
mod tests {
    use super::{Ending, find};
    use crate::problem::{INTERRUPTED, NODE_FAILED, OUT_OF_MEMORY};
    use mdd_driver_api::{ErrorKind, model::Problem};
    use serde_json::{Value, json};
    use std::path::Path;

    const VERSIONS: [&str; 2] = ["comfyui-0.3.64", "comfyui-0.33.0"];

    fn recorded(version: &str, name: &str) -> Value {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(version);
        let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    fn ending(version: &str, name: &str) -> Ending {
        let answer = recorded(version, name);
        let id = answer.as_object().unwrap().keys().next().unwrap().clone();
        find(&answer, &id).unwrap().unwrap()
    }

    #[test]
    fn every_recorded_ending_is_read() {
        for version in VERSIONS {
            for name in ["history_success", "history_cached"] {
                let Ending::Done(harvest) = ending(version, name) else { panic!("{version} {name}") };
                assert_eq!(harvest.items.len(), 1, "{version} {name}");
                assert_eq!(harvest.items[0].filename, "lab_00001_.png");
            }
            let observation = "node 7 (LabError) failed with ValueError: lab error on purpose";
            assert_eq!(ending(version, "history_error"), Ending::Failed(Problem::new(NODE_FAILED, observation)));
            let observation = "it was interrupted at node 3 (LabSlow)";
            let interrupted = Ending::Interrupted(Problem::new(INTERRUPTED, observation));
            assert_eq!(ending(version, "history_interrupted"), interrupted);
            assert_eq!(find(&recorded(version, "history_empty"), "x").unwrap(), None);
        }
    }

    #[test]
    fn another_jobs_history_is_not_ours() {
        assert_eq!(find(&recorded("comfyui-0.33.0", "history_success"), "x").unwrap(), None);
    }

    #[test]
    fn a_full_card_is_told_apart() {
        let entry = |kind: &str, text: &str| {
            let error =
                json!({"node_id": "3", "node_type": "KSampler", "exception_type": kind, "exception_message": text});
            json!({"x": {"status": {"status_str": "error", "messages": [["execution_error", error]]}}})
        };
        for (kind, text, code) in [
            ("torch.OutOfMemoryError", "Allocation on device", OUT_OF_MEMORY),
            ("RuntimeError", "CUDA error: out of memory", OUT_OF_MEMORY),
            ("RuntimeError", "DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes.", OUT_OF_MEMORY),
            ("FileNotFoundError", "No such file: '/home/artist/Comfy UI/x.pt'", NODE_FAILED),
        ] {
            let Some(Ending::Failed(problem)) = find(&entry(kind, text), "x").unwrap() else { panic!("{kind}") };
            assert_eq!(problem.code, code);
            assert!(!problem.observation.contains("/home"), "{}", problem.observation);
        }
    }

    #[test]
    fn odd_histories_are_no_end() {
        for odd in [json!([]), json!(null), json!("x")] {
            assert_eq!(find(&odd, "x").unwrap_err().kind, ErrorKind::TRANSPORT);
        }
        assert_eq!(find(&json!({"x": null}), "x").unwrap(), None);
        assert!(matches!(find(&json!({"x": {}}), "x").unwrap(), Some(Ending::Done(_))));
        let unsaid = json!({"x": {"status": {"status_str": "error", "messages": null}}});
        assert!(matches!(find(&unsaid, "x").unwrap(), Some(Ending::Failed(_))));
    }
}

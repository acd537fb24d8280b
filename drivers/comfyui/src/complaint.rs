//! Why the server did not take a workflow, or a part of it: `error` and `node_errors` of `POST /prompt`.

use crate::{
    paths::without_folders,
    problem::{self, refused},
};
use mdd_driver_api::{DriverError, text::printable};
use serde_json::{Value, json};

/// More complaints are only counted.
const TOLD: usize = 3;
/// Endings of files with weights.
const MODEL_ENDINGS: [&str; 9] = ["safetensors", "sft", "ckpt", "pt", "pt2", "pth", "bin", "gguf", "onnx"];

/// One thing that is wrong with one node.
struct Fault {
    node: String,
    class: String,
    kind: String,
    input: Option<String>,
    text: String,
    is_missing_model: bool,
}

/// The refusal as an error. What is said in `error` is often empty, so that of the nodes comes first.
pub(crate) fn refusal(body: &Value) -> DriverError {
    let faults = faults(body);
    if faults.is_empty() {
        return whole_workflow(&body["error"]);
    }
    let code =
        if faults.iter().any(|fault| fault.is_missing_model) { problem::MISSING_MODEL } else { problem::BAD_INPUT };
    let detail =
        |fault: &Fault| json!({"node": fault.node, "class": fault.class, "type": fault.kind, "input": fault.input});
    let details: Vec<Value> = faults.iter().take(20).map(detail).collect();
    refused(code, in_words(faults)).with_detail(&json!({ "node_errors": details }))
}

/// What was left out of a workflow that was taken.
pub(crate) fn left_out(body: &Value) -> Option<String> {
    let faults = faults(body);
    (!faults.is_empty()).then(|| format!("a part of the workflow was left out: {}", in_words(faults)))
}

fn in_words(mut faults: Vec<Fault>) -> String {
    // What to install is of more use than what follows from its absence.
    faults.sort_by_key(|fault| !fault.is_missing_model);
    let more = faults.len().saturating_sub(TOLD);
    let mut words: Vec<String> = faults.into_iter().take(TOLD).map(|fault| fault.text).collect();
    if more > 0 {
        words.push(format!("and {more} more"));
    }
    words.join("; ")
}

/// The complaint is about no single input.
fn whole_workflow(error: &Value) -> DriverError {
    let text = |field: &str| without_folders(error[field].as_str().unwrap_or_default(), 200);
    let (message, details) = (text("message"), text("details"));
    let words = match (message.as_str(), details.as_str()) {
        ("", "") => "it did not say why".to_owned(),
        (only, "") | ("", only) => only.to_owned(),
        (message, details) if message == details => message.to_owned(),
        (message, details) => format!("{message} ({details})"),
    };
    let code = match error["type"].as_str().unwrap_or_default() {
        "missing_node_type" if error["extra_info"]["class_type"].is_string() => problem::MISSING_NODE,
        "invalid_prompt" if message.ends_with("does not exist.") => problem::MISSING_NODE,
        "missing_node_type" | "invalid_prompt" | "no_prompt" => problem::BAD_WORKFLOW,
        "prompt_no_outputs" => problem::NO_OUTPUTS,
        "prompt_outputs_failed_validation" => problem::BAD_INPUT,
        _ => problem::REFUSED,
    };
    refused(code, words)
}

fn faults(body: &Value) -> Vec<Fault> {
    let nodes = body["node_errors"].as_object().into_iter().flatten();
    let of_node = |(id, node): (&String, &Value)| {
        let class = printable(node["class_type"].as_str().unwrap_or_default(), 80);
        let errors = node["errors"].as_array().cloned().unwrap_or_default();
        let node = printable(id, 40);
        errors.into_iter().map(move |error| fault(node.clone(), class.clone(), &error))
    };
    nodes.flat_map(of_node).collect()
}

fn fault(node: String, class: String, error: &Value) -> Fault {
    let text = |value: &Value| without_folders(value.as_str().unwrap_or_default(), 160);
    let kind = printable(error["type"].as_str().unwrap_or_default(), 60);
    let info = &error["extra_info"];
    let input = info["input_name"].as_str().map(|name| printable(name, 60));
    let received = info["received_value"].as_str().map(|value| printable(value, 120));
    let place = format!("node {node} ({class})");
    let is_missing_model = kind == "value_not_in_list" && received.as_deref().is_some_and(is_model);
    let text = match (&input, received) {
        (Some(input), Some(file)) if is_missing_model => {
            format!("{place} asks for \"{file}\" as {input}, which is not installed")
        }
        (Some(input), Some(value)) if kind == "value_not_in_list" => {
            format!("{place}: \"{value}\" is no choice for {input}")
        }
        // The list of the choices in `details` may be long.
        (Some(input), _) if kind == "value_not_in_list" => format!("{place}: {input} is none of its choices"),
        (Some(input), _) => match (text(&error["message"]), text(&error["details"])) {
            (message, details) if details == *input => format!("{place}, {input}: {message}"),
            (message, details) => format!("{place}: {message} ({details})"),
        },
        (None, _) => match (text(&error["message"]), text(&error["details"])) {
            (message, details) if details.is_empty() => format!("{place}: {message}"),
            (message, details) => format!("{place}: {message}: {details}"),
        },
    };
    Fault { node, class, kind, input, text, is_missing_model }
}

fn is_model(value: &str) -> bool {
    let ending = value.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    ending.is_some_and(|ending| MODEL_ENDINGS.contains(&ending.as_str()))
}

#[cfg(test)]
mod tests {
    use super::{left_out, refusal};
    use crate::problem::*;
    use serde_json::{Value, json};
    use std::path::Path;

    const VERSIONS: [&str; 2] = ["comfyui-0.3.64", "comfyui-0.33.0"];

    fn recorded(version: &str, name: &str) -> Value {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(version);
        let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["response"].take()
    }

    #[test]
    fn every_recorded_refusal_is_told_in_words() {
        for version in VERSIONS {
            for (name, code, words) in [
                (
                    "err_value_not_in_list",
                    MISSING_MODEL,
                    "node 1 (CheckpointLoaderSimple) asks for \"nope.safetensors\" as ckpt_name, which is not installed",
                ),
                ("err_value_too_small", BAD_INPUT, "node 1 (EmptyImage), width: Value -1 smaller than min of 1"),
                (
                    "err_bad_type",
                    BAD_INPUT,
                    "node 1 (EmptyImage): Failed to convert an input value to a INT value (width, abc, invalid literal for \
                  int() with base 10: 'abc')",
                ),
                ("err_required_missing", BAD_INPUT, "node 1 (EmptyImage), batch_size: Required input is missing"),
                (
                    "err_type_mismatch",
                    BAD_INPUT,
                    "node 2 (SaveImage): Return type mismatch between linked nodes (images, received_type(LATENT) mismatch \
                  input_type(IMAGE))",
                ),
                ("err_bad_link", BAD_INPUT, "node 2 (SaveImage): Exception when validating node: '9'"),
                ("err_no_outputs", NO_OUTPUTS, "Prompt has no outputs"),
                ("err_empty_prompt", NO_OUTPUTS, "Prompt has no outputs"),
                ("err_no_prompt", BAD_WORKFLOW, "No prompt provided"),
            ] {
                let error = refusal(&recorded(version, name));
                assert_eq!((error.code.as_str(), error.message.as_str()), (code, words), "{version} {name}");
            }
        }
    }

    #[test]
    fn a_missing_node_is_told_by_both_versions() {
        for (version, words) in [
            ("comfyui-0.3.64", "Cannot execute because node NoSuchNode does not exist. (Node ID '#1')"),
            ("comfyui-0.33.0", "Node 'NoSuchNode' not found. The custom node may not be installed. (Node ID '#1')"),
        ] {
            let error = refusal(&recorded(version, "err_unknown_node"));
            assert_eq!((error.code.as_str(), error.message.as_str()), (MISSING_NODE, words));
            assert_eq!(refusal(&recorded(version, "err_no_class_type")).code, BAD_WORKFLOW, "{version}");
        }
        assert_eq!(refusal(&recorded("comfyui-0.3.64", "ui_workflow_format")).code, BAD_WORKFLOW);
    }

    #[test]
    fn nothing_of_the_servers_folders_is_told() {
        for version in VERSIONS {
            let error = refusal(&recorded(version, "err_bad_link"));
            assert!(!format!("{} {}", error.message, error.detail).contains("execution.py"));
        }
    }

    #[test]
    fn models_come_first_and_the_rest_is_counted() {
        let wrong = |value: &str| json!({"type": "value_not_in_list", "extra_info": {"input_name": "x", "received_value": value}});
        let body = json!({"node_errors": {
            "1": {"class_type": "A", "errors": [wrong("euler9"), wrong("b"), wrong("c")]},
            "2": {"class_type": "B", "errors": [wrong("sub/V1.CKPT"), wrong("d")]},
        }});
        let error = refusal(&body);
        assert_eq!(error.code, MISSING_MODEL);
        assert_eq!(
            error.message,
            "node 2 (B) asks for \"sub/V1.CKPT\" as x, which is not installed; node 1 (A): \"euler9\" is no choice for x; \
             node 1 (A): \"b\" is no choice for x; and 2 more"
        );
    }

    #[test]
    fn a_part_that_is_left_out_is_told() {
        for version in VERSIONS {
            let told = left_out(&recorded(version, "partial_one_bad_output")).unwrap();
            assert_eq!(
                told,
                "a part of the workflow was left out: node 5 (SaveImage), images: Required input is missing"
            );
        }
        assert_eq!(left_out(&json!({"prompt_id": "x", "number": 0, "node_errors": {}})), None);
    }

    #[test]
    fn odd_refusals_are_refusals() {
        for odd in [json!(null), json!([]), json!({"error": "no"}), json!({"node_errors": {"1": 7}})] {
            let error = refusal(&odd);
            assert_eq!((error.code.as_str(), error.message.as_str()), (REFUSED, "it did not say why"));
        }
        let text = json!({"error": {"type": "new", "message": "odd", "details": "/home/artist/x.py"}});
        assert_eq!(refusal(&text).message, "odd (x.py)");
    }
}

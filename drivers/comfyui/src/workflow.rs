//! The payload: a workflow in API format, with files of the job named in it.

use crate::problem::{self, refused};
use mdd_driver_api::{DriverError, Result, files::substitute_files, model::JobFile, text::printable};
use serde_json::Value;
use std::collections::BTreeMap;

/// Refuses what the server would only answer with "got itself in trouble".
pub(crate) fn check(workflow: &Value) -> Result<()> {
    let Some(nodes) = workflow.as_object().filter(|nodes| !nodes.is_empty()) else {
        return Err(refused(problem::BAD_WORKFLOW, "the payload is no object of nodes"));
    };
    if nodes.get("nodes").is_some_and(Value::is_array) {
        let text = "the workflow is in the format that the editor saves, not in API format";
        return Err(refused(problem::BAD_WORKFLOW, text));
    }
    match nodes.iter().find(|(_, node)| !node["class_type"].is_string()) {
        None => Ok(()),
        Some((id, _)) => {
            let text = format!("\"{}\" in the workflow is no node: it has no `class_type`", printable(id, 40));
            Err(refused(problem::BAD_WORKFLOW, text))
        }
    }
}

/// The files of the job that the workflow names, each once.
pub(crate) fn files(workflow: &Value, files: &[JobFile]) -> Result<Vec<JobFile>> {
    let mut named = BTreeMap::new();
    substitute_files(&mut workflow.clone(), &mut |name| match files.iter().find(|file| file.name == name) {
        Some(file) => {
            named.insert(name.to_owned(), file.clone());
            Ok(Value::Null)
        }
        None => Err(missing(name)),
    })?;
    Ok(named.into_values().collect())
}

/// Puts what the server calls its files in place of `mdd-file:NAME`.
pub(crate) fn with_files(mut workflow: Value, uploads: &BTreeMap<String, String>) -> Result<Value> {
    substitute_files(&mut workflow, &mut |name| {
        uploads.get(name).map(|there| Value::from(there.as_str())).ok_or_else(|| missing(name))
    })?;
    Ok(workflow)
}

fn missing(name: &str) -> DriverError {
    let text = format!("the workflow names the file \"{}\", which the job does not have", printable(name, 80));
    refused(problem::MISSING_FILE, text)
}

#[cfg(test)]
mod tests {
    use super::{check, files, with_files};
    use crate::problem;
    use mdd_driver_api::{Effect, ErrorKind, model::JobFile};
    use serde_json::{Value, json};
    use std::collections::BTreeMap;

    #[test]
    fn a_workflow_is_nodes_with_classes() {
        check(&json!({"1": {"class_type": "A", "inputs": {}}})).unwrap();
        for (odd, text) in [
            (json!({}), "the payload is no object of nodes"),
            (json!([]), "the payload is no object of nodes"),
            (Value::Null, "the payload is no object of nodes"),
            (
                json!({"nodes": [], "links": []}),
                "the workflow is in the format that the editor saves, not in API format",
            ),
            (json!({"1": null}), "\"1\" in the workflow is no node: it has no `class_type`"),
            (json!({"prompt": {"1": {}}}), "\"prompt\" in the workflow is no node: it has no `class_type`"),
        ] {
            let error = check(&odd).unwrap_err();
            assert_eq!((error.code.as_str(), error.message.as_str()), (problem::BAD_WORKFLOW, text));
            assert_eq!((error.kind, error.effect), (ErrorKind::REJECTED, Effect::NONE));
        }
    }

    #[test]
    fn files_get_the_names_that_the_server_gave() {
        let uploads = BTreeMap::from([("ref".to_owned(), "mdd-host/ref (1).png".to_owned())]);
        let workflow = json!({"1": {"class_type": "LoadImage", "inputs": {"image": "mdd-file:ref", "seed": u64::MAX}}});
        let there = with_files(workflow.clone(), &uploads).unwrap();
        assert_eq!(there["1"]["inputs"], json!({"image": "mdd-host/ref (1).png", "seed": u64::MAX}));
        let error = with_files(workflow, &BTreeMap::new()).unwrap_err();
        assert_eq!(error.code, problem::MISSING_FILE);
    }

    #[test]
    fn only_files_that_are_named_are_sent() {
        let mut file = JobFile::default();
        file.name = "ref".to_owned();
        let mut other = file.clone();
        other.name = "other".to_owned();
        let workflow = json!({"1": {"inputs": {"a": "mdd-file:ref", "b": ["mdd-file:ref"]}}});
        let named = files(&workflow, &[other, file]).unwrap();
        assert_eq!(named.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), ["ref"]);
        let error = files(&workflow, &[]).unwrap_err();
        assert_eq!(error.code, problem::MISSING_FILE);
        assert_eq!(error.message, "the workflow names the file \"ref\", which the job does not have");
    }
}

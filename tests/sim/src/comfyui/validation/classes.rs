//! The classes of the nodes: all must be known, and one at least must produce something.

use super::{
    super::{Release, errors::error, process::Process},
    Verdict,
};
use crate::json::{Json, object};

/// The nodes that produce something, if every node is of a known class.
pub(super) fn outputs(process: &Process, prompt: &Json, targets: Option<&Json>) -> Result<Vec<String>, Verdict> {
    let nodes = match prompt {
        Json::Object(nodes) => nodes.as_slice(),
        // Nothing to go through is nothing to fail at.
        Json::List(_) | Json::String(_) if !prompt.is_truthy() && process.release == Release::V0_3_64 => &[],
        _ => return Err(Verdict::Crash),
    };
    let mut outputs = Vec::new();
    for (id, node) in nodes {
        let class = class_of(process.release, id, node)?;
        let Some(definition) = class.as_str().and_then(|class| process.nodes.find(class, &process.files)) else {
            return Err(unknown_class(process.release, id, node, class));
        };
        let wanted = targets.and_then(Json::as_list).is_none_or(|targets| targets.contains(&Json::from(id)));
        if wanted && definition.get("output_node") == Some(&Json::Bool(true)) {
            outputs.push(id.clone());
        }
    }
    if outputs.is_empty() {
        let error = error("prompt_no_outputs", "Prompt has no outputs", "", object! {});
        return Err(Verdict::Bad { error, node_errors: object! {} });
    }
    Ok(outputs)
}

fn class_of<'a>(release: Release, id: &str, node: &'a Json) -> Result<&'a Json, Verdict> {
    match (release, node) {
        (_, Json::Object(_)) => {}
        // `in` works on lists and strings too, and finds nothing.
        (Release::V0_3_64, Json::List(_) | Json::String(_)) => {}
        _ => return Err(Verdict::Crash),
    }
    match node.get("class_type") {
        Some(Json::List(_) | Json::Object(_)) => Err(Verdict::Crash),
        Some(class) => Ok(class),
        None => Err(no_class(release, id, node)),
    }
}

fn no_class(release: Release, id: &str, node: &Json) -> Verdict {
    let details = format!("Node ID '#{id}'");
    let error = match release {
        Release::V0_3_64 => {
            let message = "Cannot execute because a node is missing the class_type property.";
            error("invalid_prompt", message, &details, object! {})
        }
        Release::V0_33_0 => {
            let title = title(node);
            let name = title.clone().unwrap_or_else(|| format!("ID #{id}"));
            let message =
                format!("Node '{name}' has no class_type. The workflow may be corrupted or a custom node is missing.");
            let extra = object! { "node_id" => id, "class_type" => Json::Null, "node_title" => title };
            error("missing_node_type", &message, &details, extra)
        }
    };
    Verdict::Bad { error, node_errors: object! {} }
}

fn unknown_class(release: Release, id: &str, node: &Json, class: &Json) -> Verdict {
    let details = format!("Node ID '#{id}'");
    let name = class.python_str();
    let error = match release {
        Release::V0_3_64 => {
            let message = format!("Cannot execute because node {name} does not exist.");
            error("invalid_prompt", &message, &details, object! {})
        }
        Release::V0_33_0 => {
            let title = title(node).unwrap_or(name);
            let message = format!("Node '{title}' not found. The custom node may not be installed.");
            let extra = object! { "node_id" => id, "class_type" => class, "node_title" => title };
            error("missing_node_type", &message, &details, extra)
        }
    };
    Verdict::Bad { error, node_errors: object! {} }
}

fn title(node: &Json) -> Option<String> {
    Some(node.get("_meta")?.get("title")?.as_str()?.to_owned())
}

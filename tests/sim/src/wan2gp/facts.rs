//! Answers that are the same for ever, out of the recordings.

use crate::json::{self, Json};

macro_rules! recordings {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../fixtures/wan2gp/mcp/", $name, ".json")))),*]
    };
}

/// Calls of tools.
const CALLS: &[(&str, &str)] = recordings![
    "wangp_search_models",
    "wangp_list_models",
    "wangp_get_default_settings",
    "wangp_get_model_schema",
    "wangp_get_model_availability",
    "wangp_list_loras",
    "bad_arg_type",
];

/// Other methods.
const METHODS: &[(&str, &str)] = recordings!["tools_list", "resources_list", "prompts_list"];

/// The answer to a call of exactly these arguments, without what was trimmed.
pub(super) fn call(parameters: &Json) -> Option<Json> {
    CALLS.iter().find_map(|(_, text)| {
        answered(text, |request| request.get("params").is_some_and(|known| is_same(known, parameters)))
    })
}

/// The answer to a method without parameters.
pub(super) fn method(name: &str) -> Option<Json> {
    METHODS
        .iter()
        .find_map(|(_, text)| answered(text, |request| request.get("method").and_then(Json::as_str) == Some(name)))
}

/// What post-processing can do with a picture.
pub(super) fn discovery(path: &str) -> Json {
    let recorded = include_str!("../../../fixtures/wan2gp/mcp/postprocess_discovery.json");
    let recorded = result(recorded).unwrap_or(Json::Null);
    let mut told = recorded.get("structuredContent").cloned().unwrap_or(Json::Null);
    told.set("path", path);
    told
}

/// The models that are known from the recordings.
pub(super) fn models() -> Vec<Json> {
    let listed = |name: &str, member: &str| {
        let (_, text) = CALLS.iter().find(|(known, _)| *known == name)?;
        let result = result(text)?;
        Some(result.get("structuredContent")?.get(member)?.as_list()?.to_vec())
    };
    let lists = [listed("wangp_list_models", "result"), listed("wangp_search_models", "matches")];
    let mut models: Vec<Json> = lists.into_iter().flatten().flatten().collect();
    for model in &mut models {
        model.remove("availability");
    }
    models
}

/// Whether two values are the same, in whatever order their members are.
fn is_same(one: &Json, other: &Json) -> bool {
    match (one.members(), other.members()) {
        (Some(ours), Some(theirs)) => {
            let is_there = |(name, value): &(String, Json)| other.get(name).is_some_and(|it| is_same(value, it));
            ours.len() == theirs.len() && ours.iter().all(is_there)
        }
        _ => one == other,
    }
}

fn answered(text: &str, wanted: impl Fn(&Json) -> bool) -> Option<Json> {
    let recording = json::parse(text.as_bytes()).ok()?;
    let body = recording.get("request")?.get("body")?;
    if wanted(body) { result(text) } else { None }
}

fn result(text: &str) -> Option<Json> {
    let recording = json::parse(text.as_bytes()).ok()?;
    recording.get("response")?.get("json")?.get("result").cloned()
}

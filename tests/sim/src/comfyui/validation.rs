//! Checking a workflow before it is queued, with the messages of the real server.

mod classes;
mod convert;
mod exception;

use self::exception::Exception;
use super::{errors::error, graph, process::Process, traceback};
use crate::json::{Json, list, object};

/// Python gives up at about this depth of nested nodes.
const MAX_DEPTH: usize = 300;

/// What becomes of a workflow.
pub(super) enum Verdict {
    /// At least one output can be run; the others are in `node_errors`.
    Good { outputs: Vec<String>, node_errors: Json },
    /// Nothing can be run.
    Bad { error: Json, node_errors: Json },
    /// The check itself raises.
    Crash,
}

/// Checks a workflow; inputs are converted to the types that their nodes want, as a side effect.
pub(super) fn validate(process: &Process, prompt: &mut Json, targets: Option<&Json>) -> Verdict {
    let outputs = match classes::outputs(process, prompt, targets) {
        Ok(outputs) => outputs,
        Err(verdict) => return verdict,
    };
    let mut check = Check { process, prompt, results: Vec::new() };
    let (mut good, mut node_errors, mut reasons) = (Vec::new(), object! {}, Vec::new());
    for output in outputs {
        match check.output(&output) {
            None => good.push(output),
            Some(errors) => {
                reasons.extend(errors);
                check.collect(&output, &mut node_errors);
            }
        }
    }
    if good.is_empty() {
        let text = |error: &Json, key| error.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
        let details: Vec<String> =
            reasons.iter().map(|error| format!("{}: {}", text(error, "message"), text(error, "details"))).collect();
        let kind = "prompt_outputs_failed_validation";
        let error = error(kind, "Prompt outputs failed validation", &details.join("\n"), object! {});
        return Verdict::Bad { error, node_errors };
    }
    Verdict::Good { outputs: good, node_errors }
}

/// The check of one workflow.
struct Check<'a> {
    process: &'a Process,
    prompt: &'a mut Json,
    /// Nodes that were looked at, with whether they are valid and their own errors.
    results: Vec<(String, bool, Vec<Json>)>,
}

impl Check<'_> {
    /// Checks an output and all it depends on; its own errors if anything is wrong.
    fn output(&mut self, id: &str) -> Option<Vec<Json>> {
        match self.node(id, 0) {
            Ok(true) => return None,
            Ok(false) => {}
            Err(exception) => {
                let extra = object! {
                    "exception_type" => exception.kind,
                    "traceback" => traceback::of_validation(self.process.release, &exception.at, false),
                };
                let message = "Exception when validating node";
                let error = error("exception_during_validation", message, &exception.message, extra);
                self.record(id, false, vec![error]);
            }
        }
        Some(self.result(id).map(|(_, errors)| errors.to_vec()).unwrap_or_default())
    }

    /// Adds the errors found so far, as the real server does: each is said to affect this output.
    fn collect(&self, output: &str, node_errors: &mut Json) {
        for (id, _, errors) in self.results.iter().filter(|(_, valid, errors)| !valid && !errors.is_empty()) {
            let class = self.member(id, "class_type").cloned().unwrap_or(Json::Null);
            let fresh = object! { "errors" => errors.clone(), "dependent_outputs" => list![], "class_type" => class };
            let mut entry = node_errors.get(id).cloned().unwrap_or(fresh);
            if let Some(Json::List(outputs)) = entry.get("dependent_outputs").cloned() {
                let outputs = outputs.into_iter().chain([Json::from(output)]).collect();
                entry.set("dependent_outputs", Json::List(outputs));
            }
            node_errors.set(id, entry);
        }
    }

    /// Checks one node and, through its links, all before it.
    fn node(&mut self, id: &str, depth: usize) -> Result<bool, Exception> {
        if let Some((valid, _)) = self.result(id) {
            return Ok(valid);
        }
        if depth > MAX_DEPTH {
            return Err(Exception::recursion());
        }
        let inputs = self.member(id, "inputs").cloned().ok_or_else(Exception::no_inputs)?;
        if !matches!(inputs, Json::Object(_) | Json::List(_) | Json::String(_)) {
            return Err(Exception::inputs_are(&inputs));
        }
        let class = self.member(id, "class_type").and_then(Json::as_str).unwrap_or_default().to_owned();
        let definition = self.process.nodes.find(&class, &self.process.files).unwrap_or(Json::Null);
        let (mut valid, mut errors) = (true, Vec::new());
        for (name, category, config) in inputs_of(&definition) {
            let Some(value) = inputs.get(&name) else {
                if category == "required" {
                    let extra = object! { "input_name" => &name };
                    errors.push(error("required_input_missing", "Required input is missing", &name, extra));
                }
                continue;
            };
            match value {
                Json::List(link) => valid &= self.link(&name, &config, link, &mut errors, depth)?,
                value => self.widget(id, &class, &name, &config, value, &mut errors),
            }
        }
        if class == "LoadImage" && errors.is_empty() && valid {
            errors.extend(self.custom(&inputs));
        }
        valid &= errors.is_empty();
        self.record(id, valid, errors);
        Ok(valid)
    }

    /// Checks a link; `false` if the node it comes from is invalid.
    fn link(
        &mut self,
        name: &str,
        config: &Json,
        link: &[Json],
        errors: &mut Vec<Json>,
        depth: usize,
    ) -> Result<bool, Exception> {
        let [source, slot] = link else {
            let message = "Bad linked input, must be a length-2 list of [node_id, slot_index]";
            errors.push(error("bad_linked_input", message, name, received(name, config, &Json::List(link.to_vec()))));
            return Ok(true);
        };
        let source_id = source.as_str().unwrap_or_default().to_owned();
        let class = self.member(&source_id, "class_type").ok_or_else(|| Exception::no_node(source))?;
        let class = class.as_str().unwrap_or_default().to_owned();
        let definition = self.process.nodes.find(&class, &self.process.files).unwrap_or(Json::Null);
        let types = definition.get("output").and_then(Json::as_list).unwrap_or_default();
        let index = match slot {
            Json::Bool(slot) => i64::from(*slot),
            slot => slot.as_i64().ok_or_else(|| Exception::slot_is(slot))?,
        };
        let received_type = graph::slot(types, index).ok_or_else(Exception::no_slot)?.clone();
        let wanted = config.as_list().and_then(|config| config.first()).cloned().unwrap_or(Json::Null);
        if !fits(&received_type, &wanted) {
            let (got, want) = (received_type.python_str(), wanted.python_str());
            let details = format!("{name}, received_type({got}) mismatch input_type({want})");
            let extra = object! {
                "input_name" => name,
                "input_config" => config,
                "received_type" => received_type,
                "linked_node" => link.to_vec(),
            };
            let message = "Return type mismatch between linked nodes";
            errors.push(error("return_type_mismatch", message, &details, extra));
            return Ok(true);
        }
        match self.node(&source_id, depth + 1) {
            Ok(valid) => Ok(valid),
            Err(exception) => {
                let inner = self.inner(name, config, link, &exception);
                self.record(&source_id, false, vec![inner]);
                Ok(false)
            }
        }
    }

    fn inner(&self, name: &str, config: &Json, link: &[Json], exception: &Exception) -> Json {
        let extra = object! {
            "input_name" => name,
            "input_config" => config,
            "exception_message" => &exception.message,
            "exception_type" => exception.kind,
            "traceback" => traceback::of_validation(self.process.release, &exception.at, true),
            "linked_node" => link.to_vec(),
        };
        let message = "Exception when validating inner node";
        error("exception_during_inner_validation", message, &exception.message, extra)
    }

    /// Checks a plain value and converts it in place.
    fn widget(&mut self, id: &str, class: &str, name: &str, config: &Json, value: &Json, errors: &mut Vec<Json>) {
        let value = value.get("__value__").unwrap_or(value);
        let parts = config.as_list().unwrap_or_default();
        let (wanted, extra) = (parts.first().unwrap_or(&Json::Null), parts.get(1).unwrap_or(&Json::Null));
        let value = match convert::convert(value, wanted) {
            Ok(value) => value,
            Err(reason) => {
                let wanted = wanted.python_str();
                let mut details = received(name, config, value);
                details.set("exception_message", &reason);
                let message = format!("Failed to convert an input value to a {wanted} value");
                let text = format!("{name}, {}, {reason}", value.python_str());
                errors.push(error("invalid_input_type", &message, &text, details));
                return;
            }
        };
        self.set_input(id, name, value.clone());
        // LoadImage checks its file itself.
        if class == "LoadImage" {
            return;
        }
        let bound = |key: &str| extra.get(key).and_then(|bound| Some((bound.as_f64()?, bound.python_str())));
        let number = value.as_f64();
        let shown = value.python_str();
        let received = || received(name, config, &value);
        match (number, bound("min"), bound("max")) {
            (Some(number), Some((min, text)), _) if number < min => {
                let message = format!("Value {shown} smaller than min of {text}");
                errors.push(error("value_smaller_than_min", &message, name, received()));
            }
            (Some(number), _, Some((max, text))) if number > max => {
                let message = format!("Value {shown} bigger than max of {text}");
                errors.push(error("value_bigger_than_max", &message, name, received()));
            }
            _ => errors.extend(not_in_list(name, config, wanted, &value)),
        }
    }

    /// The node's own check of its inputs.
    fn custom(&self, inputs: &Json) -> Option<Json> {
        let image = inputs.get("image")?;
        let found = image.as_str().is_some_and(|name| self.process.files.find_annotated(name).is_some());
        let details = format!("image - Invalid image file: {}", image.python_str());
        let extra = object! { "input_name" => "image" };
        let message = "Custom validation failed for node";
        (!found).then(|| error("custom_validation_failed", message, &details, extra))
    }

    fn member(&self, id: &str, key: &str) -> Option<&Json> {
        self.prompt.get(id)?.get(key)
    }

    fn set_input(&mut self, id: &str, name: &str, value: Json) {
        let Json::Object(nodes) = &mut *self.prompt else { return };
        let Some((_, Json::Object(node))) = nodes.iter_mut().find(|(known, _)| known == id) else { return };
        if let Some((_, inputs)) = node.iter_mut().find(|(key, _)| key == "inputs") {
            inputs.set(name, value);
        }
    }

    fn result(&self, id: &str) -> Option<(bool, &[Json])> {
        let (_, valid, errors) = self.results.iter().find(|(known, _, _)| known == id)?;
        Some((*valid, errors))
    }

    fn record(&mut self, id: &str, valid: bool, errors: Vec<Json>) {
        self.results.retain(|(known, _, _)| known != id);
        self.results.push((id.to_owned(), valid, errors));
    }
}

/// The inputs of a class with their category and their `[type, options]`.
fn inputs_of(definition: &Json) -> Vec<(String, &'static str, Json)> {
    let mut inputs = Vec::new();
    for category in ["required", "optional"] {
        let members = definition.get("input").and_then(|input| input.get(category)).and_then(Json::members);
        for (name, config) in members.unwrap_or_default() {
            let mut config = config.clone();
            if let Json::List(parts) = &mut config
                && parts.len() == 1
            {
                parts.push(object! {});
            }
            inputs.push((name.clone(), category, config));
        }
    }
    inputs
}

fn fits(received: &Json, wanted: &Json) -> bool {
    let any = Json::from("*");
    let unions = |value: &Json| value.as_str().map(|text| text.split(',').map(str::to_owned).collect::<Vec<_>>());
    match (unions(received), unions(wanted)) {
        _ if *received == any || *wanted == any => true,
        (Some(received), Some(wanted)) => received.iter().any(|kind| wanted.contains(kind)),
        _ => received == wanted,
    }
}

fn received(name: &str, config: &Json, value: &Json) -> Json {
    object! { "input_name" => name, "input_config" => config, "received_value" => value }
}

fn not_in_list(name: &str, config: &Json, wanted: &Json, value: &Json) -> Option<Json> {
    let options = wanted.as_list().filter(|options| !options.contains(value))?;
    // Long lists are left out, so that an error does not carry all file names.
    let (shown, config) = match options.len() {
        0..=20 => (wanted.python_str(), config.clone()),
        length => (format!("(list of length {length})"), Json::Null),
    };
    let details = format!("{name}: '{}' not in {shown}", value.python_str());
    Some(error("value_not_in_list", "Value not in list", &details, received(name, &config, value)))
}

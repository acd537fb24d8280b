//! Python tracebacks, with the recorded line numbers of each release. Clients must never show them, as they
//! carry paths of the server; here the path is `<comfyui>`.

use super::Release;
use crate::json::Json;

/// Where a check raised.
pub(super) enum Site {
    /// `prompt[o_id]['class_type']` for a link to a node that is not there.
    LinkedNode,
    /// `r[val[1]]` for a link to an output that is not there.
    LinkedSlot,
    /// `prompt[unique_id]['inputs']` for a node without inputs.
    Inputs,
    /// `x not in inputs` for inputs that are nothing to look into.
    InputNames,
}

/// The traceback of an exception while an output, or (`is_inner`) a node before it, was checked.
pub(super) fn of_validation(release: Release, site: &Site, is_inner: bool) -> Json {
    // The recordings show two lines of the newer release; its other lines are moved by as much.
    let (outer, shift) = match release {
        Release::V0_3_64 => (1010, 0),
        Release::V0_33_0 => (1184, 145),
    };
    let (line, function, target, node) = match is_inner {
        false => (outer, "validate_prompt", "m", "o"),
        true => (808 + shift, "validate_inputs", "r", "o_id"),
    };
    let call = format!("await validate_inputs(prompt_id, prompt, {node}, validated)");
    let outer = frame("execution.py", line, function, &format!("{target} = {call}"), Some((&call, 0)));
    let (line, source, marked, tildes) = match site {
        Site::LinkedNode => (788, "o_class_type = prompt[o_id]['class_type']", "prompt[o_id]", 6),
        Site::LinkedSlot => (790, "received_type = r[val[1]]", "r[val[1]]", 1),
        Site::InputNames => (757, "if x not in inputs:", "x not in inputs", 0),
        Site::Inputs => (730, "inputs = prompt[unique_id]['inputs']", "prompt[unique_id]['inputs']", 17),
    };
    let inner = frame("execution.py", line + shift, "validate_inputs", source, Some((marked, tildes)));
    Json::from(vec![outer, inner])
}

/// The traceback of the lab node that always fails.
pub(super) fn of_lab_error(release: Release) -> Json {
    let (lines, last) = match release {
        Release::V0_3_64 => ([496, 315, 289, 277], "hidden_inputs=hidden_inputs"),
        Release::V0_33_0 => ([545, 344, 318, 306], "v3_data=v3_data"),
    };
    let callbacks = format!("execution_block_cb=execution_block_cb, pre_execute_cb=pre_execute_cb, {last}");
    let get = format!("await get_output_data(prompt_id, unique_id, obj, input_data_all, {callbacks})");
    let map = format!(
        "await _async_map_node_over_list(prompt_id, unique_id, obj, input_data_all, obj.FUNCTION, \
         allow_interrupt=True, {callbacks})"
    );
    let get_line = format!("output_data, output_ui, has_subgraph, has_pending_tasks = {get}");
    let map_line = format!("return_values = {map}");
    Json::from(vec![
        frame("execution.py", lines[0], "execute", &get_line, Some((&get, 0))),
        frame("execution.py", lines[1], "get_output_data", &map_line, Some((&map, 0))),
        frame("execution.py", lines[2], "_async_map_node_over_list", "await process_inputs(input_dict, i)", None),
        frame("execution.py", lines[3], "process_inputs", "result = f(**inputs)", Some(("f(**inputs)", 0))),
        frame("custom_nodes/lab_nodes/__init__.py", 54, "run", "raise ValueError(\"lab error on purpose\")", None),
    ])
}

/// One frame; `marked` is the underlined part of the source and how much of it is underlined with `~`.
fn frame(file: &str, line: u32, function: &str, source: &str, marked: Option<(&str, usize)>) -> String {
    let mut text = format!("  File \"<comfyui>/{file}\", line {line}, in {function}\n    {source}\n");
    if let Some((part, tildes)) = marked {
        let indent = source.find(part).unwrap_or(0) + 4;
        let carets = "^".repeat(part.len() - tildes);
        text.push_str(&format!("{}{}{carets}\n", " ".repeat(indent), "~".repeat(tildes)));
    }
    text
}

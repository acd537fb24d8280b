//! Odd and hostile descriptions of apps.

use super::{Config, Protocol};
use crate::recorded;
use serde_json::json;

fn read(config: &serde_json::Value) -> Option<Config> {
    Config::read(config.to_string().as_bytes()).unwrap()
}

#[test]
fn nulls_and_other_types_are_passed_over() {
    let odd = json!({
        "version": null, "title": 7, "protocol": null, "api_prefix": null, "app_id": null, "root": "http://evil.example",
        "components": [null, 7, "x", [1], {"id": null}, {"id": 3, "type": null, "props": null},
            {"id": 4, "type": "dropdown", "props": {"label": null, "value": [1, {"a": 2}], "choices": [["Name", "value"], "plain", null, 7, []]}}],
        "dependencies": [null, {"api_name": false, "inputs": null, "outputs": [null, 4], "types": null},
            {"id": 9, "api_name": null, "inputs": [3, 4], "backend_fn": "yes", "types": {"generator": null}}],
    });
    let config = read(&odd).unwrap();
    assert_eq!(
        (config.version, config.title, config.protocol, config.prefix.as_str()),
        (None, None, Protocol::WebSocket, "")
    );
    assert_eq!(config.components.len(), 2);
    assert_eq!(config.components[1].choices, ["value", "plain"]);
    // The place in the list is the number where there is none, whatever else is in the list.
    let numbers: Vec<u64> = config.functions.iter().map(|function| function.index).collect();
    assert_eq!(numbers, [1, 9]);
    assert_eq!(config.functions[0].outputs, [4]);
}

#[test]
fn what_is_no_description_is_none() {
    for other in
        [json!({}), json!([]), json!({"components": []}), json!({"components": {}, "dependencies": []}), json!(7)]
    {
        assert_eq!(read(&other), None, "{other}");
    }
    for broken in ["", "<html>", "{\"components\": [", "{\"components\": []} x"] {
        assert!(Config::read(broken.as_bytes()).is_err(), "{broken}");
    }
}

#[test]
fn pythons_numbers_and_huge_ones_do_no_harm() {
    let text = r#"{"components": [{"id": NaN}, {"id": -1}, {"id": 1e300}, {"id": 2, "props": {"value": Infinity}}],
        "dependencies": [{"id": 1.5, "inputs": [NaN, 2]}], "app_id": 18446744073709551615}"#;
    let config = Config::read(text.as_bytes()).unwrap().unwrap();
    assert_eq!(config.components.len(), 1);
    assert_eq!(config.functions[0].inputs, [2]);
    assert_eq!(config.app_id.as_deref(), Some("18446744073709551615"));
}

#[test]
fn a_prefix_is_a_path_below_the_endpoint_or_none() {
    let prefix = |given: &str| {
        read(&json!({"components": [], "dependencies": [], "protocol": "sse_v3", "api_prefix": given})).unwrap().prefix
    };
    assert_eq!(prefix("/gradio_api"), "/gradio_api");
    assert_eq!(prefix("/gradio_api/"), "/gradio_api");
    for odd in ["http://evil.example", "//evil.example", "gradio", "/a?b=", "/../x", "/a b", "/\r\nx", "@evil.example"]
    {
        assert_eq!(prefix(odd), "", "{odd}");
    }
}

#[test]
fn protocols_are_known_by_name_and_new_ones_are_told() {
    let protocol =
        |name: &str| read(&json!({"components": [], "dependencies": [], "protocol": name})).unwrap().protocol;
    assert_eq!(protocol("sse_v2.1"), Protocol::SseV21);
    assert_eq!(protocol("sse_v9\u{1b}[2J"), Protocol::Unknown("sse_v9 [2J".to_owned()));
    assert!(!protocol("sse_v9").has_sessions() && !protocol("sse").has_sessions() && protocol("sse_v1").has_sessions());
}

#[test]
fn a_title_of_a_stranger_is_printable() {
    let titled =
        |title: &str| read(&json!({"components": [], "dependencies": [], "title": title})).unwrap().to_string();
    assert_eq!(titled("Fooocus"), "a Gradio app titled \"Fooocus\"");
    assert_eq!(titled("\u{1b}[2J\nX"), "a Gradio app titled \" [2J X\"");
    assert_eq!(titled("  "), "a Gradio app without a title");
}

#[test]
fn the_apps_of_our_kinds_are_read() {
    let rvc = recorded::config("rvc-webui");
    assert_eq!(rvc.function("infer_convert").unwrap().index, 2);
    let method = rvc.function("infer_convert").unwrap().inputs[3];
    assert_eq!(rvc.component(method).unwrap().choices, ["pm", "rmvpe", "fcpe"]);
    let audioldm = recorded::config("audioldm");
    assert_eq!((audioldm.functions.len(), audioldm.functions[0].api_name.as_deref()), (1, None));
    let two = recorded::config("audioldm2");
    assert_eq!(two.function("text2audio").unwrap().index, 0);
    assert_eq!(two.title.as_deref(), Some("Gradio"));
}

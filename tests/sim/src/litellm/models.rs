//! The configured models.

use crate::json::{Json, list, object};

/// A listed model.
pub(super) struct Model {
    /// The alias that clients use.
    pub(super) name: &'static str,
    /// The model behind it.
    pub(super) target: &'static str,
    pub(super) id: &'static str,
    /// What it says; `None` if its upstream is dead.
    pub(super) says: Option<&'static str>,
}

pub(super) const LISTED: [Model; 3] = [
    Model {
        name: "mock-gpt",
        target: "openai/mock-gpt",
        id: "63a4753df0f9c61a1f2ba25dd1ae1a5921b02d5c35c3c88dfad839a46ddf7751",
        says: Some("Hello from the mock model."),
    },
    Model {
        name: "mock-writer",
        target: "openai/mock-writer",
        id: "4766f92b5f1a6aaa8c9517351c8c19d049217c10e17cd58de173ab72147b8322",
        says: Some("INT. LIGHTHOUSE - NIGHT. Rain on the glass."),
    },
    Model {
        name: "dead-upstream",
        target: "openai/dead",
        id: "0db7a853f4b231bc1f5f3a2f28508c0cbf02226680a527ca424c0edb070ed5a9",
        says: None,
    },
];

/// `GET /v1/models`; dead models are listed like the others.
pub(super) fn list() -> Json {
    let entry = |model: &Model| {
        object! { "id" => model.name, "object" => "model", "created" => 1_677_610_602, "owned_by" => "openai" }
    };
    object! { "data" => LISTED.iter().map(entry).collect::<Vec<_>>(), "object" => "list" }
}

/// `GET /model/info`, with the members that were recorded.
pub(super) fn info() -> Json {
    let entry = |model: &Model| {
        let mut params = object! {
            "allow_client_keepalive_override" => false,
            "use_in_pass_through" => false,
            "use_litellm_proxy" => false,
            "use_xai_oauth" => false,
            "merge_reasoning_content_in_choices" => false,
        };
        match model.says {
            Some(text) => params.set("mock_response", text),
            None => params.set("api_base", "http://127.0.0.1:9/v1"),
        }
        params.set("model", model.target);
        let info = object! {
            "id" => model.id,
            "db_model" => false,
            "key" => model.target,
            "max_tokens" => Json::Null,
            "litellm_provider" => "openai",
            "mode" => Json::Null,
            "supports_vision" => Json::Null,
        };
        object! { "model_name" => model.name, "litellm_params" => params, "model_info" => info }
    };
    object! { "data" => LISTED.iter().map(entry).collect::<Vec<_>>() }
}

/// `GET /model_group/info`.
pub(super) fn groups() -> Json {
    let entry = |model: &Model| {
        object! {
            "model_group" => model.name,
            "providers" => list!["openai"],
            "max_input_tokens" => Json::Null,
            "max_output_tokens" => Json::Null,
            "mode" => Json::Null,
            "supports_vision" => false,
        }
    };
    object! { "data" => LISTED.iter().map(entry).collect::<Vec<_>>() }
}

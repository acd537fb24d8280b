//! Which app a process is: its recorded description, and the generation that it speaks.

use super::dialect::Dialect;
use crate::json::{Json, list, object, parse};

pub(super) const MIMICS: &[&str] =
    &["6.31.0", "5.50.0", "4.44.1", "4.21.0", "4.19.2", "4.12.0", "4.0.2", "3.50.2", "3.34.0", "3.14.0"];
pub(super) const AUDIOLDMS: &[&str] = &["audioldm2", "audioldm"];
pub(super) const RVCS: &[&str] = &["webui", "webui-231006"];
pub(super) const WANGPS: &[&str] = &["12.60"];

macro_rules! config {
    ($folder:literal) => {
        include_str!(concat!("../../../fixtures/", $folder, "/config.json"))
    };
}

/// An app and how it speaks.
pub(super) struct App {
    pub(super) config: Json,
    pub(super) dialect: Dialect,
    pub(super) prefix: &'static str,
}

impl App {
    /// By the version of its kind; the newest of the recordings for another one.
    pub(super) fn of(version: &str) -> Self {
        let (text, dialect) = match version {
            "3.14.0" => (config!("gradio-3.14.0"), Dialect::Inline),
            "3.34.0" => (config!("gradio-3.34.0"), Dialect::Socket),
            "3.50.2" => (config!("gradio-3.50.2"), Dialect::Socket),
            "4.0.2" => (config!("gradio-4.0.2"), Dialect::Sse),
            "4.12.0" => (config!("gradio-4.12.0"), Dialect::SseV1),
            "4.19.2" => (config!("gradio-4.19.2"), Dialect::SseV2),
            "4.21.0" => (config!("gradio-4.21.0"), Dialect::SseV2),
            "4.44.1" => (config!("gradio-4.44.1"), Dialect::SseV3),
            "5.50.0" => (config!("gradio-5.50.0"), Dialect::SseV3),
            "audioldm" => (config!("audioldm"), Dialect::Socket),
            "audioldm2" => (config!("audioldm2"), Dialect::SseV3),
            "12.60" => (config!("wan2gp/webui"), Dialect::SseV3),
            "webui" | "webui-231006" => (config!("rvc-webui"), Dialect::Inline),
            _ => (config!("gradio-6.31.0"), Dialect::SseV3),
        };
        let mut app = Self { config: parse(text.as_bytes()).unwrap_or(Json::Null), dialect, prefix: "" };
        if app.config.get("api_prefix").and_then(Json::as_str) == Some("/gradio_api") {
            app.prefix = "/gradio_api";
        }
        if version == "webui-231006" {
            app.make_231006();
        }
        app
    }

    /// What the source of RVC 2.2.231006 says: Gradio 3.34, and twelve inputs of which the recording is text.
    fn make_231006(&mut self) {
        self.dialect = Dialect::Socket;
        self.config.set("version", "3.34.0\n");
        let text = object! { "id" => 9001, "type" => "textbox", "props" => object! {} };
        let method = object! {
            "id" => 9002, "type" => "radio",
            "props" => object! { "choices" => list!["pm", "harvest", "crepe", "rmvpe"], "value" => "rmvpe" },
        };
        let inputs = list![10, 9001, 19, 9001, 9002, 30, 9001, 29, 26, 26, 27, 28];
        each(&mut self.config, "components", |components| components.extend([text, method]));
        each(&mut self.config, "dependencies", |functions| {
            for function in functions {
                function.set("types", object! { "continuous" => false, "generator" => false });
                if function.get("api_name").and_then(Json::as_str) == Some("infer_convert") {
                    function.set("inputs", &inputs);
                }
            }
        });
    }

    /// The version of Gradio that it says it is.
    pub(super) fn gradio(&self) -> &str {
        self.config.get("version").and_then(Json::as_str).unwrap_or_default()
    }

    /// A path without the prefix; nothing where it is needed and missing.
    pub(super) fn below_prefix<'a>(&self, path: &'a str) -> Option<&'a str> {
        path.strip_prefix(self.prefix).filter(|rest| rest.starts_with('/'))
    }

    /// The name of a function, and whether it is a generator.
    pub(super) fn function(&self, index: i64) -> Option<(String, bool)> {
        let functions = self.config.get("dependencies")?.as_list()?;
        let has_index = |function: &&Json| function.get("id").and_then(Json::as_i64) == Some(index);
        let by_place = || functions.get(usize::try_from(index).ok()?);
        let function = functions.iter().find(has_index).or_else(by_place)?;
        // AudioLDM's only function has no name.
        let name = function.get("api_name").and_then(Json::as_str).unwrap_or("text2audio");
        let generator = function.get("types").and_then(|types| types.get("generator"));
        Some((name.to_owned(), generator == Some(&Json::Bool(true)) || name == "generate_gen"))
    }
}

fn each(config: &mut Json, name: &str, change: impl FnOnce(&mut Vec<Json>)) {
    if let Some(Json::List(mut items)) = config.remove(name) {
        change(&mut items);
        config.set(name, items);
    }
}

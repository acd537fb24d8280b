//! How far each node of the running job is, and the events that tell it.

use super::{events::Format, process::Process};
use crate::json::{Json, object};

/// The progress of one job.
pub(super) struct Progress<'a> {
    process: &'a Process,
    prompt_id: &'a str,
    client_id: Option<&'a str>,
    nodes: Vec<(String, Step)>,
}

/// Floats at the start and integers afterwards, as in the recordings.
struct Step {
    value: Json,
    max: Json,
    is_finished: bool,
}

/// A picture of the work so far.
pub(super) struct Preview<'a> {
    pub(super) format: Format,
    pub(super) image: &'a [u8],
}

impl<'a> Progress<'a> {
    pub(super) fn new(process: &'a Process, prompt_id: &'a str, client_id: Option<&'a str>) -> Self {
        Self { process, prompt_id, client_id, nodes: Vec::new() }
    }

    pub(super) fn start(&mut self, node: &str) {
        self.set(node, Step { value: Json::Float(0.0), max: Json::Float(1.0), is_finished: false });
        self.send_state();
    }

    pub(super) fn finish(&mut self, node: &str) {
        let max = match self.nodes.iter().find(|(id, _)| id == node) {
            Some((_, step)) => step.max.clone(),
            // A cached node was never started.
            None => Json::Int(1),
        };
        self.set(node, Step { value: max.clone(), max, is_finished: true });
        self.send_state();
    }

    /// Clients that declared so get the preview with metadata before `progress`, others without and after it.
    pub(super) fn update(&mut self, node: &str, value: u64, max: u64, preview: Option<&Preview<'_>>) {
        self.set(node, Step { value: Json::from(value), max: Json::from(max), is_finished: false });
        self.send_state();
        let hub = &self.process.hub;
        let with_metadata = hub.supports_metadata(self.client_id);
        if let (Some(preview), true) = (preview, with_metadata) {
            hub.send_preview_with_metadata(&self.metadata(node, preview.format), preview.image, self.client_id);
        }
        let progress = object! { "value" => value, "max" => max, "prompt_id" => self.prompt_id, "node" => node };
        hub.send("progress", progress, self.client_id);
        if let (Some(preview), false) = (preview, with_metadata) {
            hub.send_preview(preview.format, preview.image, self.client_id);
        }
    }

    fn metadata(&self, node: &str, format: Format) -> Json {
        object! {
            "node_id" => node,
            "prompt_id" => self.prompt_id,
            "display_node_id" => node,
            "parent_node_id" => Json::Null,
            "real_node_id" => node,
            "image_type" => match format {
                Format::Jpeg => "image/jpeg",
                Format::Png => "image/png",
            },
        }
    }

    fn set(&mut self, node: &str, step: Step) {
        match self.nodes.iter_mut().find(|(id, _)| id == node) {
            Some((_, old)) => *old = step,
            None => self.nodes.push((node.to_owned(), step)),
        }
    }

    /// All started nodes, each time.
    fn send_state(&self) {
        let nodes = self.nodes.iter().map(|(id, step)| {
            let state = object! {
                "value" => &step.value,
                "max" => &step.max,
                "state" => if step.is_finished { "finished" } else { "running" },
                "node_id" => id,
                "prompt_id" => self.prompt_id,
                "display_node_id" => id,
                "parent_node_id" => Json::Null,
                "real_node_id" => id,
            };
            (id.clone(), state)
        });
        let state = object! { "prompt_id" => self.prompt_id, "nodes" => Json::Object(nodes.collect()) };
        self.process.hub.send("progress_state", state, self.client_id);
    }
}

//! The node classes that the simulated server knows: those of the recordings, and a few more that need no model.

use super::{Release, files::Files};
use crate::json::{self, Json, object};

const RECORDED_0_3_64: &str = include_str!("../../../fixtures/comfyui-0.3.64/object_info_trimmed.json");
const RECORDED_0_33_0: &str = include_str!("../../../fixtures/comfyui-0.33.0/object_info_trimmed.json");
const MORE: &str = include_str!("nodes.json");

/// The definitions by class name, in the form of `/object_info`.
pub(super) struct Nodes(Vec<(String, Json)>);

impl Nodes {
    pub(super) fn of(release: Release) -> Self {
        let recorded = match release {
            Release::V0_3_64 => RECORDED_0_3_64,
            Release::V0_33_0 => RECORDED_0_33_0,
        };
        let mut nodes = members(recorded);
        nodes.extend(members(MORE).into_iter().map(|(class, definition)| (class, modern(release, definition))));
        Self(nodes)
    }

    /// One definition; the list of files to load is as of now.
    pub(super) fn find(&self, class: &str, files: &Files) -> Option<Json> {
        let (_, definition) = self.0.iter().find(|(name, _)| name == class)?;
        Some(with_files(class, definition.clone(), files))
    }

    /// All definitions.
    pub(super) fn all(&self, files: &Files) -> Json {
        let current =
            |(class, definition): &(String, Json)| (class.clone(), with_files(class, definition.clone(), files));
        Json::Object(self.0.iter().map(current).collect())
    }
}

fn members(text: &str) -> Vec<(String, Json)> {
    match json::parse(text.as_bytes()) {
        Ok(Json::Object(members)) => members,
        _ => unreachable!("the embedded definitions are an object"),
    }
}

/// Adds what later releases say about every node.
fn modern(release: Release, definition: Json) -> Json {
    let (Json::Object(members), true) = (&definition, release >= Release::V0_33_0) else { return definition };
    let mut modern = object! {};
    for (key, value) in members {
        modern.set(key, value);
        match key.as_str() {
            "input_order" => modern.set("is_input_list", false),
            "output_node" => modern.set("has_intermediate_output", false),
            _ => {}
        }
    }
    modern.set("search_aliases", Vec::<Json>::new());
    modern
}

fn with_files(class: &str, mut definition: Json, files: &Files) -> Json {
    if class == "LoadImage" {
        let image = Json::List(vec![Json::from(files.input_images()), object! { "image_upload" => true }]);
        definition.set("input", object! { "required" => object! { "image" => image } });
    }
    definition
}

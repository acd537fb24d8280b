//! What a job made: files to download, and texts.

use mdd_driver_api::{
    Request,
    model::{ResultMeta, Saved},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// Longest text that is taken, in bytes.
const LONGEST_TEXT: usize = 1 << 20;
/// Between two pieces of a file.
const STALL: Duration = Duration::from_secs(30);

/// All results of a job, and which of them are saved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Harvest {
    pub(crate) items: Vec<Item>,
    /// What nodes show as text.
    pub(crate) text: Option<String>,
    /// What became of the first items; nothing of those that were gone.
    pub(crate) saved: Vec<Option<Saved>>,
}

/// A file on the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) filename: String,
    pub(crate) subfolder: String,
    pub(crate) folder: String,
}

impl Harvest {
    /// Reads `outputs`: lists of anything by node. Whatever names a file is one, whoever wrote the node.
    pub(crate) fn of(outputs: &Value) -> Self {
        let fields = || outputs.as_object().into_iter().flatten().filter_map(|(_, node)| node.as_object()).flatten();
        let mut items: Vec<Item> = Vec::new();
        for item in fields().filter_map(|(_, list)| list.as_array()).flatten().filter_map(Item::read) {
            if !items.contains(&item) {
                items.push(item);
            }
        }
        // Pictures to look at meanwhile are results only where there are no others.
        if items.iter().any(|item| item.folder != "temp") {
            items.retain(|item| item.folder != "temp");
        }
        let texts = fields().filter(|(name, _)| *name == "text").filter_map(|(_, list)| list.as_array()).flatten();
        let texts: Vec<&str> = texts.filter_map(Value::as_str).collect();
        let text = texts.join("\n");
        let text = text[..text.floor_char_boundary(LONGEST_TEXT)].to_owned();
        Self { items, text: Some(text).filter(|text| !text.is_empty()), saved: Vec::new() }
    }

    /// The next file to save.
    pub(crate) fn next(&self) -> Option<&Item> {
        self.items.get(self.saved.len())
    }
}

impl Item {
    fn read(value: &Value) -> Option<Self> {
        let text = |field: &str| value.get(field).and_then(Value::as_str).map(str::to_owned);
        let item = Self { filename: text("filename")?, subfolder: text("subfolder")?, folder: text("type")? };
        // What lies in `input` was there before.
        (!item.filename.is_empty() && item.folder != "input").then_some(item)
    }

    /// `GET /view`, however long it takes and however large it is.
    pub(crate) fn request(&self) -> Request {
        Request::get("/view")
            .query("filename", &self.filename)
            .query("subfolder", &self.subfolder)
            .query("type", &self.folder)
            .head_within(STALL)
            .idle_within(STALL)
            .without_deadline()
            .max_bytes(u64::MAX)
    }

    pub(crate) fn meta(&self) -> ResultMeta {
        let (role, media_type) = kind(&self.filename);
        let mut meta = ResultMeta::new(&self.filename, role);
        meta.media_type = media_type.map(str::to_owned);
        meta
    }
}

/// Role and media type by the ending of the name.
fn kind(name: &str) -> (&'static str, Option<&'static str>) {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    let (role, media_type) = match ending.as_str() {
        "png" => ("image", "image/png"),
        "jpg" | "jpeg" => ("image", "image/jpeg"),
        "webp" => ("image", "image/webp"),
        "gif" => ("image", "image/gif"),
        "avif" => ("image", "image/avif"),
        "tif" | "tiff" => ("image", "image/tiff"),
        "exr" => ("image", "image/x-exr"),
        "mp4" | "m4v" => ("video", "video/mp4"),
        "webm" => ("video", "video/webm"),
        "mov" => ("video", "video/quicktime"),
        "mkv" => ("video", "video/x-matroska"),
        "avi" => ("video", "video/x-msvideo"),
        "wav" => ("audio", "audio/wav"),
        "mp3" => ("audio", "audio/mpeg"),
        "flac" => ("audio", "audio/flac"),
        "ogg" | "opus" => ("audio", "audio/ogg"),
        "m4a" | "aac" => ("audio", "audio/mp4"),
        "txt" | "md" | "srt" | "vtt" => ("text", "text/plain"),
        "json" => ("file", "application/json"),
        "glb" => ("file", "model/gltf-binary"),
        "gltf" => ("file", "model/gltf+json"),
        _ => return ("file", None),
    };
    (role, Some(media_type))
}

#[cfg(test)]
mod tests {
    use super::{Harvest, kind};
    use mdd_driver_api::manifest::Declaration;
    use serde_json::json;

    fn file(name: &str, folder: &str) -> serde_json::Value {
        json!({"filename": name, "subfolder": "", "type": folder, "format": "x"})
    }

    fn names(harvest: &Harvest) -> Vec<&str> {
        harvest.items.iter().map(|item| item.filename.as_str()).collect()
    }

    #[test]
    fn whatever_names_a_file_is_one() {
        let harvest = Harvest::of(&json!({
            "1": {"images": [file("a.png", "output")], "animated": [false]},
            "2": {"gifs": [file("b.mp4", "output")], "images": [file("b.mp4", "output")]},
            "3": {"3d": [file("c.glb", "output"), null, {"filename": "d.png"}]},
            "4": {"images": [file("ref.png", "input"), file("seen.png", "temp")]},
            "5": {"text": ["64", "ü"]},
            "6": null,
            "7": {"text": "no list", "images": 7},
        }));
        assert_eq!(names(&harvest), ["a.png", "b.mp4", "c.glb"]);
        assert_eq!(harvest.text.as_deref(), Some("64\nü"));
    }

    #[test]
    fn previews_are_results_where_there_are_no_others() {
        let harvest = Harvest::of(&json!({"1": {"images": [file("t.png", "temp"), file("in.png", "input")]}}));
        assert_eq!(names(&harvest), ["t.png"]);
        assert_eq!(Harvest::of(&json!({})), Harvest::default());
        assert_eq!(Harvest::of(&json!(null)), Harvest::default());
    }

    #[test]
    fn what_is_saved_is_not_next() {
        let mut harvest = Harvest::of(&json!({"1": {"images": [file("a.png", "output"), file("b.png", "output")]}}));
        assert_eq!(harvest.next().unwrap().filename, "a.png");
        harvest.saved.push(Some(mdd_driver_api::model::Saved::default()));
        assert_eq!(harvest.next().unwrap().filename, "b.png");
        harvest.saved.push(None);
        assert_eq!(harvest.next(), None);
    }

    #[test]
    fn every_role_is_declared() {
        let declaration: Declaration = serde_json::from_str(include_str!("../manifest.json")).unwrap();
        let declared = &declaration.operations["workflow"].results;
        for name in ["a.PNG", "b.mp4", "c.flac", "d.txt", "e.glb", "f", "g.xyz"] {
            assert!(declared.iter().any(|role| role == kind(name).0), "{name}");
        }
        assert_eq!(kind("a.b.JPEG"), ("image", Some("image/jpeg")));
    }
}

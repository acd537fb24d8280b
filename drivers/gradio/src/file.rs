//! Files among the values of a call: where they are at the server, and how they are got.

use mdd_driver_api::{Request, model::ResultMeta, text::printable};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// More files in one answer are left out.
const MOST: usize = 256;
/// Longer paths are none.
const LONGEST_PATH: usize = 4096;

/// A file at the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteFile {
    /// The server's own path. The `url` beside it repeats what the client said, or is wrong, and is never used.
    pub path: String,
    /// Its name for people.
    pub name: String,
    /// Media type, where it says one.
    #[serde(default)]
    pub media_type: Option<String>,
}

impl RemoteFile {
    /// The files in a value, in any generation's way to tell of them, in the order in which they stand.
    pub fn find(value: &Value) -> Vec<Self> {
        let mut found = Vec::new();
        collect(value, &mut found);
        found
    }

    /// How it is got.
    pub fn request(&self, prefix: &str) -> Request {
        Request::get(&format!("{prefix}/file={}", encoded(&self.path)))
    }

    /// What the host should know of it.
    pub fn meta(&self, role: &str) -> ResultMeta {
        let mut meta = ResultMeta::new(self.name.clone(), role);
        meta.media_type.clone_from(&self.media_type);
        meta
    }

    fn read(value: &Value) -> Option<Self> {
        let text = |field: &str| value.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
        let has = |field: &str| value.get(field).is_some();
        let is_new = value["meta"]["_type"] == "gradio.FileData" || has("url") || has("orig_name");
        let path = match text("path") {
            Some(path) if is_new => path,
            _ => text("name").filter(|_| value["is_file"] == true)?,
        };
        if path.len() > LONGEST_PATH {
            return None;
        }
        let name = text("orig_name").unwrap_or(path);
        let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
        let media_type = text("mime_type").map(|media_type| printable(media_type, 80));
        Some(Self { path: path.to_owned(), name: printable(name, 200), media_type })
    }
}

fn collect(value: &Value, found: &mut Vec<RemoteFile>) {
    if found.len() == MOST {
        return;
    }
    match value {
        Value::Object(fields) => match RemoteFile::read(value) {
            Some(file) => found.push(file),
            None => fields.values().for_each(|field| collect(field, found)),
        },
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Percent-encodes all but unreserved characters and the slash.
fn encoded(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(byte.into()),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

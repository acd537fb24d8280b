//! Text messages of the WebSocket: `{"type": …, "data": …}` in Python's JSON.

use crate::depth;
use mdd_driver_api::text::lenient_json;
use serde_json::Value;

/// Must be the first message of a client; the server then sends previews together with what they show.
pub(crate) const FEATURE_FLAGS: &str = r#"{"type":"feature_flags","data":{"supports_preview_metadata":true}}"#;

/// What a message says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// The first message of every socket, and one at every change of the queue.
    Status(Option<u32>),
    /// Of another type. Custom nodes add their own, so an unknown one is nothing odd.
    Other,
}

impl Message {
    pub(crate) fn read(text: &str) -> Self {
        let Ok(message) = lenient_json::<Value>(text.as_bytes()) else {
            return Self::Other;
        };
        match message.get("type").and_then(Value::as_str) {
            Some("status") => {
                let status = message.get("data").and_then(|data| data.get("status"));
                Self::Status(status.and_then(depth::read))
            }
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Message;
    use serde_json::Value;
    use std::path::PathBuf;

    fn recorded(version: &str) -> Vec<(PathBuf, Value)> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(version);
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let sequences = files.filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
        sequences
            .flat_map(|path| {
                let text = std::fs::read_to_string(&path).unwrap();
                let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
                lines.into_iter().map(move |line| (path.clone(), line))
            })
            .collect()
    }

    #[test]
    fn every_recorded_message_is_read() {
        for version in ["comfyui-0.3.64", "comfyui-0.33.0"] {
            let mut depths = Vec::new();
            for (path, line) in recorded(version) {
                if line["kind"] != "text" {
                    continue;
                }
                let is_status = line["msg"]["type"] == "status";
                match Message::read(&line["msg"].to_string()) {
                    Message::Status(depth) => {
                        assert!(is_status, "{path:?}: {line}");
                        depths.push(depth.expect("every recorded status has a depth"));
                    }
                    Message::Other => assert!(!is_status, "{path:?}: {line}"),
                }
            }
            assert!(depths.contains(&0) && depths.contains(&1), "{version}: {depths:?}");
        }
    }

    #[test]
    fn the_first_status_carries_the_id() {
        let text = r#"{"type": "status", "data": {"status": {"exec_info": {"queue_remaining": 2}}, "sid": "11"}}"#;
        assert_eq!(Message::read(text), Message::Status(Some(2)));
    }

    #[test]
    fn odd_messages_are_passed_over() {
        let odd =
            ["", "null", "[]", "{}", "{\"type\": 7}", "{\"type\": \"status", "{\"type\": \"logs\", \"data\": NaN}"];
        for text in odd {
            assert_eq!(Message::read(text), Message::Other, "{text}");
        }
        assert_eq!(Message::read(r#"{"type": "status", "data": {"status": NaN}}"#), Message::Status(None));
    }
}

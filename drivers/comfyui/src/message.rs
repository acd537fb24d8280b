//! Text messages of the WebSocket: `{"type": …, "data": …}` in Python's JSON.

use crate::depth;
use mdd_driver_api::text::lenient_json;
use serde_json::Value;

/// Must be the first message of a client; the server then sends previews together with what they show.
pub(crate) const FEATURE_FLAGS: &str = r#"{"type":"feature_flags","data":{"supports_preview_metadata":true}}"#;

/// Repeats every node that was started, at every step: on a large workflow most of what is sent. `executing` and
/// `progress` tell the same, so it is not even read.
const PROGRESS_STATE: &str = r#""progress_state""#;

/// What a message says.
#[derive(Debug, PartialEq)]
pub(crate) enum Message {
    /// The first message of every socket, and one at every change of the queue.
    Status(Option<u32>),
    /// Something happened to the job with this id.
    Job(String, Event),
    /// Of another type. Custom nodes add their own, so an unknown one is nothing odd.
    Other,
}

/// What happened to a job.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    Started,
    /// These nodes need not run again.
    Cached(Vec<String>),
    /// This node runs.
    Node(String),
    /// The running node is so far.
    Step {
        value: f64,
        max: f64,
    },
    /// It ended, in one way or another.
    Over,
}

impl Message {
    pub(crate) fn read(text: &str) -> Self {
        let head = &text[..text.floor_char_boundary(40)];
        if head.contains(PROGRESS_STATE) {
            return Self::Other;
        }
        let Ok(message) = lenient_json::<Value>(text.as_bytes()) else {
            return Self::Other;
        };
        let data = &message["data"];
        match message["type"].as_str() {
            Some("status") => Self::Status(data.get("status").and_then(depth::read)),
            Some(kind) => match (data["prompt_id"].as_str(), Event::read(kind, data)) {
                (Some(id), Some(event)) => Self::Job(id.to_owned(), event),
                _ => Self::Other,
            },
            None => Self::Other,
        }
    }
}

impl Event {
    fn read(kind: &str, data: &Value) -> Option<Self> {
        Some(match kind {
            "execution_start" => Self::Started,
            "execution_cached" => {
                Self::Cached(data["nodes"].as_array()?.iter().filter_map(Value::as_str).map(str::to_owned).collect())
            }
            // A node that another one made stands for that one.
            "executing" => match data["display_node"].as_str().or(data["node"].as_str()) {
                Some(node) => Self::Node(node.to_owned()),
                None => Self::Over,
            },
            "progress" => Self::Step { value: data["value"].as_f64()?, max: data["max"].as_f64()? },
            "execution_success" | "execution_error" | "execution_interrupted" => Self::Over,
            _ => return None,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Event, Message};
    use serde_json::Value;
    use std::path::{Path, PathBuf};

    const VERSIONS: [&str; 2] = ["comfyui-0.3.64", "comfyui-0.33.0"];

    fn folder(version: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(version)
    }

    fn lines(path: &Path) -> Vec<Value> {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The recorded events of jobs, by prompt id.
    pub(crate) fn job_events(version: &str, name: &str) -> Vec<(String, Event)> {
        let lines = lines(&folder(version).join(format!("{name}.jsonl")));
        let messages = lines.iter().filter(|line| line["kind"] == "text").map(|line| line["msg"].to_string());
        let job = |text: String| match Message::read(&text) {
            Message::Job(id, event) => Some((id, event)),
            Message::Status(_) | Message::Other => None,
        };
        messages.filter_map(job).collect()
    }

    /// The recorded binary messages.
    pub(crate) fn binary(version: &str, name: &str) -> Vec<Vec<u8>> {
        let lines = lines(&folder(version).join(format!("{name}.jsonl")));
        lines.iter().filter_map(|line| line["base64"].as_str()).map(from_base64).collect()
    }

    fn from_base64(text: &str) -> Vec<u8> {
        const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let value = |digit: u8| u32::try_from(DIGITS.iter().position(|&known| known == digit).unwrap()).unwrap();
        let digits: Vec<u8> = text.bytes().filter(|&digit| digit != b'=').collect();
        let bytes = |group: &[u8]| {
            let number = group.iter().fold(0, |number, &digit| number << 6 | value(digit)) << (6 * (4 - group.len()));
            number.to_be_bytes()[1..group.len()].to_vec()
        };
        digits.chunks(4).flat_map(bytes).collect()
    }

    #[test]
    fn every_recorded_message_is_read() {
        const OF_JOBS: [&str; 7] = [
            "execution_start",
            "execution_cached",
            "executing",
            "progress",
            "execution_success",
            "execution_error",
            "execution_interrupted",
        ];
        for version in VERSIONS {
            let files = std::fs::read_dir(folder(version)).unwrap().map(|entry| entry.unwrap().path());
            let sequences = files.filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
            let mut depths = Vec::new();
            for (path, line) in
                sequences.flat_map(|path| lines(&path).into_iter().map(move |line| (path.clone(), line)))
            {
                if line["kind"] != "text" {
                    continue;
                }
                let kind = line["msg"]["type"].as_str().unwrap();
                let has_id = line["msg"]["data"]["prompt_id"].is_string();
                match Message::read(&line["msg"].to_string()) {
                    Message::Status(depth) => {
                        assert_eq!(kind, "status", "{path:?}: {line}");
                        depths.push(depth.expect("every recorded status has a depth"));
                    }
                    Message::Job(..) => assert!(OF_JOBS.contains(&kind) && has_id, "{path:?}: {line}"),
                    Message::Other => {
                        let is_passed_over = ["executed", "progress_state", "feature_flags"].contains(&kind);
                        assert!(is_passed_over || !has_id, "{path:?}: {line}");
                    }
                }
            }
            assert!(depths.contains(&0) && depths.contains(&1), "{version}: {depths:?}");
        }
    }

    #[test]
    fn a_job_is_told_from_its_start_to_its_end() {
        let node = |name: &str| Event::Node(name.to_owned());
        for version in VERSIONS {
            let events = job_events(version, "ws_events");
            let told: Vec<&Event> = events.iter().map(|(_, event)| event).collect();
            let cached = Event::Cached(Vec::new());
            let expected = [&Event::Started, &cached, &node("1"), &node("2"), &Event::Over, &Event::Over];
            assert_eq!(told, expected, "{version}");
            assert!(events.iter().all(|(id, _)| *id == events[0].0));
        }
    }

    #[test]
    fn every_way_to_end_is_an_end() {
        for version in VERSIONS {
            for (name, ends) in [("ws_events_error", 2), ("ws_events_interrupted", 2), ("ws_events_cached", 2)] {
                let events = job_events(version, name);
                let count = events.iter().filter(|(_, event)| *event == Event::Over).count();
                assert_eq!(count, ends, "{version} {name}: {events:?}");
            }
        }
    }

    #[test]
    fn what_names_no_job_is_nobodys() {
        // The first message to a client that is back after its socket broke.
        assert_eq!(Message::read(r#"{"type": "executing", "data": {"node": "3"}}"#), Message::Other);
    }

    #[test]
    fn the_large_repetition_is_not_read() {
        let text = r#"{"type": "progress_state", "data": {"prompt_id": "x", "nodes": {"#;
        assert_eq!(Message::read(text), Message::Other);
        let spoken = r#"{"type": "executing", "data": {"node": "\"progress_state\"", "prompt_id": "x"}}"#;
        assert_eq!(Message::read(spoken), Message::Job("x".to_owned(), Event::Node("\"progress_state\"".to_owned())));
    }

    #[test]
    fn the_first_status_carries_the_id() {
        let text = r#"{"type": "status", "data": {"status": {"exec_info": {"queue_remaining": 2}}, "sid": "11"}}"#;
        assert_eq!(Message::read(text), Message::Status(Some(2)));
    }

    #[test]
    fn odd_messages_are_passed_over() {
        let odd = [
            "",
            "null",
            "[]",
            "{}",
            "{\"type\": 7}",
            "{\"type\": \"status",
            "{\"type\": \"logs\", \"data\": NaN}",
            r#"{"type": "progress", "data": {"value": NaN, "max": 3, "prompt_id": "x"}}"#,
            r#"{"type": "execution_cached", "data": {"nodes": null, "prompt_id": "x"}}"#,
            r#"{"type": "execution_start", "data": {"prompt_id": 7}}"#,
        ];
        for text in odd {
            assert_eq!(Message::read(text), Message::Other, "{text}");
        }
        assert_eq!(Message::read(r#"{"type": "status", "data": {"status": NaN}}"#), Message::Status(None));
    }
}

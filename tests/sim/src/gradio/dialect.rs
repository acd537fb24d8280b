//! How a generation writes what it says.

use crate::json::{Json, list, object};

/// A generation, by what differs on the wire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Dialect {
    /// 3.14: a socket, files inside the messages, no progress.
    Inline,
    /// 3.34 and 3.50: a socket, and uploads.
    Socket,
    /// 4.0: a stream that asks for the data.
    Sse,
    /// 4.12: posted calls, plain intermediate values.
    SseV1,
    /// 4.17 to 4.23: posted calls, intermediate values as differences.
    SseV2,
    /// From 4.24 on: the same, and the stream is closed with a word.
    SseV3,
}

impl Dialect {
    pub(super) fn is_socket(self) -> bool {
        matches!(self, Dialect::Inline | Dialect::Socket)
    }

    pub(super) fn has_sessions(self) -> bool {
        matches!(self, Dialect::SseV1 | Dialect::SseV2 | Dialect::SseV3)
    }

    pub(super) fn has_progress(self) -> bool {
        self != Dialect::Inline
    }

    pub(super) fn has_logs(self, version: &str) -> bool {
        self != Dialect::Inline && version != "3.34.0"
    }

    /// As text, with Python's spaces before 4.44.
    pub(super) fn write(self, message: &Json) -> String {
        if self == Dialect::SseV3 || self.is_socket() { message.to_compact() } else { message.to_python() }
    }

    /// A file among the values.
    pub(super) fn file(self, path: &str) -> Json {
        let name = path.rsplit('/').next().unwrap_or_default();
        match self {
            Dialect::Inline => object! { "name" => path, "data" => Json::Null, "is_file" => true },
            Dialect::Socket => {
                object! { "name" => path, "data" => Json::Null, "is_file" => true, "orig_name" => name }
            }
            Dialect::Sse => object! {
                "path" => path, "url" => Json::Null, "size" => Json::Null, "orig_name" => name, "mime_type" => Json::Null
            },
            Dialect::SseV1 | Dialect::SseV2 | Dialect::SseV3 => object! {
                "path" => path, "url" => format!("http://elsewhere.example/file={path}"), "size" => Json::Null,
                "orig_name" => name, "mime_type" => Json::Null, "is_stream" => false,
                "meta" => object! { "_type" => "gradio.FileData" },
            },
        }
    }

    /// A video among the values.
    pub(super) fn video(self, path: &str, version: &str) -> Json {
        let file = self.file(path);
        match self {
            Dialect::Inline => file,
            Dialect::Socket => list![file, Json::Null],
            _ if version.starts_with("6.") => file,
            _ => object! { "video" => file, "subtitles" => Json::Null },
        }
    }

    /// The words of a `gr.Error`, which are a `repr` before Gradio 5.
    pub(super) fn error(self, text: &str, version: &str) -> Json {
        let is_plain = version.starts_with("5.") || version.starts_with("6.");
        if is_plain { Json::from(text) } else { Json::from(format!("'{text}'")) }
    }

    /// An intermediate value after the first one.
    pub(super) fn change(self, text: &str) -> Json {
        match self {
            Dialect::SseV2 | Dialect::SseV3 => list![list![list!["replace", Json::List(Vec::new()), text]]],
            _ => list![text],
        }
    }
}

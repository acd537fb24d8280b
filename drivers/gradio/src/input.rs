//! What a call takes: values, and files whose bytes never pass through a driver.

use mdd_driver_api::abi::{Segment, SegmentKind};
use mdd_driver_api::model::JobFile;
use serde_json::{Value, json};

/// One input of a function.
#[derive(Debug, Clone)]
pub enum Input {
    /// A value as it is.
    Value(Value),
    /// A file of the job within the message, in base64: Gradio 3, which may have no uploads.
    Inline(JobFile),
}

impl From<Value> for Input {
    fn from(value: Value) -> Self {
        Self::Value(value)
    }
}

/// An uploaded file as an input since Gradio 4.
pub fn file_data(path: &str, name: &str) -> Value {
    json!({"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}})
}

/// An uploaded file as an input of Gradio 3.
pub fn file_of_3(path: &str, name: &str) -> Value {
    json!({"name": path, "data": null, "is_file": true, "orig_name": name})
}

/// The message with the inputs as `data` and with these other fields.
pub(crate) fn message(data: &[Input], fields: &[(&str, Value)]) -> Vec<Segment> {
    let mut message = Writing::default();
    message.text.push_str("{\"data\":[");
    for (place, input) in data.iter().enumerate() {
        if place > 0 {
            message.text.push(',');
        }
        message.input(input);
    }
    message.text.push(']');
    for (name, value) in fields {
        message.text.push_str(&format!(",{}:{value}", Value::from(*name)));
    }
    message.text.push('}');
    message.finish()
}

/// Text with files in between.
#[derive(Default)]
struct Writing {
    segments: Vec<Segment>,
    text: String,
}

impl Writing {
    fn input(&mut self, input: &Input) {
        match input {
            Input::Value(value) => self.text.push_str(&value.to_string()),
            Input::Inline(file) => {
                let start = format!("data:{};base64,", media_type(file));
                let start = Value::from(start).to_string();
                self.text.push_str(&format!("{{\"name\":{},\"data\":", Value::from(file.name.as_str())));
                // The closing quote comes after the bytes, which are no text that needs escapes.
                self.text.push_str(start.trim_end_matches('"'));
                self.segments.push(Segment::bytes(std::mem::take(&mut self.text)));
                self.segments.push(Segment::named(SegmentKind::FILE_BASE64, &file.handle));
                self.text.push_str("\"}");
            }
        }
    }

    fn finish(mut self) -> Vec<Segment> {
        self.segments.push(Segment::bytes(self.text));
        self.segments
    }
}

fn media_type(file: &JobFile) -> &str {
    let is_plain = file.media_type.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/.+-".contains(&byte));
    if is_plain && !file.media_type.is_empty() { &file.media_type } else { "application/octet-stream" }
}

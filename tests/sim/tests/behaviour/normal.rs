//! Making two answers comparable: what differs from run to run is replaced.

use serde_json::{Map, Value, json};

/// Members that hold a time or a size of the machine.
const VARYING: [&str; 13] = [
    "timestamp",
    "create_time",
    "created",
    "execution_start_time",
    "execution_end_time",
    "ram_total",
    "ram_free",
    "vram_total",
    "vram_free",
    "torch_vram_total",
    "torch_vram_free",
    "x-litellm-response-duration-ms",
    "x-litellm-callback-duration-ms",
];

/// Members that hold a Python set as a list.
const UNORDERED: [&str; 2] = ["executed", "current_outputs"];

/// Replaces ids (each by its place in the order of appearance), times, sizes and random names.
#[derive(Default)]
pub(crate) struct Normal {
    ids: Vec<String>,
}

impl Normal {
    pub(crate) fn value(&mut self, value: &Value) -> Value {
        match value {
            Value::Object(members) => Value::Object(self.members(members)),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::String(text) => Value::String(self.text(text)),
            other => other.clone(),
        }
    }

    fn members(&mut self, members: &Map<String, Value>) -> Map<String, Value> {
        let one = |(key, value): (&String, &Value)| {
            let value = match key.as_str() {
                key if VARYING.contains(&key) => json!("<varies>"),
                key if UNORDERED.contains(&key) => sorted(&self.value(value)),
                _ => self.value(value),
            };
            (self.text(key), value)
        };
        members.iter().map(one).collect()
    }

    fn text(&mut self, text: &str) -> String {
        if let Some(rest) = text.strip_prefix("chatcmpl-").filter(|rest| is_uuid(rest)) {
            return format!("chatcmpl-{}", self.text(rest));
        }
        if let Some(rest) = text.strip_prefix("ComfyUI_temp_") {
            return format!("ComfyUI_temp_<letters>{}", rest.get(5..).unwrap_or_default());
        }
        if !is_uuid(text) {
            return text.to_owned();
        }
        let place = self.ids.iter().position(|id| id == text).unwrap_or_else(|| {
            self.ids.push(text.to_owned());
            self.ids.len() - 1
        });
        format!("<id {place}>")
    }
}

/// One value by itself.
pub(crate) fn normal(value: &Value) -> Value {
    Normal::default().value(value)
}

fn sorted(value: &Value) -> Value {
    let mut items = value.as_array().cloned().unwrap_or_default();
    items.sort_by_key(Value::to_string);
    Value::Array(items)
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    lengths == [8, 4, 4, 4, 12] && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Replaces what stands between each `start` and the next `end`.
pub(crate) fn masked(text: &str, start: &str, end: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(start) {
        let (head, tail) = rest.split_at(at + start.len());
        out.push_str(head);
        out.push('…');
        rest = &tail[tail.find(end).unwrap_or(tail.len())..];
    }
    out + rest
}

/// Compares two values after normalisation and names the first place where they differ.
pub(crate) fn assert_same(got: &Value, expected: &Value, context: &str) {
    if let Some(difference) = difference(&normal(got), &normal(expected), "") {
        panic!("{context}: {difference}");
    }
}

fn difference(got: &Value, expected: &Value, path: &str) -> Option<String> {
    match (got, expected) {
        (Value::Object(got), Value::Object(expected)) => {
            let missing =
                expected.keys().find(|key| !got.contains_key(*key)).map(|key| format!("{path}.{key} is missing"));
            let surplus = got.keys().find(|key| !expected.contains_key(*key)).map(|key| format!("{path}.{key} is new"));
            let differs =
                || got.iter().find_map(|(key, value)| difference(value, &expected[key], &format!("{path}.{key}")));
            missing.or(surplus).or_else(differs)
        }
        (Value::Array(got), Value::Array(expected)) => {
            let pairs = got.iter().zip(expected).enumerate();
            let differs = pairs
                .into_iter()
                .find_map(|(index, (got, expected))| difference(got, expected, &format!("{path}[{index}]")));
            let lengths = || format!("{path} has {} items, not {}", got.len(), expected.len());
            differs.or_else(|| (got.len() != expected.len()).then(lengths))
        }
        _ => (got != expected).then(|| format!("{path} is {got}, not {expected}")),
    }
}

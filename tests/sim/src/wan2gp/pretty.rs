//! `json.dumps(…, indent=2)`, as results of tools are written for people.

use crate::json::Json;

/// The value over several lines.
pub(super) fn pretty(value: &Json) -> String {
    let mut out = String::new();
    write(&mut out, value, 0);
    out
}

fn write(out: &mut String, value: &Json, depth: usize) {
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    };
    match value {
        Json::List(items) if !items.is_empty() => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                line(out, depth + 1);
                write(out, item, depth + 1);
            }
            line(out, depth);
            out.push(']');
        }
        Json::Object(members) if !members.is_empty() => {
            out.push('{');
            for (index, (key, item)) in members.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                line(out, depth + 1);
                out.push_str(&Json::from(key).to_compact());
                out.push_str(": ");
                write(out, item, depth + 1);
            }
            line(out, depth);
            out.push('}');
        }
        plain => out.push_str(&plain.to_compact()),
    }
}

//! Text from peers: made printable, split into lines and events, read as JSON with Python's extras.

mod body;
mod events;
mod json;
mod lines;

pub(crate) use body::body_in_words;
pub use events::{ServerEvent, ServerEvents, sse};
pub use json::lenient_json;
pub use lines::{Lines, lines};

/// At most `max` characters of a peer's text on one line, without control and direction characters.
pub fn printable(text: &str, max: usize) -> String {
    let hidden = |c: char| {
        c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut visible = text.trim().chars().map(|c| if hidden(c) { ' ' } else { c });
    let mut out: String = visible.by_ref().take(max).collect();
    out.truncate(out.trim_end().len());
    if visible.next().is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn a_peer_cannot_draw_on_the_terminal() {
        assert_eq!(printable("\u{1b}[31mred\r\nline\u{202e}", 40), " [31mred  line");
        assert_eq!(printable("abcdef", 3), "abc…");
    }
}

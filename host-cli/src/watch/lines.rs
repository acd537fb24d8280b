//! Text made to fit a screen: nothing is cut without a sign.

use ratatui::text::Span;

/// One line, with `…` for what has no room.
pub(super) fn fit(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let (head, _) = text.split_at(end_within(text, width.saturating_sub(1)));
    if width == 0 { String::new() } else { format!("{}…", head.trim_end()) }
}

/// Lines broken between words where that is possible.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = text.trim_end();
    while columns(rest) > width.max(1) {
        let end = end_within(rest, width.max(1));
        // A space just behind the end is a place to break as well.
        let next = rest[end..].chars().next().map_or(end, |c| end + c.len_utf8());
        let indent = rest.len() - rest.trim_start().len();
        let end = rest[..next].rfind(' ').filter(|at| *at > indent).unwrap_or(end);
        // A character may be wider than the screen.
        let end = if end == 0 { next } else { end };
        lines.push(rest[..end].trim_end().to_owned());
        rest = rest[end..].trim_start();
    }
    if !rest.is_empty() || lines.is_empty() {
        lines.push(rest.to_owned());
    }
    lines
}

/// At most so many lines, the last with `…` for what has no room.
pub(super) fn wrapped_within(text: &str, width: usize, most: usize) -> Vec<String> {
    let mut lines = wrapped(text, width);
    if lines.len() > most {
        let rest = lines.split_off(most.saturating_sub(1)).join(" ");
        lines.push(fit(&rest, width));
    }
    lines
}

/// How many columns of a screen a text takes.
fn columns(text: &str) -> usize {
    Span::raw(text).width()
}

/// Where the part ends that has room in so many columns.
fn end_within(text: &str, width: usize) -> usize {
    let mut taken = 0;
    let over = text.char_indices().find(|(_, c)| {
        taken += columns(c.encode_utf8(&mut [0; 4]));
        taken > width
    });
    over.map_or(text.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::{fit, wrapped, wrapped_within};

    #[test]
    fn what_has_no_room_leaves_a_sign() {
        assert_eq!(fit("a lamp", 6), "a lamp");
        assert_eq!(fit("a lamp is dark", 8), "a lamp…");
        assert_eq!(fit("灯灯灯", 4), "灯…", "wide characters take two columns");
        assert_eq!((fit("lamp", 1).as_str(), fit("lamp", 0).as_str()), ("…", ""));
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrapped("a lamp is dark", 9), ["a lamp is", "dark"]);
        assert_eq!(wrapped("lamplight is", 4), ["lamp", "ligh", "t is"], "a long word is broken");
        assert_eq!(wrapped("  → a lamp", 5), ["  → a", "lamp"], "an indent stays");
        assert_eq!(wrapped("", 5), [""]);
        assert_eq!(wrapped("灯", 1), ["灯"], "it ends on the smallest screen");
        assert_eq!(wrapped("灯灯", 0), ["灯", "灯"]);
    }

    #[test]
    fn lines_are_as_many_as_there_is_room_for() {
        assert_eq!(wrapped_within("a lamp is dark at night", 9, 2), ["a lamp is", "dark at…"]);
        assert_eq!(wrapped_within("a lamp", 9, 2), ["a lamp"]);
    }
}

//! Takes a server's folders out of what it says: they hold user names and are nobody's business.

use mdd_driver_api::text::printable;

/// A server's text on one line, with file names in place of absolute paths.
pub(crate) fn without_folders(text: &str, max: usize) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.chars().next() {
        let quoted = matches!(start, '\'' | '"').then(|| rest[1..].find(start).map(|end| &rest[..end + 2])).flatten();
        // A path in quotes may hold spaces.
        let token = match quoted.filter(|quoted| is_path(&quoted[1..quoted.len() - 1])) {
            Some(quoted) => quoted,
            None if is_between(start) => &rest[..start.len_utf8()],
            None => &rest[..rest.find(is_between).unwrap_or(rest.len())],
        };
        if token.len() > 1 && token.starts_with(start) && matches!(start, '\'' | '"') {
            out.push(start);
            out.push_str(file_name(&token[1..token.len() - 1]));
            out.push(start);
        } else if is_path(token) {
            out.push_str(file_name(token));
        } else {
            out.push_str(token);
        }
        rest = &rest[token.len()..];
    }
    printable(&out, max)
}

fn is_between(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\'' | '"' | '(' | ')' | '[' | ']' | '<' | '>' | ',' | ';' | '=')
}

/// Absolute on any system, or the rest of one after a space.
fn is_path(token: &str) -> bool {
    let bytes = token.as_bytes();
    let has_drive = bytes.len() > 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':' && is_separator(bytes[2]);
    let has_root = token.starts_with("/") && token[1..].contains('/') || token.starts_with("\\\\");
    has_drive || has_root || token.starts_with("~/") || token.matches('\\').count() > 1
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\')
}

/// The last part when it is the name of a file: a folder's may be that of its owner.
fn file_name(path: &str) -> &str {
    let path = path.trim_end_matches([':', '.']);
    let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
    if name.contains('.') { name } else { "…" }
}

#[cfg(test)]
mod tests {
    use super::without_folders;

    fn told(text: &str) -> String {
        without_folders(text, 400)
    }

    #[test]
    fn paths_become_file_names() {
        for (text, expected) in [
            ("No such file: '/home/artist/Comfy UI/models/vae/x.pt'", "No such file: 'x.pt'"),
            ("cannot open \"C:\\Users\\Jo Doe\\ComfyUI\\a.png\" now", "cannot open \"a.png\" now"),
            ("in /home/artist/ComfyUI/execution.py, line 5", "in execution.py, line 5"),
            ("cwd C:\\Users\\Jo Doe\\ComfyUI\\input", "cwd … …"),
            ("cwd=/home/artist", "cwd=…"),
            ("\\\\nas\\share\\m.ckpt: bad", "m.ckpt bad"),
            ("see ~/models/x.bin", "see x.bin"),
        ] {
            assert_eq!(told(text), expected, "{text}");
        }
    }

    #[test]
    fn other_text_stays_as_it_is() {
        for text in [
            "lab error on purpose",
            "mat1 and mat2 shapes cannot be multiplied (77x768 and 1024x320)",
            "it's 3/4 of \"sub/v1.ckpt\" and can't",
            "'9'",
            "a\\nb",
            "'",
            "",
        ] {
            assert_eq!(told(text), text);
        }
        assert_eq!(told("two\nlines\u{1b}[31m"), "two lines [31m");
    }
}

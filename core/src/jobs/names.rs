//! Names that services give to results, made safe for every system that the folder may be carried to.

/// Longest name, in bytes: below every system's limit, with room for a number and for the folders above.
const MAX_LEN: usize = 120;
/// A longer ending after a dot is no extension, in bytes.
const MAX_EXTENSION: usize = 16;
/// For what has no name of its own.
const NAMELESS: &str = "result";
/// Devices of Windows, with any extension.
const DEVICES: [&str; 7] = ["CON", "PRN", "AUX", "NUL", "CLOCK$", "CONIN$", "CONOUT$"];

/// One plain file name out of whatever a service wrote.
pub(super) fn safe(given: &str) -> String {
    let cleaned = given.rsplit(['/', '\\']).map(cleaned).find(|part| !part.is_empty());
    let name = match cleaned {
        None => NAMELESS.to_owned(),
        // Files that begin with a dot are hidden, and ours alone.
        Some(part) if part.starts_with('.') => format!("{NAMELESS}{part}"),
        // Programs take these for options and home folders.
        Some(part) if part.starts_with(['-', '~']) => format!("_{}", &part[1..]),
        Some(part) if is_device(&part) => format!("_{part}"),
        Some(part) => part,
    };
    shortened(&name)
}

/// The name with a number, from 2 on: `a (2).png`.
pub(super) fn numbered(name: &str, number: u32) -> String {
    if number < 2 {
        return name.to_owned();
    }
    let (stem, extension) = split(name);
    format!("{stem} ({number}){extension}")
}

/// What two names have in common that some system holds for the same file.
pub(super) fn key(name: &str) -> String {
    name.to_lowercase()
}

/// Without what is invisible, and with `_` for what some system does not allow.
fn cleaned(part: &str) -> String {
    let visible = part.chars().filter(|&c| !is_hidden(c));
    let allowed: String = visible.map(|c| if is_forbidden(c) { '_' } else { c }).collect();
    // Windows drops dots and spaces at the end without a word.
    allowed.trim_start().trim_end_matches(|c: char| c == '.' || c.is_whitespace()).to_owned()
}

/// Controls, and what changes the direction or the look of the text around it.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Not allowed on Windows, or the same as a separator to an old program there.
fn is_forbidden(c: char) -> bool {
    matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*' | '∕' | '／' | '⁄' | '⧸' | '＼' | '⧹' | '：')
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let is_port = ["COM", "LPT"].iter().any(|port| {
        stem.strip_prefix(port).is_some_and(|rest| {
            let mut rest = rest.chars();
            matches!((rest.next(), rest.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
        })
    });
    is_port || DEVICES.contains(&stem.as_str())
}

fn shortened(name: &str) -> String {
    if name.len() <= MAX_LEN {
        return name.to_owned();
    }
    let (stem, extension) = split(name);
    let stem = &stem[..stem.floor_char_boundary(MAX_LEN - extension.len())];
    format!("{}{extension}", stem.trim_end_matches(|c: char| c == '.' || c.is_whitespace()))
}

/// Stem and extension with its dot.
fn split(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(dot) if dot > 0 && name.len() - dot <= MAX_EXTENSION => name.split_at(dot),
        _ => (name, ""),
    }
}

#[cfg(test)]
pub(super) mod tests;

//! Files as the rules see them: Rust without its comments and literals.

use crate::workspace;
use anyhow::Result;
use std::fs;

/// One text file of the repository.
#[derive(Debug)]
pub(super) struct File {
    /// Relative to the root, with `/` between folders.
    pub(super) path: String,
    pub(super) text: String,
    /// A Rust file's text with spaces in place of comments and literals, so that lines keep their numbers.
    pub(super) code: Option<String>,
}

impl File {
    pub(super) fn new(path: impl Into<String>, text: impl Into<String>) -> File {
        let (path, text) = (path.into(), text.into());
        let code = path.ends_with(".rs").then(|| without_comments_and_literals(&text));
        File { path, text, code }
    }

    /// Whether the file lies in that folder.
    pub(super) fn is_in(&self, folder: &str) -> bool {
        self.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Lines of text with their numbers.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        numbered(&self.text)
    }

    /// Lines of Rust code with their numbers; none where the file holds no Rust.
    pub(super) fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        numbered(self.code.as_deref().unwrap_or_default())
    }
}

/// Every file that is or would be committed and holds text.
pub(super) fn read_all() -> Result<Vec<File>> {
    let mut files = Vec::new();
    for path in workspace::files()? {
        if let Ok(text) = String::from_utf8(fs::read(workspace::root().join(&path))?) {
            files.push(File::new(path, text));
        }
    }
    Ok(files)
}

/// Whether `word` occurs in `line` and is no part of a longer identifier.
pub(super) fn has_word(line: &str, word: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].chars().next_back().is_some_and(is_part)
            && !line[at + word.len()..].chars().next().is_some_and(is_part)
    })
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

fn without_comments_and_literals(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < characters.len() {
        let rest = &characters[at..];
        let length = blank_length(rest, characters[..at].last().copied());
        if length == 0 {
            code.push(rest[0]);
            at += 1;
        } else {
            code.extend(rest[..length].iter().map(|character| if *character == '\n' { '\n' } else { ' ' }));
            at += length;
        }
    }
    code
}

/// How many characters of a comment or literal begin here, 0 for none.
fn blank_length(rest: &[char], before: Option<char>) -> usize {
    match rest {
        ['/', '/', ..] => rest.iter().position(|character| *character == '\n').unwrap_or(rest.len()),
        ['/', '*', ..] => block_comment_length(rest),
        ['"', ..] => string_length(rest),
        ['r', '"' | '#', ..]
            if !before.is_some_and(|character| character.is_alphanumeric() && !"bc".contains(character)) =>
        {
            raw_string_length(rest)
        }
        ['\'', '\\', ..] => 3 + rest.iter().skip(3).position(|character| *character == '\'').unwrap_or(0) + 1,
        ['\'', _, '\'', ..] => 3,
        _ => 0,
    }
    .min(rest.len())
}

fn block_comment_length(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0usize, 0);
    while at + 1 < rest.len() {
        match rest[at..at + 2] {
            ['/', '*'] => (depth, at) = (depth + 1, at + 2),
            ['*', '/'] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn string_length(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != '"' {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// 0 for a raw identifier such as `r#type`, which is code.
fn raw_string_length(rest: &[char]) -> usize {
    let hashes = rest[1..].iter().take_while(|character| **character == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return 0;
    }
    let begin = 2 + hashes;
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let length = rest[begin..].windows(end.len()).position(|window| window == end).map(|at| begin + at + end.len());
    length.unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn same(text: &str, code: &str) {
        assert_eq!(without_comments_and_literals(text), code);
        assert_eq!(code.chars().count(), text.chars().count());
    }

    #[test]
    fn comments_go_and_lines_stay() {
        same("a // unsafe\nb", "a          \nb");
        same("a /* x\n /* y */ z */ b", "a     \n              b");
        same("a / b * c", "a / b * c");
    }

    #[test]
    fn literals_go() {
        same(r#"f("a \" // b", 'x')"#, r#"f(           ,    )"#);
        same(r##"f(r#"a " b"#) + br"c\" + r#type"##, r##"f(          ) + b      + r#type"##);
        same(r"['\'', '\n', '\u{41}', '\\'] 'a: loop", r"[    ,     ,         ,     ] 'a: loop");
        same("&'a str", "&'a str");
    }

    #[test]
    fn a_literal_that_never_ends_takes_the_rest() {
        same("a \"b", "a   ");
        same("a /* b", "a     ");
        same("a '\\", "a   ");
    }

    #[test]
    fn words_are_whole() {
        assert!(has_word("unsafe { x }", "unsafe") && has_word("x(unsafe)", "unsafe"));
        assert!(!has_word("unsafe_code", "unsafe") && !has_word("not_unsafe", "unsafe"));
    }
}

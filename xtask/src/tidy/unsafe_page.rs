//! The chapter on unsafe code is made from the code: each block with the argument that stands above it.

use super::Finding;
use super::source::{File, has_word};
use crate::workspace;
use anyhow::{Context, Result};
use std::fmt::Write;
use std::fs;

const CHAPTER: &str = "docs/src/unsafe.md";
/// What an argument begins with.
const ARGUMENT: &str = "// SAFETY:";
/// Lines above a block within which its argument begins.
const REACH: usize = 12;
const HEAD: &str = "\
# Unsafe code

<!-- Made from the code by `MDD_UPDATE=1 cargo xtask test tidy`. -->

`unsafe` stands only where files that were built by somebody else are loaded, and where the memory of a driver is
counted: in `driver-api` and in `core/src/plugins/load`. Every other crate forbids it. These are all blocks, each with the reason
why it is sound.
";

/// A page that is not what the code says, or a block that gives no reason.
pub(super) fn check(files: &[File]) -> Result<Vec<Finding>> {
    let (page, findings) = page(files);
    if std::env::var_os("MDD_UPDATE").is_some_and(|value| value == "1") {
        let path = workspace::root().join(CHAPTER);
        return fs::write(path, page).context(CHAPTER).map(|()| findings);
    }
    let is_fresh = files.iter().any(|file| file.path == CHAPTER && file.text == page);
    let stale = (!is_fresh).then(|| Finding {
        path: CHAPTER.to_owned(),
        line: 0,
        message: "it is not what the code says; `MDD_UPDATE=1 cargo xtask test tidy` writes it anew".to_owned(),
    });
    Ok(findings.into_iter().chain(stale).collect())
}

fn page(files: &[File]) -> (String, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut page = HEAD.to_owned();
    for file in files.iter().filter(|file| is_shipped(&file.path)) {
        let blocks: Vec<(usize, &str)> = file.code_lines().filter(|(_, code)| is_block(code)).collect();
        if !blocks.is_empty() {
            let _infallible = writeln!(page, "\n## `{}`\n", file.path);
        }
        let lines: Vec<&str> = file.text.lines().collect();
        for (number, code) in blocks {
            match argument(&lines[..number - 1]) {
                Some(argument) => _ = writeln!(page, "* `{}`: {argument}", code.trim()),
                None => findings.push(Finding::new(file, number, "unsafe code with no SAFETY line above it")),
            }
        }
    }
    (page, findings)
}

fn is_shipped(path: &str) -> bool {
    path.starts_with("driver-api/src/") || path.starts_with("core/src/") && path.ends_with(".rs")
}

fn is_block(code: &str) -> bool {
    has_word(code, "unsafe") && (code.contains("unsafe {") || code.contains("unsafe impl"))
}

/// The comment above a block, as one text.
fn argument(above: &[&str]) -> Option<String> {
    let from = above.iter().rposition(|line| line.trim().starts_with(ARGUMENT))?;
    if above.len() - from > REACH {
        return None;
    }
    let comment = above[from..].iter().map(|line| line.trim()).take_while(|line| line.starts_with("//"));
    let words = comment.map(|line| line.trim_start_matches(ARGUMENT).trim_start_matches("//").trim());
    Some(words.collect::<Vec<_>>().join(" ").trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::{File, page};

    #[test]
    fn a_block_stands_with_its_argument() {
        let text = "//! x\nfn f() {\n    // SAFETY: the pointer\n    // lives.\n    let x = unsafe { *p };\n}\n";
        let (shown, findings) = page(&[File::new("core/src/plugins/load.rs", text)]);
        assert!(
            shown.contains("## `core/src/plugins/load.rs`\n\n* `let x = unsafe { *p };`: the pointer lives.\n"),
            "{shown}"
        );
        assert!(findings.is_empty());
    }

    #[test]
    fn a_block_without_one_is_found() {
        let text = "//! unsafe { }\nfn f() { unsafe { g() } }\n";
        assert_eq!(page(&[File::new("driver-api/src/x.rs", text)]).1.len(), 1);
        assert!(page(&[File::new("tests/x.rs", text)]).1.is_empty());
    }
}

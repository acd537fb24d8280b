//! The form of source files: their first line, their length, and tests that really run.

use super::Finding;
use super::source::File;

/// Lines from which a file is mentioned, and beyond which it fails.
const LONG: usize = 500;
const TOO_LONG: usize = 800;

pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let sources = files.iter().filter(|file| file.path.ends_with(".rs") || file.path.ends_with(".py"));
    sources.flat_map(|file| headless(file).into_iter().chain(idle_tests(file)).chain(length(file))).collect()
}

fn headless(file: &File) -> Option<Finding> {
    let first = file.text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let says = !file.path.ends_with(".rs") || first.strip_prefix("//!").is_some_and(|rest| !rest.trim().is_empty());
    (!says).then(|| Finding::new(file, 1, "a module starts with a //! line that says what it does"))
}

fn idle_tests(file: &File) -> Vec<Finding> {
    let idle = |text: &str| {
        let attribute = text.contains("#[") || text.contains("cfg_attr");
        ["ignore", "should_panic"].into_iter().find(|word| attribute && super::source::has_word(text, word))
    };
    let lines = file.code_lines().filter_map(|(line, text)| Some((line, idle(text)?)));
    lines
        .map(|(line, word)| Finding::new(file, line, format!("#[{word}]: a test runs, and says what it expects")))
        .collect()
}

fn length(file: &File) -> Option<Finding> {
    let lines = file.text.lines().count();
    if file.is_in("tests/fixtures") || lines <= LONG {
        return None;
    }
    if lines <= TOO_LONG {
        println!("note: {} has {lines} lines", file.path);
        return None;
    }
    Some(Finding::new(file, TOO_LONG, format!("{lines} lines are more than {TOO_LONG}: look for the seam")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(path: &str, text: &str) -> Vec<(usize, String)> {
        check(&[File::new(path, text)]).into_iter().map(|finding| (finding.line, finding.message)).collect()
    }

    #[test]
    fn a_module_says_what_it_is() {
        assert_eq!(messages("core/src/a.rs", "use std::fs;").len(), 1);
        assert_eq!(messages("core/src/a.rs", "//!\nuse std::fs;").len(), 1);
        assert!(messages("core/src/a.rs", "//! Files.\nuse std::fs;").is_empty());
        assert!(messages("tests/real/a.py", "import os").is_empty());
    }

    #[test]
    fn tests_that_do_not_run_are_found() {
        let text = "//! a\n#[ignore]\n#[ignore = \"slow\"]\n#[should_panic(expected = \"x\")]\n#[cfg_attr(unix, ignore)]\nlet ignore = 1;\n// #[ignore]\n";
        let lines: Vec<usize> = messages("core/src/a.rs", text).into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [2, 3, 4, 5]);
    }

    #[test]
    fn a_file_has_a_greatest_length() {
        let text = |lines: usize| format!("//! a\n{}", "\n".repeat(lines - 1));
        assert!(messages("core/src/a.rs", &text(TOO_LONG)).is_empty());
        assert_eq!(messages("core/src/a.rs", &text(TOO_LONG + 1)).len(), 1);
        assert!(messages("tests/fixtures/a.py", &text(TOO_LONG + 1)).is_empty());
    }
}

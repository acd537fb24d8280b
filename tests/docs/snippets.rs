//! Files that a page shows stand in it word for word, so that it reads the same in any viewer, and are never old.

use crate::page::{Page, book, root};
use std::{env, fs, path::Path};

/// Stands in the line before a block of code that is a file, whose path from the page follows.
const MARK: &str = "<!-- file: ";

#[test]
fn files_that_are_shown_are_fresh() {
    let folder = root().join("docs/src");
    let mut shown = 0;
    for Page { path, .. } in book() {
        let page = fs::read_to_string(&path).unwrap();
        shown += page.matches(MARK).count();
        let fresh = with_files(&page, &folder);
        if env::var_os("MDD_UPDATE").is_some_and(|value| value == "1") {
            fs::write(&path, &fresh).unwrap();
        }
        assert!(
            fs::read_to_string(&path).unwrap() == fresh,
            "{} shows an old file; `MDD_UPDATE=1 cargo test -p mdd-tests --test docs files_that_are_shown` writes it anew",
            path.display()
        );
    }
    assert!(shown > 0, "no page shows a file");
}

/// The page with each block that is a file as that file is now.
fn with_files(page: &str, folder: &Path) -> String {
    let mut lines = page.lines();
    let mut fresh = String::new();
    while let Some(line) = lines.next() {
        fresh.push_str(&format!("{line}\n"));
        let Some(file) = line.strip_prefix(MARK).and_then(|rest| rest.strip_suffix(" -->")) else { continue };
        let fence = lines.next().filter(|line| line.starts_with("```")).expect("a block follows the mark");
        assert!(lines.by_ref().any(|line| line == "```"), "the block of {file} ends");
        let text = fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        fresh.push_str(&format!("{fence}\n{}\n```\n", text.trim_end()));
    }
    fresh
}

#[test]
fn an_old_file_is_replaced_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("new.json"), "{}\n").unwrap();
    let page = "a\n\n<!-- file: new.json -->\n```json\nold\n```\nb\n\n```sh\nls\n```\n";
    let fresh = with_files(page, folder.path());
    assert_eq!(fresh, "a\n\n<!-- file: new.json -->\n```json\n{}\n```\nb\n\n```sh\nls\n```\n");
    assert_eq!(with_files(&fresh, folder.path()), fresh);
}

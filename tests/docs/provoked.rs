//! The lists of what tests provoke are whole: every code and every step of a connection has a test, which exists, or the
//! reason why none provokes it. That the test really sees it is the lane `provoked`'s to say.

use crate::{assert_same, page::root, source};
use mdd_core::connection::Step;
use std::{collections::BTreeSet, fs, iter, path::Path};
use xtask::workspace;

/// A line of a list.
struct Line {
    /// `code needs-key` or `step dial→identify`.
    what: String,
    /// Binary and name.
    test: Option<(String, String)>,
}

fn lines(list: &Path) -> Vec<Line> {
    let text = fs::read_to_string(list).unwrap_or_else(|error| panic!("{}: {error}", list.display()));
    let line = |line: &str| match line.split(' ').collect::<Vec<_>>()[..] {
        ["open", class, name, _, ..] => Line { what: format!("{class} {name}"), test: None },
        [class, name, binary, test] => {
            Line { what: format!("{class} {name}"), test: Some((binary.to_owned(), test.to_owned())) }
        }
        _ => panic!("a line names what, binary and test, or is open with a reason: {line}"),
    };
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(line).collect()
}

#[track_caller]
fn assert_whole(list: &Path, codes: &BTreeSet<String>, steps: impl Iterator<Item = Step>) {
    let codes = codes.iter().map(|code| format!("code {code}"));
    let wanted: BTreeSet<String> = codes.chain(steps.map(|step| format!("step {step}"))).collect();
    let lines = lines(list);
    let listed: BTreeSet<String> = lines.iter().map(|line| line.what.clone()).collect();
    assert_same(&wanted, &listed, &list.display().to_string());
    assert_eq!(listed.len(), lines.len(), "{}: one line is enough for each", list.display());
}

#[test]
fn every_code_and_every_step_has_a_test_that_provokes_it() {
    assert_whole(&workspace::provoked(), &source::codes_of_the_host(), Step::all());
    for driver in source::drivers() {
        assert_whole(&driver.folder.join("provoked.txt"), &driver.codes, iter::empty());
    }
}

#[test]
fn every_test_of_the_lists_exists() {
    let drivers = workspace::drivers().unwrap();
    let lists = drivers.iter().map(workspace::Driver::provoked).chain([workspace::provoked()]);
    for (binary, test) in lists.flat_map(|list| lines(&list)).filter_map(|line| line.test) {
        let folder = root().join("tests").join(binary.strip_prefix("mdd-tests::").unwrap());
        let (modules, name) = test.rsplit_once("::").unwrap_or(("main", &test));
        let file = folder.join(modules.replace("::", "/")).with_extension("rs");
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        // Some are made by a macro.
        let is_there = text.contains(&format!("fn {name}(")) || text.contains(&format!(" {name}:"));
        assert!(is_there, "{} has no test {name}", file.display());
    }
}

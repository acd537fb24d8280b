//! The list of what tests provoke is whole: every code and every step of a connection has a test, which exists, or the
//! reason why none provokes it. That the test really sees it is the lane `provoked`'s to say.

use crate::{assert_same, page::root, source};
use mdd_core::connection::Step;
use std::{collections::BTreeSet, fs};

/// A line of the list.
struct Line {
    /// `code needs-key` or `step dial→identify`.
    what: String,
    /// Binary and name.
    test: Option<(String, String)>,
}

fn lines() -> Vec<Line> {
    let text = fs::read_to_string(root().join("tests/provoked.txt")).unwrap();
    let line = |line: &str| match line.split(' ').collect::<Vec<_>>()[..] {
        ["open", class, name, _, ..] => Line { what: format!("{class} {name}"), test: None },
        [class, name, binary, test] => {
            Line { what: format!("{class} {name}"), test: Some((binary.to_owned(), test.to_owned())) }
        }
        _ => panic!("a line names what, binary and test, or is open with a reason: {line}"),
    };
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(line).collect()
}

#[test]
fn every_code_and_every_step_has_a_test_that_provokes_it() {
    let mut wanted: BTreeSet<String> = Step::all().map(|step| format!("step {step}")).collect();
    let drivers = source::drivers().into_iter().flat_map(|driver| driver.codes);
    wanted.extend(source::codes_of_the_host().into_iter().chain(drivers).map(|code| format!("code {code}")));
    let lines = lines();
    let listed: BTreeSet<String> = lines.iter().map(|line| line.what.clone()).collect();
    assert_same(&wanted, &listed, "tests/provoked.txt");
    assert_eq!(listed.len(), lines.len(), "one line is enough for each");
}

#[test]
fn every_test_of_the_list_exists() {
    for (binary, test) in lines().into_iter().filter_map(|line| line.test) {
        let folder = root().join("tests").join(binary.strip_prefix("mdd-tests::").unwrap());
        let (modules, name) = test.rsplit_once("::").unwrap_or(("main", &test));
        let file = folder.join(modules.replace("::", "/")).with_extension("rs");
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        // Some are made by a macro.
        let is_there = text.contains(&format!("fn {name}(")) || text.contains(&format!(" {name}:"));
        assert!(is_there, "{} has no test {name}", file.display());
    }
}

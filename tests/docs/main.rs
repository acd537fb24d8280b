//! The book and the README say what is true: every code, option, variable, lane and fault has its place in them, and
//! links lead somewhere.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report, in its helpers as well")]

mod configuration;
mod help;
mod lamp;
mod links;
mod page;
mod printer;
mod protocol;
mod provoked;
mod snippets;
mod source;

use page::{Page, book};
use std::collections::BTreeSet;

fn chapter(name: &str) -> Page {
    Page::read(&page::root().join("docs/src").join(name))
}

/// Names of problems, as against the other headings of a page.
fn codes_of(page: &Page) -> BTreeSet<String> {
    page.headings().into_iter().filter(|heading| in_code(heading)).collect()
}

fn in_code(heading: &str) -> bool {
    heading.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.')
}

/// Fails with what is missing and what is left over.
#[track_caller]
fn assert_same(defined: &BTreeSet<String>, described: &BTreeSet<String>, place: &str) {
    let missing: Vec<_> = defined.difference(described).collect();
    let left_over: Vec<_> = described.difference(defined).collect();
    assert!(missing.is_empty() && left_over.is_empty(), "{place}: missing {missing:?}, left over {left_over:?}");
}

#[test]
fn every_code_has_a_section_and_no_section_is_left_over() {
    let mut defined = source::codes_of_the_host();
    defined.extend(source::drivers().into_iter().flat_map(|driver| driver.codes));
    assert_same(&defined, &codes_of(&chapter("troubleshooting.md")), "troubleshooting.md");
}

#[test]
fn every_section_about_a_problem_says_what_is_seen_why_and_what_helps() {
    let page = chapter("troubleshooting.md");
    let sections: Vec<_> = page.sections().filter(|section| in_code(&section.heading)).collect();
    assert!(sections.len() > 50, "{} sections", sections.len());
    for section in sections {
        let missing: Vec<_> =
            ["**You see**", "**Why**", "**What helps**"].iter().filter(|part| !section.text.contains(**part)).collect();
        assert!(missing.is_empty(), "{} lacks {missing:?}", section.heading);
    }
}

#[test]
fn every_refusal_has_a_section_and_no_section_is_left_over() {
    assert_same(&source::refusals(), &codes_of(&chapter("plugins.md")), "plugins.md");
}

#[test]
fn every_driver_explains_its_own_codes_in_its_own_folder() {
    for driver in source::drivers() {
        let page = Page::read(&driver.folder.join("docs.md"));
        assert_same(&driver.codes, &codes_of(&page), &page.path.display().to_string());
    }
}

#[test]
fn every_driver_names_its_variables_and_ports_in_its_own_folder() {
    for driver in source::drivers() {
        let page = Page::read(&driver.folder.join("docs.md"));
        for name in &driver.variables {
            assert!(page.text.contains(&format!("`{name}`")), "{} does not name {name}", page.path.display());
        }
        for port in &driver.ports {
            assert!(page.has_word(port), "{} does not name port {port}", page.path.display());
        }
    }
}

#[test]
fn every_chapter_is_in_the_table_of_contents() {
    let contents = chapter("SUMMARY.md");
    let listed = contents.links().into_iter().map(|link| link.target).collect();
    let written = book().iter().map(Page::name).filter(|name| name != "SUMMARY.md").collect();
    assert_same(&written, &listed, "SUMMARY.md");
}

#[test]
fn what_the_acceptance_names_is_tested() {
    let tests = source::tests();
    let page = chapter("acceptance.md");
    let mut named = 0;
    for row in page.text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| clause")) {
        let last = row.trim_end_matches([' ', '|']).rsplit_once('|').unwrap().1;
        let names = last.split('`').skip(1).step_by(2).filter(|name| !name.contains('/'));
        let before = named;
        for name in names {
            assert!(tests.contains(name), "acceptance.md names {name}, which is no test");
            named += 1;
        }
        assert!(named > before, "nothing tests: {row}");
    }
    assert!(named > 30, "{named}");
}

#[test]
fn links_lead_somewhere() {
    assert_eq!(links::broken_in_the_book(), Vec::<String>::new());
    assert_eq!(links::broken_outside_of_it(), Vec::<String>::new());
}

#[test]
fn every_option_of_every_command_is_explained() {
    let pages = book();
    let options = help::options();
    assert!(options.contains("--follow") && options.contains("--plugins"), "{options:?}");
    for option in options {
        let explained = pages.iter().any(|page| page.text.contains(&format!("`{option}")));
        assert!(explained, "no chapter explains {option}");
    }
}

#[test]
fn every_variable_that_we_read_is_explained() {
    let status = chapter("status.md");
    let variables = source::variables();
    assert!(variables.contains("MDD_STATE_DIR"), "{variables:?}");
    for name in variables {
        assert!(status.text.contains(&format!("`{name}`")), "status.md does not explain {name}");
    }
}

#[test]
fn every_lane_and_every_fault_is_explained() {
    let development = chapter("development.md");
    for name in source::lanes().into_iter().chain(source::faults()) {
        assert!(development.text.contains(&format!("`{name}`")), "development.md does not explain {name}");
    }
}

#[test]
fn every_failure_of_the_command_line_is_explained() {
    let page = chapter("command-line.md");
    let codes = source::codes_of_the_command_line();
    assert!(codes.contains("no-host"), "{codes:?}");
    for code in codes {
        assert!(page.text.contains(&format!("| `{code}` |")), "command-line.md does not explain {code}");
    }
}

#[test]
fn every_method_of_the_protocol_is_explained() {
    let page = chapter("host.md");
    for name in mdd_core::rpc::schema::method_names() {
        assert!(page.text.contains(&format!("`{name}`")), "host.md does not explain {name}");
    }
}

#[test]
fn the_driver_of_the_guide_has_a_usable_manifest() {
    let text = std::fs::read_to_string(page::root().join("docs/examples/lamp/manifest.json")).unwrap();
    let declaration: mdd_driver_api::manifest::Declaration = serde_json::from_str(&text).unwrap();
    declaration.validate().unwrap();
    assert!(chapter("drivers.md").text.contains("lamp.json"), "the guide includes the driver");
}

#[test]
fn every_field_of_a_manifest_is_explained() {
    let guide = chapter("drivers.md");
    let declaration = serde_json::to_value(mdd_driver_api::manifest::Declaration::default()).unwrap();
    for field in declaration.as_object().unwrap().keys() {
        assert!(guide.text.contains(&format!("`{field}`")), "drivers.md does not explain the field {field}");
    }
}

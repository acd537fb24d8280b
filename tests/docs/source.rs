//! What the sources define, read out of their text.

use crate::page::root;
use mdd_driver_api::manifest::Declaration;
use std::{collections::BTreeSet, fs, path::PathBuf};

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The text from `begin` to the next function or the end.
fn function<'a>(text: &'a str, begin: &str) -> &'a str {
    let (_, text) = text.split_once(begin).unwrap_or_else(|| panic!("there is no `{begin}`"));
    text.split("fn ").next().unwrap()
}

/// String literals with what stands before and behind each of them.
fn literals(text: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    let quotes: Vec<_> = text.match_indices('"').map(|(at, _)| at).collect();
    let pairs = quotes.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect::<Vec<_>>();
    pairs.into_iter().map(|(open, close)| (&text[..open], &text[open + 1..close], &text[close + 1..]))
}

/// The literals that a `match` gives.
fn given(function: &str) -> impl Iterator<Item = String> {
    let given = literals(function).filter(|(before, ..)| before.trim_end().ends_with("=>"));
    given.map(|(_, literal, _)| literal.to_owned())
}

/// The literals that a `match` takes.
fn taken(function: &str) -> impl Iterator<Item = String> {
    let is_pattern = |behind: &str| behind.trim_start().starts_with("=>") || behind.trim_start().starts_with("| \"");
    let taken = literals(function).filter(move |(_, _, behind)| is_pattern(behind));
    taken.map(|(_, literal, _)| literal.to_owned())
}

/// The literals that directly follow one of these calls.
fn passed<'a>(text: &'a str, calls: &'a [&str]) -> impl Iterator<Item = String> {
    let passed = literals(text).filter(|(before, ..)| calls.iter().any(|call| before.ends_with(call)));
    passed.map(|(_, literal, _)| literal.to_owned())
}

/// The function that gives an error its code.
const CODES: &str = "pub fn code(&self)";

/// Every code that a backend of any kind can show.
pub(crate) fn codes_of_the_host() -> BTreeSet<String> {
    let mut codes: BTreeSet<String> = taken(function(&read("core/src/diagnosis/catalogue.rs"), "fn entry(")).collect();
    codes.extend(given(function(&read("core/src/diagnosis.rs"), "fn code_of_kind(")));
    for (path, text) in product_code("core/src") {
        codes.extend(passed(&text, &["Reason::new(", "reason(", "or_else(", ".with_code("]));
        if text.contains(CODES) && !path.ends_with("refusal.rs") {
            codes.extend(given(function(&text, CODES)));
        }
    }
    for known in ["connection-refused", "stopped-answering", "broken-frame", "unknown-error", "not-tried", "no-driver"]
    {
        assert!(codes.contains(known), "{known} is not found any more in {codes:?}");
    }
    codes
}

/// Every code that a failing command has of itself.
pub(crate) fn codes_of_the_command_line() -> BTreeSet<String> {
    let text = without_tests(&read("host-cli/src/failure.rs"));
    taken(function(&text, "fn remedy(")).collect()
}

/// Every code of a file that is not used.
pub(crate) fn refusals() -> BTreeSet<String> {
    let codes: BTreeSet<_> = given(function(&read("core/src/plugins/refusal.rs"), CODES)).collect();
    assert!(codes.contains("driver-truncated"), "{codes:?}");
    codes
}

/// One driver of this repository.
pub(crate) struct Driver {
    pub(crate) folder: PathBuf,
    pub(crate) codes: BTreeSet<String>,
    pub(crate) variables: Vec<String>,
    pub(crate) ports: Vec<String>,
}

pub(crate) fn drivers() -> Vec<Driver> {
    let folders = fs::read_dir(root().join("drivers")).unwrap().map(|entry| entry.unwrap().path());
    let drivers: Vec<_> = folders
        .filter(|folder| folder.join("manifest.json").is_file() && !folder.ends_with("template"))
        .map(driver)
        .collect();
    assert!(!drivers.is_empty());
    drivers
}

fn driver(folder: PathBuf) -> Driver {
    let text = fs::read_to_string(folder.join("manifest.json")).unwrap();
    let declaration: Declaration = serde_json::from_str(&text).unwrap();
    let ours = |name: &str| format!("MDD_{}_{name}", declaration.kind).to_uppercase().replace('-', "_");
    let mut variables = vec![ours("url")];
    variables.extend(declaration.environment.url.iter().chain(&declaration.environment.port).cloned());
    for (name, secret) in &declaration.secrets {
        variables.push(ours(name));
        variables.extend(secret.environment.iter().cloned());
    }
    let ports = declaration.default_ports.iter().map(u16::to_string).collect();
    Driver { codes: declaration.errors.keys().cloned().collect(), folder, variables, ports }
}

/// Every environment variable of ours that the host reads by its name.
pub(crate) fn variables() -> BTreeSet<String> {
    let is_ours = |name: &str| {
        let name = name.strip_prefix("MDD_").unwrap_or_default();
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    };
    let mut variables = BTreeSet::new();
    for (_, text) in product_code("core/src").into_iter().chain(product_code("host-cli/src")) {
        variables
            .extend(literals(&text).map(|(_, literal, _)| literal).filter(|name| is_ours(name)).map(str::to_owned));
    }
    variables
}

/// The lanes of the gate.
pub(crate) fn lanes() -> Vec<String> {
    let lanes: Vec<_> = passed(&read("xtask/src/gate/lanes.rs"), &["lane(", "by_name("]).collect();
    assert!(lanes.iter().any(|lane| lane == "clippy"), "{lanes:?}");
    lanes
}

/// The faults of the simulators.
pub(crate) fn faults() -> Vec<String> {
    let text = read("tests/sim/src/fault/spec.rs");
    let (_, list) = text.split_once("const NAMES").unwrap();
    let list = list.split("];").next().unwrap();
    let faults: Vec<_> = literals(list).map(|(_, name, _)| name.to_owned()).collect();
    assert!(faults.iter().any(|fault| fault == "gzip-bomb"), "{faults:?}");
    faults
}

/// The names of all functions in the tests across crates and in those of the extension.
pub(crate) fn tests() -> BTreeSet<String> {
    let mut paths = ["tests", "blender_bridge/tests"].map(|folder| root().join(folder)).to_vec();
    let mut names = BTreeSet::new();
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            paths.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "py") {
            let text = fs::read_to_string(&path).unwrap();
            let name = |line: &str| {
                let line = line.trim_start().trim_start_matches("async ");
                let rest = line.strip_prefix("fn ").or_else(|| line.strip_prefix("def "))?;
                rest.split_once('(').map(|(name, _)| name.to_owned())
            };
            names.extend(text.lines().filter_map(name));
        }
    }
    names
}

/// Every file of the crate in a folder, without comments and tests. What its root does not declare is no part of it.
fn product_code(folder: &str) -> Vec<(PathBuf, String)> {
    let folder = root().join(folder);
    let mut roots = ["lib.rs", "main.rs"].map(|name| folder.join(name)).into_iter();
    let crate_root = roots.find(|path| path.exists()).expect("a crate has a root");
    let declared = fs::read_to_string(&crate_root).unwrap();
    let modules =
        declared.lines().filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'));
    let mut paths: Vec<_> = modules.flat_map(|name| [folder.join(name), folder.join(format!("{name}.rs"))]).collect();
    paths.push(crate_root);
    let mut files = Vec::new();
    while let Some(path) = paths.pop() {
        if path.is_dir() && !path.ends_with("tests") {
            paths.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.is_file() && !path.ends_with("tests.rs") {
            let text = without_tests(&fs::read_to_string(&path).unwrap());
            files.push((path, text));
        }
    }
    files
}

fn without_tests(text: &str) -> String {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    // Character literals with a quote, and quotes within strings, would put all others out of step.
    lines.map(|line| line.replace("'\"'", "").replace("\\\"", "") + "\n").collect()
}

#[test]
fn literals_are_told_apart_by_what_stands_beside_them() {
    let text = r#"match code { "a-a" | "b" => ("text | with =>", &[]), "c" => "d", _ => "e" } x(f("g"), "h")"#;
    assert_eq!(taken(text).collect::<Vec<_>>(), ["a-a", "b", "c"]);
    assert_eq!(given(text).collect::<Vec<_>>(), ["d", "e"]);
    assert_eq!(passed(text, &["f("]).collect::<Vec<_>>(), ["g"]);
}

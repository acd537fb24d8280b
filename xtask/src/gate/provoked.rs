//! Whether each code and each step of a connection was really provoked by the test that `tests/provoked.txt` or the
//! `provoked.txt` of a driver names.

use crate::{tool, workspace};
use anyhow::{Context as _, Result, bail};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What the tests of the last run have written down is compared with the lists.
pub(super) fn check() -> Result<()> {
    let records = records(&workspace::root().join("target/provoked"))?;
    let lists = lists()?;
    let lines = lists.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let (open, named): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.starts_with("open "));
    let seen_by = |what: &str| -> Vec<&str> {
        let tests = records.iter().filter_map(|record| record.strip_prefix(what)?.strip_prefix(' '));
        tests.collect()
    };
    let mut wrong = 0;
    for line in named.iter().filter(|line| !records.contains(**line)) {
        let others = seen_by(&what_of(line));
        println!("not seen: {line}; it was seen by {others:?}");
        // What happens on the way may happen in another test on another day.
        wrong += usize::from(others.is_empty());
    }
    for line in &open {
        let what = what_of(line.trim_start_matches("open "));
        if let Some(test) = seen_by(&what).first() {
            println!("no longer open: {what} is provoked by {test}");
        }
    }
    println!("{} codes and steps have a test, {} have none", named.len(), open.len());
    if wrong > 0 {
        bail!("{wrong} were seen by no test");
    }
    Ok(())
}

/// The host's list and those of all drivers.
fn lists() -> Result<String> {
    let mut lists = vec![workspace::provoked()];
    lists.extend(workspace::drivers()?.iter().map(workspace::Driver::provoked));
    let read = |list: PathBuf| fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()));
    lists.into_iter().map(read).collect()
}

/// The first two words.
fn what_of(line: &str) -> String {
    line.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// Everything that the processes of the newest run have noted.
fn records(folder: &Path) -> Result<BTreeSet<String>> {
    let none = || tool::Missing("no run of cargo-nextest has left records; the lane test does".into());
    let runs = fs::read_dir(folder).map_err(|_| none())?.collect::<Result<Vec<_>, _>>()?;
    let newest = runs.iter().max_by_key(|run| run.metadata().and_then(|run| run.modified()).ok()).ok_or_else(none)?;
    let mut records = BTreeSet::new();
    for file in fs::read_dir(newest.path())? {
        records.extend(fs::read_to_string(file?.path())?.lines().map(str::to_owned));
    }
    Ok(records)
}

//! The child's side of a check.

use crate::{
    bench::Bench,
    laws::{self, LAWS},
    process::Said,
    report::{Finding, Line},
    strangers,
};
use mdd_core::plugins::{self, LoadedDriver, vet};
use mdd_replay::Script;
use std::{
    cell::RefCell,
    collections::BTreeMap,
    io::{self, Write},
    path::Path,
    sync::Arc,
};

/// A check takes less than one, of a processor.
const SECONDS: u64 = 60;

/// Checks a driver law by law and tells on `out`, a line each. `copies`: for systems that can only load from a file.
///
/// # Errors
/// A file that cannot be loaded, a script that is none, or nobody who listens.
pub fn run(
    file: &Path,
    scripts: Option<&Path>,
    copies: &Path,
    out: &mut impl Write,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let scripts = scripts.map(Script::read_all).transpose()?.unwrap_or_default();
    vet::least_power(SECONDS);
    let driver: LoadedDriver = plugins::open(file, copies)?;
    let strangers = strangers::of(driver.kind())?;
    let scripts: BTreeMap<_, _> = scripts.into_iter().map(|(name, script)| (name, Arc::new(script))).collect();
    let bench = Bench { driver: &driver, scripts, strangers, seen: RefCell::default(), grounds: RefCell::default() };
    for law in LAWS {
        say(out, &Said::At(law.name.to_owned()))?;
        let finding: Finding = laws::check(law, &bench);
        say(out, &Said::Found(Line { law: law.name.to_owned(), title: law.title.to_owned(), finding }))?;
    }
    // Without a script there is nothing that could provoke them.
    let not_seen = if bench.scripts.is_empty() { Vec::new() } else { bench.not_seen() };
    say(out, &Said::Over { not_seen })?;
    Ok(())
}

fn say(out: &mut impl Write, said: &Said) -> io::Result<()> {
    let mut line = serde_json::to_vec(said)?;
    line.push(b'\n');
    out.write_all(&line)?;
    out.flush()
}

//! The rules of this repository that no linter knows, each reported with file and line.

mod abi_chapter;
mod api_version;
mod boundary;
mod form;
mod kinds;
mod places;
mod safety;
mod source;
mod trees;
mod unsafe_page;

use crate::workspace;
use anyhow::{Result, bail};
use source::File;
use std::fmt;

/// One broken rule.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    path: String,
    /// Counted from 1; 0 where the whole file is meant.
    line: usize,
    message: String,
}

impl Finding {
    fn new(file: &File, line: usize, message: impl Into<String>) -> Finding {
        Finding { path: file.path.clone(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(formatter, "{}: {}", self.path, self.message),
            line => write!(formatter, "{}:{line}: {}", self.path, self.message),
        }
    }
}

/// Checks every file that is or would be committed.
pub fn check() -> Result<()> {
    let files = source::read_all()?;
    let drivers = workspace::drivers()?;
    let mut findings = Vec::new();
    findings.extend(kinds::check(&files, &drivers));
    findings.extend(boundary::check(&files));
    findings.extend(safety::check(&files)?);
    findings.extend(form::check(&files));
    findings.extend(places::check(&files));
    findings.extend(api_version::check(&files));
    findings.extend(abi_chapter::check(&files));
    findings.extend(unsafe_page::check(&files)?);
    findings.extend(trees::check(&drivers)?);
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!("rules are broken in {} places", findings.len());
    }
    println!("{} files are tidy", files.len());
    Ok(())
}

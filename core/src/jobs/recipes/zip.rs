//! `zip/1`: an archive of the inputs. Media are compressed already, so nothing is compressed again.
//!
//! Options: `names` gives an input the name that it has in the archive, `texts` adds files by name and content, which
//! come first.

use super::{Input, RecipeError, open, output::Output};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read as _, Write as _},
};
use zip::{CompressionMethod, ZipWriter, result::ZipError, write::SimpleFileOptions};

pub(super) const NAME: &str = "zip/1";
/// Longest name in an archive, in bytes.
const MAX_NAME: usize = 255;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Options {
    names: BTreeMap<String, String>,
    texts: BTreeMap<String, String>,
}

pub(super) fn make(options: &serde_json::Value, inputs: &[Input], to: &mut Output<'_>) -> Result<(), RecipeError> {
    let options = match options {
        serde_json::Value::Null => Options::default(),
        serde_json::Value::Object(_) => {
            Options::deserialize(options).map_err(|error| RecipeError::Wrong(error.to_string()))?
        }
        _ => return Err(RecipeError::Wrong("its options are no object".to_owned())),
    };
    if let Some(stray) = options.names.keys().find(|name| !inputs.iter().any(|input| input.name == **name)) {
        return Err(RecipeError::Wrong(format!("it names {stray:?}, which is no input")));
    }
    let mut archive = ZipWriter::new(to);
    let mut taken = BTreeSet::new();
    for (name, text) in &options.texts {
        archive.start_file(free(name, &mut taken)?, entry(text.len() as u64))?;
        archive.write_all(text.as_bytes())?;
    }
    for input in inputs {
        let name = options.names.get(&input.name).unwrap_or(&input.name);
        let (file, len) = open(&input.path)?;
        archive.start_file(free(name, &mut taken)?, entry(len))?;
        // Its length was promised; what was appended meanwhile is not read.
        io::copy(&mut file.take(len), &mut archive)?;
    }
    archive.finish()?;
    Ok(())
}

/// Without a time, so that the same inputs make the same archive.
fn entry(len: u64) -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(len >= u64::from(u32::MAX))
}

/// A name that no program can take for a path out of its folder.
fn free<'a>(name: &'a str, taken: &mut BTreeSet<String>) -> Result<&'a str, RecipeError> {
    let is_plain = !name.is_empty()
        && name.len() <= MAX_NAME
        && !name.starts_with('.')
        && !name.contains(|c: char| matches!(c, '/' | '\\' | ':') || c.is_control());
    if !is_plain {
        return Err(RecipeError::Wrong(format!("{name:?} is no plain file name")));
    }
    if !taken.insert(name.to_lowercase()) {
        return Err(RecipeError::Wrong(format!("two files would be called {name:?}")));
    }
    Ok(name)
}

impl From<ZipError> for RecipeError {
    fn from(error: ZipError) -> Self {
        match error {
            ZipError::Io(error) => Self::Io(error),
            other => Self::Wrong(other.to_string()),
        }
    }
}

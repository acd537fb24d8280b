//! The user's file of settings: read with the line of every value, written whole or not at all.

use super::{edit, keys::Key, problem::Problem, value};
use serde_json::Value;
use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};
use toml_edit::{Document, Item, TableLike};

/// No file of settings is larger, in bytes.
const MAX_LEN: u64 = 1 << 20;
/// Where the user's word for the backends of a project is kept.
const PROJECTS: &str = "projects";

/// Why the file was not changed.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// This host was started without one.
    #[error("this host has no file of settings")]
    None,
    /// What is there cannot be understood, so it is left alone.
    #[error("{place}: {message}; the file was left as it is")]
    Broken {
        /// File and line.
        place: String,
        /// What was expected.
        message: String,
    },
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// One value with its place.
pub(super) struct Leaf {
    pub(super) key: String,
    pub(super) value: Value,
    /// File and line.
    pub(super) place: String,
}

/// A file of settings and what was in it when it was read.
#[derive(Debug, Clone, Default)]
pub struct UserFile {
    path: Option<PathBuf>,
    text: String,
    /// The last of its texts that could be understood, which counts until the next one can.
    good: String,
    unreadable: Option<String>,
}

impl UserFile {
    /// Reads a file. One that is not there is empty.
    pub fn read(path: Option<PathBuf>) -> Self {
        let mut file = Self { path, ..Self::default() };
        file.read_again();
        file
    }

    /// Reads it once more. What it said before goes on counting when it cannot be understood now: somebody is in the
    /// middle of an edit, and nothing that works shall end for that.
    pub fn read_again(&mut self) {
        match self.path.as_deref().map(read) {
            None => {}
            Some(Ok(text)) => self.take_in(text),
            Some(Err(error)) => self.unreadable = Some(error.to_string()),
        }
    }

    fn take_in(&mut self, text: String) {
        if Document::parse(text.as_str()).is_ok() {
            self.good.clone_from(&text);
        }
        self.text = text;
        self.unreadable = None;
    }

    /// Where it is.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Whether the file on the disk says something else by now.
    pub fn is_stale(&self) -> bool {
        self.path.as_ref().is_some_and(|path| read(path).is_ok_and(|text| text != self.text))
    }

    /// Every value that counts, those of keys that nobody knows as well.
    pub(super) fn leaves(&self, keys: &[Key]) -> Vec<Leaf> {
        let Ok(document) = Document::parse(self.good.as_str()) else { return Vec::new() };
        let mut leaves = Vec::new();
        self.collect(document.as_table(), "", keys, &mut leaves);
        leaves.retain(|leaf| !leaf.key.starts_with("projects."));
        leaves
    }

    /// Why what the file says now does not count.
    pub(super) fn problem(&self) -> Option<Problem> {
        if let Some(observation) = &self.unreadable {
            let source = self.path.as_deref().unwrap_or(Path::new("")).display().to_string();
            let remedy = "make the file readable, or remove it".to_owned();
            return Some(Problem { key: None, source, observation: observation.clone(), remedy });
        }
        if self.text == self.good {
            return None;
        }
        let error = Document::parse(self.text.as_str()).err()?;
        let meanwhile = if self.good.is_empty() { "none of the file counts" } else { "what it said before counts" };
        Some(Problem {
            key: None,
            source: self.place_in(&self.text, error.span().map_or(0, |span| span.start)),
            observation: error.message().trim().replace('\n', ", "),
            remedy: format!("correct that line; until then {meanwhile}"),
        })
    }

    fn collect(&self, table: &dyn TableLike, prefix: &str, keys: &[Key], leaves: &mut Vec<Leaf>) {
        for (name, item) in table.iter() {
            let key = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
            let is_known = keys.iter().any(|known| known.name == key);
            let value = match item {
                Item::None => continue,
                Item::Value(value) if is_known || !value.is_inline_table() => value::of_toml(value),
                Item::Table(table) if is_known => value::of_toml(&table.clone().into_inline_table().into()),
                Item::ArrayOfTables(tables) => {
                    tables.iter().map(|table| value::of_toml(&table.clone().into_inline_table().into())).collect()
                }
                Item::Value(_) | Item::Table(_) => {
                    if let Some(table) = item.as_table_like() {
                        self.collect(table, &key, keys, leaves);
                    }
                    continue;
                }
            };
            let span = table.key(name).and_then(toml_edit::Key::span).or_else(|| item.span());
            leaves.push(Leaf { key, value, place: self.place_in(&self.good, span.map_or(0, |span| span.start)) });
        }
    }

    /// The addresses of a project that the user has given their word for, each as `kind=url`.
    pub fn consents(&self, project: &str) -> Vec<String> {
        let Ok(document) = Document::parse(self.good.as_str()) else { return Vec::new() };
        let projects = document.as_table().get(PROJECTS).and_then(Item::as_table_like);
        let project = projects.and_then(|projects| projects.get(project)).and_then(Item::as_table_like);
        let accepted = project.and_then(|project| project.get("accepted")).and_then(Item::as_array);
        accepted.into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    }

    /// Keeps the user's word for a backend of a project.
    ///
    /// # Errors
    /// When the file cannot be understood or written.
    pub fn consent(&mut self, project: &str, what: String) -> Result<(), FileError> {
        let mut accepted = self.consents(project);
        if accepted.contains(&what) {
            return Ok(());
        }
        accepted.push(what);
        self.set(&[PROJECTS, project, "accepted"], Some(&accepted.into()))
    }

    /// Sets or removes one value and leaves everything else as it is, comments included.
    ///
    /// # Errors
    /// When the file cannot be understood or written.
    pub fn set(&mut self, key: &[&str], value: Option<&Value>) -> Result<(), FileError> {
        let path = self.path.clone().ok_or(FileError::None)?;
        let failed = |source| FileError::Io { path: path.clone(), source };
        // Somebody may have edited it meanwhile.
        self.take_in(read(&path).map_err(failed)?);
        let text = edit::set(&self.text, key, value)
            .map_err(|(at, message)| FileError::Broken { place: self.place_in(&self.text, at), message })?;
        if text != self.text {
            write(&path, &text).map_err(failed)?;
            self.take_in(text);
        }
        Ok(())
    }

    /// The file and the line of a byte of one of its texts.
    fn place_in(&self, text: &str, at: usize) -> String {
        let line = text.get(..at).unwrap_or(text).matches('\n').count() + 1;
        format!("{}:{line}", self.path.as_deref().unwrap_or(Path::new("")).display())
    }
}

fn read(path: &Path) -> io::Result<String> {
    match fs::metadata(path) {
        Ok(facts) if facts.len() > MAX_LEN => {
            return Err(io::Error::other(format!("it has {} bytes, {MAX_LEN} are allowed", facts.len())));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        Ok(_) | Err(_) => {}
    }
    let bytes = fs::read(path)?;
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}

/// Beside the file and then in its place, so that a reader sees the old one or the new one. It may hold keys, so a new one
/// is for its owner alone.
fn write(path: &Path, text: &str) -> io::Result<()> {
    // Whoever keeps it elsewhere and links to it wants that file changed.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = target.parent().ok_or_else(|| io::Error::other("it is in no folder"))?;
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    if let Ok(facts) = fs::metadata(&target) {
        fs::set_permissions(file.path(), facts.permissions())?;
    }
    file.as_file().sync_all()?;
    file.persist(&target)?;
    Ok(())
}

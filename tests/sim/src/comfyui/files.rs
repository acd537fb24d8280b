//! The folders of a ComfyUI, in memory. They outlive a restart, but for the temporary one.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;

/// One of the three folders that clients can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Folder {
    Input,
    Output,
    Temp,
}

impl Folder {
    pub(super) fn name(self) -> &'static str {
        match self {
            Folder::Input => "input",
            Folder::Output => "output",
            Folder::Temp => "temp",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        [Folder::Input, Folder::Output, Folder::Temp].into_iter().find(|folder| folder.name() == name)
    }
}

/// One file.
#[derive(Clone)]
pub(super) struct File {
    pub(super) bytes: Bytes,
    /// Time of the last change, since 1970.
    pub(super) changed: Duration,
}

/// Where a file was saved.
pub(super) struct Saved {
    pub(super) filename: String,
    pub(super) subfolder: String,
}

/// All files by folder and path below it.
#[derive(Default)]
pub(super) struct Files(Mutex<BTreeMap<(Folder, String), File>>);

impl Files {
    /// Empties the temporary folder, as every start does.
    pub(super) fn forget_temporary(&self) {
        self.all().retain(|(folder, _), _| *folder != Folder::Temp);
    }

    pub(super) fn find(&self, folder: Folder, path: &str) -> Option<File> {
        self.all().get(&(folder, path.to_owned())).cloned()
    }

    pub(super) fn save(&self, folder: Folder, path: &str, bytes: Bytes) {
        let changed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.all().insert((folder, path.to_owned()), File { bytes, changed });
    }

    /// Finds an input, or with the suffix ` [output]` or the like a file of another folder.
    pub(super) fn find_annotated(&self, name: &str) -> Option<File> {
        let (name, folder) = annotated(name);
        self.find(folder.unwrap_or(Folder::Input), &normal(name)?)
    }

    /// Saves under the prefix with the next free number.
    pub(super) fn save_counted(&self, folder: Folder, prefix: &str, bytes: Bytes) -> Saved {
        let path = normal(prefix).unwrap_or_else(|| "ComfyUI".to_owned());
        let (subfolder, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let number = {
            let all = self.all();
            let taken = all.keys().filter(|(known, _)| *known == folder).filter_map(|(_, known)| {
                let rest = known.strip_prefix(&path)?.strip_prefix('_')?;
                rest.split('_').next()?.parse::<u64>().ok()
            });
            taken.max().unwrap_or(0) + 1
        };
        let saved = Saved { filename: format!("{name}_{number:05}_.png"), subfolder: subfolder.to_owned() };
        self.save(folder, &join(&saved.subfolder, &saved.filename), bytes);
        saved
    }

    /// The pictures directly in the input folder.
    pub(super) fn input_images(&self) -> Vec<String> {
        let all = self.all();
        let names = all.keys().filter(|(folder, _)| *folder == Folder::Input).map(|(_, path)| path);
        names.filter(|path| !path.contains('/')).cloned().collect()
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<(Folder, String), File>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Splits `name [folder]`.
pub(super) fn annotated(name: &str) -> (&str, Option<Folder>) {
    for folder in [Folder::Output, Folder::Input, Folder::Temp] {
        let suffix = format!("[{}]", folder.name());
        if let Some(rest) = name.strip_suffix(&suffix) {
            return (rest.strip_suffix(' ').unwrap_or(rest), Some(folder));
        }
    }
    (name, None)
}

/// A path below a folder without `.` and `..`; `None` if it leads out of it.
pub(super) fn normal(path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// A path below another; either may be empty.
pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

//! Where drivers are looked for.

use super::stamp::{Stamp, stamp};
use std::{
    env,
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};

/// Folders in the order in which they are searched, each with where it came from.
#[derive(Debug, Clone, Default)]
pub struct SearchPath {
    folders: Vec<(PathBuf, Origin)>,
    /// Those that were named and are not searched, with the reason.
    passed_over: Vec<(PathBuf, Origin, &'static str)>,
}

/// A folder where drivers are looked for.
#[derive(Debug, Clone)]
pub struct Searched {
    /// Which.
    pub folder: PathBuf,
    /// Why there.
    pub origin: Origin,
    /// Whether there is such a folder.
    pub exists: bool,
    /// Why nothing in it is used.
    pub reason: Option<String>,
}

/// Why a folder is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// `--plugins`.
    Flag,
    /// `MDD_PLUGIN_PATH`.
    Environment,
    /// Beside the executable.
    Executable,
    /// The user's data folder.
    User,
    /// A folder for all users of the machine.
    System,
}

impl Origin {
    /// One word for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Environment => "environment",
            Self::Executable => "executable",
            Self::User => "user",
            Self::System => "system",
        }
    }
}

impl SearchPath {
    /// The usual places after those that the user named.
    pub fn new(flags: impl IntoIterator<Item = PathBuf>) -> Self {
        let mut path = Self::default();
        path.extend(flags, Origin::Flag);
        if let Some(list) = env::var_os("MDD_PLUGIN_PATH") {
            path.extend(env::split_paths(&list), Origin::Environment);
        }
        if let Some(folder) = env::current_exe().ok().as_deref().and_then(Path::parent) {
            path.extend([folder.join("plugins"), folder.join("../plugins")], Origin::Executable);
        }
        path.extend(user_folder(), Origin::User);
        path.extend(system_folder(), Origin::System);
        path
    }

    /// These folders and no others.
    pub fn only(folders: impl IntoIterator<Item = PathBuf>) -> Self {
        let mut path = Self::default();
        path.extend(folders, Origin::Flag);
        path
    }

    fn extend(&mut self, folders: impl IntoIterator<Item = PathBuf>, origin: Origin) {
        for folder in folders {
            // In a variable a relative or empty entry would mean whatever folder is the current one, where anybody may have
            // left a library; on the command line it is what the user sees.
            if origin == Origin::Environment && !folder.is_absolute() {
                tracing::warn!(folder = %folder.display(), "MDD_PLUGIN_PATH takes absolute folders only");
                self.passed_over.push((folder, origin, "MDD_PLUGIN_PATH takes absolute folders only"));
                continue;
            }
            let Ok(folder) = std::path::absolute(&folder) else { continue };
            if !self.folders.iter().any(|(known, _)| *known == folder) {
                self.folders.push((folder, origin));
            }
        }
    }

    /// Every folder that was named or is usual, and why nothing is searched there where that is so.
    pub fn searched(&self) -> Vec<Searched> {
        let looked = self.folders.iter().map(|(folder, origin)| {
            let error = fs::read_dir(folder).err();
            let exists = error.as_ref().is_none_or(|error| error.kind() != io::ErrorKind::NotFound);
            let reason = error.filter(|_| exists).map(|error| error.to_string());
            Searched { folder: folder.clone(), origin: *origin, exists, reason }
        });
        let passed_over = self.passed_over.iter().map(|(folder, origin, reason)| Searched {
            folder: folder.clone(),
            origin: *origin,
            exists: folder.exists(),
            reason: Some((*reason).to_owned()),
        });
        looked.chain(passed_over).collect()
    }

    /// The folders with their origins.
    pub fn folders(&self) -> impl Iterator<Item = (&Path, Origin)> {
        self.folders.iter().map(|(folder, origin)| (folder.as_path(), *origin))
    }

    /// Every file that could be a driver with how it looks from outside.
    pub(super) fn stamps(&self) -> Vec<(PathBuf, Option<Stamp>)> {
        let folders = self.folders.iter().filter_map(|(folder, _)| in_folder(folder).ok());
        folders.flatten().map(|path| (path.clone(), stamp(&path))).collect()
    }

    /// Every file that could be a driver, in search order, then by name. A folder that does not exist holds none.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for (folder, origin) in &self.folders {
            match in_folder(folder) {
                Ok(found) => files.extend(found),
                Err(error) if error.kind() == io::ErrorKind::NotFound && *origin != Origin::Flag => {
                    tracing::debug!(folder = %folder.display(), ?origin, "no such plugins folder");
                }
                Err(error) => tracing::warn!(folder = %folder.display(), %error, "a plugins folder cannot be read"),
            }
        }
        files
    }
}

fn in_folder(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if is_candidate(&path) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// By name only: a file that is still being written usually has another ending or begins with a dot.
fn is_candidate(path: &Path) -> bool {
    let hidden = path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.starts_with('.'));
    !hidden && path.extension() == Some(OsStr::new(env::consts::DLL_EXTENSION))
}

fn user_folder() -> Option<PathBuf> {
    Some(crate::settings::data_folder()?.join("plugins"))
}

fn system_folder() -> Option<PathBuf> {
    if cfg!(windows) {
        Some(PathBuf::from(env::var_os("ProgramData")?).join("mdd-host").join("plugins"))
    } else if cfg!(target_os = "macos") {
        Some(PathBuf::from("/Library/Application Support/mdd-host/plugins"))
    } else {
        Some(PathBuf::from("/usr/lib/mdd-host/plugins"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Origin, SearchPath};
    use std::{env, fs};

    #[test]
    fn files_come_in_search_order_and_hidden_ones_never() {
        let first = tempfile::tempdir().unwrap();
        let second = tempfile::tempdir().unwrap();
        let name = |stem: &str| format!("{stem}.{}", env::consts::DLL_EXTENSION);
        for (folder, file) in
            [(&first, name("b")), (&first, name(".a")), (&first, "c.part".into()), (&second, name("a"))]
        {
            fs::write(folder.path().join(file), "").unwrap();
        }
        let mut path = SearchPath::default();
        path.extend([first.path().to_owned(), second.path().to_owned(), first.path().to_owned()], Origin::Flag);
        assert_eq!(path.files(), [first.path().join(name("b")), second.path().join(name("a"))]);
    }
}

//! Folders for this user alone: journals, logs and records tell what somebody works on.

use std::{fs, io, path::Path};

/// Makes a folder and those above it, as far as they are missing. What exists stays as it is.
#[cfg(unix)]
pub(crate) fn create(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// The same; whose a folder is follows from where it is.
#[cfg(not(unix))]
pub(crate) fn create(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

/// Makes a folder that is not there yet.
#[cfg(unix)]
pub(crate) fn create_new(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().mode(0o700).create(folder)
}

/// The same; whose a folder is follows from where it is.
#[cfg(not(unix))]
pub(crate) fn create_new(folder: &Path) -> io::Result<()> {
    fs::create_dir(folder)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn nobody_else_may_look_into_any_that_was_made() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("state/drivers");
        super::create(&folder).unwrap();
        for made in [folder.parent().unwrap(), &folder] {
            assert_eq!(made.metadata().unwrap().permissions().mode() & 0o777, 0o700, "{}", made.display());
        }
    }
}

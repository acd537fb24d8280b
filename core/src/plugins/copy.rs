//! Private copies of driver files.
//!
//! A driver is never loaded from the plugins folder: overwriting a mapped library kills the process at its next call, and
//! the loader answers a path that it knows with the old code. So each content has a file of its own, named by its hash.

use super::{Inspected, Refusal};
use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

/// Makes sure that `folder` holds a copy of the inspected bytes, and returns its path.
///
/// # Errors
/// [`Refusal::Copy`].
pub(super) fn private_copy(file: &Inspected, folder: &Path) -> Result<PathBuf, Refusal> {
    let name = format!("{}-{}.{}", &file.sha256[..16], file.manifest.driver.kind, std::env::consts::DLL_EXTENSION);
    let target = folder.join(name);
    write_once(&file.bytes, folder, &target).map_err(|source| Refusal::Copy { folder: folder.to_owned(), source })?;
    Ok(target)
}

fn write_once(bytes: &[u8], folder: &Path, target: &Path) -> io::Result<()> {
    if fs::read(target).is_ok_and(|existing| existing == bytes) {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(".copy-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    only_for_us(file.as_file())?;
    // Renaming keeps the copy of a host that runs already: it has the old file mapped.
    file.persist(target).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(unix)]
fn only_for_us(file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o500))
}

#[cfg(not(unix))]
fn only_for_us(_file: &fs::File) -> io::Result<()> {
    Ok(())
}

//! Where the system's loader finds the bytes that were judged, and nobody can exchange them.
//!
//! A driver is never loaded from the plugins folder: overwriting a mapped library kills the process at its next call,
//! the loader answers a path that it knows with the old code, and between the look and the load a file can change. On
//! Linux it is loaded from the sealed memory that was judged; elsewhere from a private file that is named by its hash.

use super::{
    Inspected, Refusal,
    content::{self, Content},
};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// Bytes at a place that only this process can reach, or nobody can write to.
pub(super) struct Image {
    /// For the loader.
    pub(super) path: PathBuf,
    /// The open file; where the path names its descriptor it must live as long as the library.
    pub(super) file: File,
}

impl Image {
    /// Of an inspected file; `folder` is for the systems that need one with a name.
    ///
    /// # Errors
    /// [`Refusal::Copy`].
    pub(super) fn of(file: &Inspected, folder: &Path) -> Result<Self, Refusal> {
        if file.content.is_sealed() {
            match sealed(&file.content) {
                Ok(image) => return Ok(image),
                Err(error) => tracing::debug!(%error, "no sealed memory, so a private file"),
            }
        }
        private_file(file, folder).map_err(|source| Refusal::Copy { folder: folder.to_owned(), source })
    }
}

#[cfg(target_os = "linux")]
fn sealed(content: &Content) -> io::Result<Image> {
    use std::os::fd::AsRawFd as _;
    let file = content.file()?.try_clone()?;
    let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    // A system without /proc cannot load it by that name.
    fs::metadata(&path)?;
    Ok(Image { path, file })
}

#[cfg(not(target_os = "linux"))]
fn sealed(_content: &Content) -> io::Result<Image> {
    Err(io::ErrorKind::Unsupported.into())
}

fn private_file(file: &Inspected, folder: &Path) -> io::Result<Image> {
    let name = format!("{}-{}.{}", &file.sha256()[..16], file.manifest.driver.kind, std::env::consts::DLL_EXTENSION);
    let path = folder.join(name);
    write_once(&file.content, folder, &path)?;
    Ok(Image { file: File::open(&path)?, path })
}

/// Makes sure that a private folder holds a file with these bytes.
pub(super) fn write_once(content: &Content, folder: &Path, target: &Path) -> io::Result<()> {
    let existing = File::open(target).and_then(|file| content::sha256(&file));
    if existing.is_ok_and(|existing| existing == content.sha256()) {
        return Ok(());
    }
    only_for_us::folder(folder)?;
    let mut file = tempfile::Builder::new().prefix(".copy-").tempfile_in(folder)?;
    io::copy(&mut content.file()?, &mut file)?;
    only_for_us::file(file.as_file())?;
    // Renaming keeps the copy of a host that runs already: it has the old file mapped.
    file.persist(target).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(unix)]
mod only_for_us {
    use super::{File, Path, fs, io};
    use crate::private_folder;
    use std::os::unix::fs::PermissionsExt as _;

    pub(super) fn folder(folder: &Path) -> io::Result<()> {
        private_folder::create(folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
    }

    pub(super) fn file(file: &File) -> io::Result<()> {
        file.set_permissions(fs::Permissions::from_mode(0o500))
    }
}

#[cfg(not(unix))]
mod only_for_us {
    use super::{File, Path, fs, io};

    pub(super) fn folder(folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)
    }

    pub(super) fn file(_file: &File) -> io::Result<()> {
        Ok(())
    }
}

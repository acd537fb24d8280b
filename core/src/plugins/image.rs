//! Where the system's loader finds the bytes that were judged, and nobody can exchange them.
//!
//! A driver is never loaded from the plugins folder: overwriting a mapped library kills the process at its next call,
//! the loader answers a path that it knows with the old code, and between the look and the load a file can change. On
//! Linux the bytes go into memory that is sealed; elsewhere into a private file that is named by their hash.

use super::{Inspected, Refusal};
use std::{
    fs::{self, File},
    io::{self, Write as _},
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
    /// Lays out the bytes of an inspected file; `folder` is for the systems that need a file.
    ///
    /// # Errors
    /// [`Refusal::Copy`].
    pub(super) fn of(file: &Inspected, folder: &Path) -> Result<Self, Refusal> {
        match sealed(&file.bytes) {
            Ok(image) => return Ok(image),
            Err(error) => tracing::debug!(%error, "no sealed memory, so a private file"),
        }
        private_file(file, folder).map_err(|source| Refusal::Copy { folder: folder.to_owned(), source })
    }
}

#[cfg(target_os = "linux")]
fn sealed(bytes: &[u8]) -> io::Result<Image> {
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
    use std::os::fd::AsRawFd as _;
    const USUAL: MemfdFlags = MemfdFlags::CLOEXEC.union(MemfdFlags::ALLOW_SEALING);
    // A kernel that does not know the flag allows it anyway; one that knows it may want it said.
    let memory = memfd_create("mdd-driver", USUAL | MemfdFlags::EXEC).or_else(|_| memfd_create("mdd-driver", USUAL))?;
    let mut file = File::from(memory);
    file.write_all(bytes)?;
    fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)?;
    let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    // A system without /proc cannot load it by that name.
    fs::metadata(&path)?;
    Ok(Image { path, file })
}

#[cfg(not(target_os = "linux"))]
fn sealed(_bytes: &[u8]) -> io::Result<Image> {
    Err(io::ErrorKind::Unsupported.into())
}

fn private_file(file: &Inspected, folder: &Path) -> io::Result<Image> {
    let name = format!("{}-{}.{}", &file.sha256[..16], file.manifest.driver.kind, std::env::consts::DLL_EXTENSION);
    let path = folder.join(name);
    write_once(&file.bytes, folder, &path)?;
    Ok(Image { file: File::open(&path)?, path })
}

/// Makes sure that a private folder holds a file with these bytes.
pub(super) fn write_once(bytes: &[u8], folder: &Path, target: &Path) -> io::Result<()> {
    if fs::read(target).is_ok_and(|existing| existing == bytes) {
        return Ok(());
    }
    only_for_us::folder(folder)?;
    let mut file = tempfile::Builder::new().prefix(".copy-").tempfile_in(folder)?;
    file.write_all(bytes)?;
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::sealed;
    use std::{fs, io::Write as _};

    #[test]
    fn what_is_sealed_can_be_read_and_never_written() {
        let mut image = sealed(b"library").unwrap();
        assert_eq!(fs::read(&image.path).unwrap(), b"library");
        assert!(image.file.write_all(b"x").is_err());
        assert!(image.file.set_len(0).is_err());
        // Who may open it all the same cannot write.
        let another = fs::OpenOptions::new().write(true).open(&image.path);
        assert!(another.and_then(|mut file| file.write_all(b"x")).is_err());
    }
}

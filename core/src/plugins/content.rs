//! The bytes of a driver file, taken out of everybody's reach: what is judged, hashed and loaded is the same.
//!
//! They are never on the heap as a whole: an allocator may keep what was freed, once for each thread that has looked at a
//! file. On Linux they are in memory that is sealed; elsewhere in a file without a name.

use super::{Refusal, inspect::MAX_LEN};
use sha2::{Digest as _, Sha256};
use std::{
    fmt::Write as _,
    fs::File,
    io::{self, Read, Seek as _, SeekFrom, Write as _},
};

/// So many bytes are on their way at once.
const PIECE: usize = 1 << 16;

/// The bytes of one file.
#[derive(Debug)]
pub(super) struct Content {
    file: File,
    is_sealed: bool,
    len: u64,
    sha256: String,
}

impl Content {
    /// Copies all of it.
    ///
    /// # Errors
    /// When it cannot be read or kept, or is no size for a driver.
    pub(super) fn copy(source: impl Read) -> Result<Self, Refusal> {
        let kept = |source| Refusal::Copy { folder: std::env::temp_dir(), source };
        let (mut file, is_sealable) = match sealable() {
            Ok(file) => (file, true),
            Err(error) => {
                tracing::debug!(%error, "no memory that can be sealed, so a file without a name");
                (tempfile::tempfile().map_err(kept)?, false)
            }
        };
        let mut len = 0;
        each_piece(source.take(MAX_LEN + 1), Refusal::Unreadable, |piece| {
            len += piece.len() as u64;
            file.write_all(piece).map_err(kept)
        })?;
        match len {
            0 => return Err(Refusal::Empty),
            len if len > MAX_LEN => return Err(Refusal::TooLarge(len)),
            _ => {}
        }
        if is_sealable {
            seal(&file).map_err(kept)?;
        }
        let sha256 = sha256(&file).map_err(kept)?;
        Ok(Self { file, is_sealed: is_sealable, len, sha256 })
    }

    /// The bytes, from the first on.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn file(&self) -> io::Result<&File> {
        (&self.file).rewind()?;
        Ok(&self.file)
    }

    /// Whether nobody can change them, be it through another descriptor.
    pub(super) fn is_sealed(&self) -> bool {
        self.is_sealed
    }

    /// How many they are.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Their hash, lowercase hex.
    pub(super) fn sha256(&self) -> &str {
        &self.sha256
    }

    /// At most so many of the first.
    pub(super) fn beginning(&self, len: u64) -> Vec<u8> {
        self.part(SeekFrom::Start(0), len)
    }

    /// At most so many of the last.
    pub(super) fn end(&self, len: u64) -> Vec<u8> {
        self.part(SeekFrom::Start(self.len.saturating_sub(len)), len)
    }

    fn part(&self, from: SeekFrom, len: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        let read = (&self.file).seek(from).and_then(|_| (&self.file).take(len).read_to_end(&mut bytes));
        read.map_or(Vec::new(), |_| bytes)
    }
}

/// Gives the bytes of a file piece by piece.
///
/// # Errors
/// What the system says.
pub(super) fn pieces(mut file: &File, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    file.rewind()?;
    each_piece(
        file,
        |error| error,
        |piece| {
            take(piece);
            Ok(())
        },
    )
}

fn each_piece<E>(
    mut source: impl Read,
    unreadable: impl FnOnce(io::Error) -> E,
    mut take: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut piece = vec![0; PIECE];
    loop {
        match source.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(read) => take(&piece[..read])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(error)),
        }
    }
}

/// The hash of a file, lowercase hex.
///
/// # Errors
/// What the system says.
pub(super) fn sha256(file: &File) -> io::Result<String> {
    let mut hash = Sha256::new();
    pieces(file, |piece| hash.update(piece))?;
    Ok(hash.finalize().iter().fold(String::new(), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    }))
}

#[cfg(target_os = "linux")]
fn sealable() -> io::Result<File> {
    use rustix::fs::{MemfdFlags, memfd_create};
    const USUAL: MemfdFlags = MemfdFlags::CLOEXEC.union(MemfdFlags::ALLOW_SEALING);
    // A kernel that does not know the flag allows it anyway; one that knows it may want it said.
    let memory = memfd_create("mdd-driver", USUAL | MemfdFlags::EXEC).or_else(|_| memfd_create("mdd-driver", USUAL))?;
    Ok(memory.into())
}

/// The kernel refuses to seal what somebody has in hand, itself included when it moves pages about. It waits for that for a
/// fraction of a second, which is not always enough on a busy machine.
#[cfg(target_os = "linux")]
fn seal(file: &File) -> io::Result<()> {
    use rustix::{
        fs::{SealFlags, fcntl_add_seals},
        io::Errno,
    };
    const TRIES: usize = 10;
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    for _ in 1..TRIES {
        match fcntl_add_seals(file, seals) {
            Err(Errno::BUSY) => {}
            sealed => return Ok(sealed?),
        }
    }
    Ok(fcntl_add_seals(file, seals)?)
}

#[cfg(not(target_os = "linux"))]
fn sealable() -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(target_os = "linux"))]
fn seal(_file: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Content, pieces};
    use crate::plugins::{Refusal, inspect::MAX_LEN};
    use std::io::{self, Read as _};

    #[test]
    fn it_is_the_same_from_the_first_byte_to_the_last() {
        let bytes: Vec<u8> = (0..200_000_u32).map(|number| number.to_le_bytes()[0]).collect();
        let content = Content::copy(&bytes[..]).unwrap();
        for _ in 0..2 {
            let mut seen = Vec::new();
            pieces(content.file().unwrap(), |piece| seen.extend_from_slice(piece)).unwrap();
            assert!(seen == bytes);
        }
        assert_eq!(content.len(), 200_000);
        assert_eq!((content.beginning(2), content.end(2)), (vec![0, 1], bytes[199_998..].to_vec()));
        assert_eq!(Content::copy(&b"abc"[..]).unwrap().sha256()[..8], *"ba7816bf");
    }

    #[test]
    fn nothing_and_too_much_are_no_driver() {
        assert!(matches!(Content::copy(io::empty()), Err(Refusal::Empty)));
        assert!(matches!(Content::copy(io::repeat(7).take(MAX_LEN + 9)), Err(Refusal::TooLarge(_))));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_sealed_can_be_read_and_never_written() {
        use std::{fs::OpenOptions, io::Write as _, os::fd::AsRawFd as _};
        let content = Content::copy(&b"library"[..]).unwrap();
        assert!(content.is_sealed());
        let mut file = content.file().unwrap();
        assert!(file.write_all(b"x").is_err() && file.set_len(0).is_err());
        // Who may open it all the same cannot write.
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let another = OpenOptions::new().write(true).open(path);
        assert!(another.and_then(|mut file| file.write_all(b"x")).is_err());
        assert_eq!(content.beginning(9), b"library");
    }
}

//! Room on the disk, of which a part is left for everybody else.

use crate::transport::Failure;
use std::fs::File;

/// The journal and other programs need some, too, in bytes.
const LEFT_FREE: u64 = 64 << 20;

/// Whether so many bytes more fit beside the file.
pub(super) fn check(file: &File, wanted: u64) -> Result<(), Failure> {
    match free(file) {
        Some(free) if free < wanted.saturating_add(LEFT_FREE) => Err(Failure::DiskFull { wanted, free }),
        // Where nobody can tell, writing does.
        Some(_) | None => Ok(()),
    }
}

#[cfg(unix)]
fn free(file: &File) -> Option<u64> {
    let disk = rustix::fs::fstatvfs(file).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
fn free(_file: &File) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::transport::Failure;

    #[test]
    #[cfg(unix)]
    fn what_does_not_fit_is_refused_before_it_comes() {
        let file = tempfile::tempfile().unwrap();
        assert_eq!(check(&file, 0), Ok(()));
        assert!(matches!(check(&file, u64::MAX), Err(Failure::DiskFull { wanted: u64::MAX, .. })));
    }
}

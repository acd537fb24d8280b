//! Reading a file that may be about to run with our rights: first it is made sure that nobody else could have written
//! or exchanged it.

use super::{Refusal, content::Content, inspect::MAX_LEN};
use std::{
    fs::{self, File, Metadata},
    io::Read as _,
    path::{Path, PathBuf},
};

/// The bytes of a driver file.
///
/// # Errors
/// When it is no regular file of this user in folders of this user, or cannot be read.
pub(super) fn copy(path: &Path) -> Result<Content, Refusal> {
    Content::copy(open(path)?)
}

/// The bytes of a small file that speaks for others.
///
/// # Errors
/// See [`copy`].
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    open(path)?.take(MAX_LEN).read_to_end(&mut bytes).map_err(Refusal::Unreadable)?;
    Ok(bytes)
}

/// Opens a file that nobody else could have written.
fn open(path: &Path) -> Result<File, Refusal> {
    let (path, file) = open_itself(path)?;
    let data = file.metadata().map_err(Refusal::Unreadable)?;
    if !data.is_file() {
        return Err(Refusal::NotAFile);
    }
    owned::check(&path, &data)?;
    let parents = path.ancestors().skip(1);
    for folder in parents {
        owned::check_folder(folder, &fs::symlink_metadata(folder).map_err(Refusal::Unreadable)?)?;
    }
    match data.len() {
        0 => Err(Refusal::Empty),
        len if len > MAX_LEN => Err(Refusal::TooLarge(len)),
        _ => Ok(file),
    }
}

/// Opens the file itself, without following a link at its place, and says where it really is.
fn open_itself(path: &Path) -> Result<(PathBuf, File), Refusal> {
    let name = path.file_name().ok_or(Refusal::NotAFile)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let path = fs::canonicalize(folder).map_err(Refusal::Unreadable)?.join(name);
    match fs::symlink_metadata(&path) {
        Ok(data) if data.is_symlink() => return Err(Refusal::Link),
        Ok(data) if !data.is_file() => return Err(Refusal::NotAFile),
        Ok(_) => {}
        Err(error) => return Err(Refusal::Unreadable(error)),
    }
    // What was just seen may have been exchanged: opening a link fails, and opening a pipe does not wait for its writer.
    let file = without_surprises().open(&path).map_err(Refusal::Unreadable)?;
    Ok((path, file))
}

#[cfg(unix)]
fn without_surprises() -> fs::OpenOptions {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = fs::OpenOptions::new();
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    options.read(true).custom_flags(i32::try_from(flags.bits()).unwrap_or_default());
    options
}

#[cfg(not(unix))]
fn without_surprises() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.read(true);
    options
}

#[cfg(unix)]
mod owned {
    //! Owners and permissions.

    use super::{Metadata, Path, Refusal, fs};
    use std::os::unix::fs::MetadataExt as _;

    const BY_GROUP: u32 = 0o020;
    const BY_OTHERS: u32 = 0o002;
    /// Others may add files to such a folder and touch only their own.
    const STICKY: u32 = 0o1000;

    pub(super) fn check(path: &Path, data: &Metadata) -> Result<(), Refusal> {
        belongs_to_us(path, data)?;
        only_we_write(path, data)
    }

    pub(super) fn check_folder(path: &Path, data: &Metadata) -> Result<(), Refusal> {
        belongs_to_us(path, data)?;
        if data.mode() & STICKY != 0 { Ok(()) } else { only_we_write(path, data) }
    }

    fn belongs_to_us(path: &Path, data: &Metadata) -> Result<(), Refusal> {
        let us = rustix::process::geteuid().as_raw();
        match data.uid() {
            0 => Ok(()),
            owner if owner == us => Ok(()),
            owner => Err(Refusal::Owner { path: path.to_owned(), owner }),
        }
    }

    fn only_we_write(path: &Path, data: &Metadata) -> Result<(), Refusal> {
        let by_group = data.mode() & BY_GROUP != 0 && data.gid() != 0 && !is_private(data.gid());
        if by_group || data.mode() & BY_OTHERS != 0 { Err(Refusal::Writable(path.to_owned())) } else { Ok(()) }
    }

    /// Whether a group is this user's own, as most systems give one to each user: nobody else is in it.
    fn is_private(group: u32) -> bool {
        let us = rustix::process::geteuid().as_raw();
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        super::groups::is_private(group, us, &read("/etc/passwd"), &read("/etc/group"))
    }
}

#[cfg(not(unix))]
mod owned {
    //! Folders of a user are the user's own by their access lists; the loader's file is a private copy in any case.

    use super::{Metadata, Path, Refusal};

    pub(super) fn check(_path: &Path, _data: &Metadata) -> Result<(), Refusal> {
        Ok(())
    }

    pub(super) fn check_folder(_path: &Path, _data: &Metadata) -> Result<(), Refusal> {
        Ok(())
    }
}

/// Who is in a group, by the tables of the system.
#[cfg_attr(not(unix), allow(dead_code))]
mod groups {
    pub(super) fn is_private(group: u32, user: u32, passwd: &str, groups: &str) -> bool {
        let users: Vec<(&str, u32, u32)> = passwd.lines().filter_map(user_of).collect();
        let Some((name, _, _)) = users.iter().find(|(_, id, primary)| *id == user && *primary == group) else {
            return false;
        };
        let alone = users.iter().all(|(_, id, primary)| *primary != group || *id == user);
        let members = groups.lines().filter_map(members_of).find(|(id, _)| *id == group).map(|(_, members)| members);
        alone && members.is_none_or(|mut members| members.all(|member| member == *name))
    }

    fn user_of(line: &str) -> Option<(&str, u32, u32)> {
        let mut fields = line.split(':');
        let name = fields.next()?;
        Some((name, fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
    }

    fn members_of(line: &str) -> Option<(u32, impl Iterator<Item = &str>)> {
        let mut fields = line.split(':').skip(2);
        let id = fields.next()?.parse().ok()?;
        Some((id, fields.next().unwrap_or_default().split(',').filter(|name| !name.is_empty())))
    }
}

#[cfg(test)]
mod tests {
    use super::groups::is_private;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\njane:x:1000:1000::/:/bin/sh\njoe:x:1001:100::/:/bin/sh\n";

    #[test]
    fn a_group_of_ones_own_is_private() {
        assert!(is_private(1000, 1000, PASSWD, "jane:x:1000:\nusers:x:100:\n"));
        assert!(is_private(1000, 1000, PASSWD, "jane:x:1000:jane\n"));
        assert!(!is_private(1000, 1000, PASSWD, "jane:x:1000:joe\n"), "joe is in it");
        assert!(!is_private(100, 1000, PASSWD, "users:x:100:\n"), "it is not the user's first group");
        let shared = format!("{PASSWD}jim:x:1002:1000::/:/bin/sh\n");
        assert!(!is_private(1000, 1000, &shared, "jane:x:1000:\n"), "it is jim's as well");
        assert!(!is_private(5, 5, "", ""), "nothing is known");
    }
}

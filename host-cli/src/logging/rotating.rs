//! A log file that never grows beyond its bounds: a full one is kept under another name, and the oldest goes.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::PathBuf,
};

/// A file is full at this length.
pub(super) const FULL: u64 = 4 << 20;
/// Full files that are kept: `host.log.1` is the newest.
pub(super) const KEPT: u32 = 3;

/// The file. It is opened when there is something to write, as its folder may be made later.
pub(super) struct Rotating {
    path: PathBuf,
    full: u64,
    file: Option<File>,
    /// What is told of each file that is begun.
    begun: fn(&File),
}

impl Rotating {
    pub(super) fn new(path: PathBuf, full: u64, begun: fn(&File)) -> Self {
        Self { path, full, file: None, begun }
    }

    fn has_room(&self, for_bytes: usize) -> bool {
        let Some(file) = &self.file else { return false };
        // Others may write into it, too.
        let length = file.metadata().map_or(0, |facts| facts.len());
        length == 0 || length + for_bytes as u64 <= self.full
    }

    /// The file for so many bytes more.
    fn with_room(&mut self, for_bytes: usize) -> io::Result<&mut File> {
        if self.file.is_none() {
            self.begin()?;
        }
        if !self.has_room(for_bytes) {
            self.file = None;
            self.shift();
            self.begin()?;
        }
        self.file.as_mut().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn begin(&mut self) -> io::Result<()> {
        let mut open = OpenOptions::new();
        open.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut open, 0o600);
        let file = open.open(&self.path)?;
        (self.begun)(&file);
        self.file = Some(file);
        Ok(())
    }

    /// Where a name cannot be given, the file goes on: a log that is too long is better than none.
    fn shift(&self) {
        let name = |number: u32| match number {
            0 => self.path.clone(),
            number => {
                let mut name = self.path.clone().into_os_string();
                name.push(format!(".{number}"));
                name.into()
            }
        };
        for number in (0..KEPT).rev() {
            let _not_there_yet = fs::rename(name(number), name(number + 1));
        }
    }
}

impl Write for Rotating {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with_room(bytes.len())?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT, Rotating};
    use std::{fs, io::Write as _};

    #[test]
    fn a_full_file_is_kept_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("host.log");
        let mut log = Rotating::new(path.clone(), 20, |_| {});
        for line in 0..100 {
            writeln!(log, "{}", format_args!("line {line:04}")).unwrap();
        }
        let mut names: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names, ["host.log", "host.log.1", "host.log.2", "host.log.3"]);
        assert_eq!(names.len(), 1 + usize::try_from(KEPT).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "line 0098\nline 0099\n");
        assert_eq!(fs::read_to_string(folder.path().join("host.log.3")).unwrap(), "line 0092\nline 0093\n");
    }

    #[test]
    fn what_others_write_into_it_counts_and_what_is_there_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("host.log");
        fs::write(&path, "before\n").unwrap();
        let mut log = Rotating::new(path.clone(), 40, |_| {});
        log.write_all(b"one\n").unwrap();
        fs::File::options().append(true).open(&path).unwrap().write_all(&[b'x'; 40]).unwrap();
        log.write_all(b"two\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two\n");
        assert!(fs::read_to_string(folder.path().join("host.log.1")).unwrap().starts_with("before\none\nxxx"));
    }

    #[test]
    fn a_folder_that_comes_later_is_no_failure() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state").join("host.log");
        let mut log = Rotating::new(path.clone(), 40, |_| {});
        assert!(log.write_all(b"lost\n").is_err());
        fs::create_dir(folder.path().join("state")).unwrap();
        log.write_all(b"kept\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "kept\n");
    }
}

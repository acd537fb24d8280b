//! The last words of a process that a driver takes down: which driver it was, in which method, and of what it died.
//!
//! They are written when it dies, by the thread that is inside the driver, so a host that is merely killed blames nobody
//! and a call costs nothing. Where the system has no signals nothing is written.

use crate::private_folder;
use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _},
    path::Path,
};

/// What a process has written before it died.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::plugins) struct LastWords {
    pub(in crate::plugins) sha256: String,
    pub(in crate::plugins) method: String,
    /// The number of the signal, or 0 for a process that the driver ended.
    pub(in crate::plugins) signal: i32,
}

/// Reads what was written since the last time, and removes it.
pub(in crate::plugins) fn take(file: &Path) -> Vec<LastWords> {
    let mut text = String::new();
    let read = OpenOptions::new().read(true).write(true).open(file).and_then(|mut file| {
        file.read_to_string(&mut text)?;
        file.set_len(0)
    });
    match read {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, "the last words of an earlier host cannot be read");
        }
        Ok(()) | Err(_) => {}
    }
    let mut words: Vec<_> = text.lines().filter_map(parse).collect();
    // One crash may be told twice, by the fault and by the abort that follows it.
    words.dedup_by(|later, first| later.sha256 == first.sha256);
    words
}

fn parse(line: &str) -> Option<LastWords> {
    let mut words = line.split(' ');
    let (sha256, method, signal) = (words.next()?, words.next()?, words.next()?.parse().ok()?);
    let is_hash = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| LastWords { sha256: sha256.to_owned(), method: method.to_owned(), signal })
}

/// From now on this process leaves its last words in `file`.
///
/// # Errors
/// When the file cannot be opened.
pub(in crate::plugins) fn listen(file: &Path) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        private_folder::create(folder)?;
    }
    os::listen(OpenOptions::new().create(true).append(true).open(file)?);
    Ok(())
}

#[cfg(unix)]
mod os {
    use super::File;
    use crate::plugins::inside::current;
    use std::{
        ffi::c_int,
        mem::MaybeUninit,
        os::fd::{AsRawFd as _, IntoRawFd as _},
        ptr::null_mut,
        sync::{
            OnceLock,
            atomic::{AtomicI32, Ordering},
        },
    };

    /// Of these a process dies by a mistake in its own code.
    const FATAL: [c_int; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGABRT];
    static OUT: AtomicI32 = AtomicI32::new(-1);
    static BEFORE: [OnceLock<libc::sigaction>; FATAL.len()] = [const { OnceLock::new() }; FATAL.len()];

    pub(super) fn listen(file: File) {
        let out = file.as_raw_fd();
        if OUT.compare_exchange(-1, out, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            // The first listener stays: a process has one host.
            return;
        }
        // It stays open for the life of the process.
        let _kept = file.into_raw_fd();
        for (signal, before) in FATAL.iter().zip(&BEFORE) {
            // SAFETY: both structures are whole: a zeroed `sigaction` is valid, its fields are set, and the handler has
            // the signature that SA_SIGINFO asks for.
            unsafe {
                let mut action: libc::sigaction = std::mem::zeroed();
                action.sa_sigaction = on_signal as *const () as usize;
                action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
                libc::sigemptyset(&raw mut action.sa_mask);
                let mut old = MaybeUninit::<libc::sigaction>::zeroed();
                if libc::sigaction(*signal, &raw const action, old.as_mut_ptr()) == 0 {
                    let _only_once = before.set(old.assume_init());
                }
            }
        }
        // SAFETY: the function has the signature that `atexit` asks for and does not unwind.
        unsafe {
            libc::atexit(on_exit);
        }
    }

    /// Writes, and lets the signal take its usual course.
    extern "C" fn on_signal(signal: c_int, _info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
        write(signal);
        let before = FATAL.iter().position(|fatal| *fatal == signal).and_then(|index| BEFORE[index].get());
        // SAFETY: `before` is what the system itself gave for this signal. The instruction that faulted is run again, or
        // `abort` raises the signal again, and then that handler is asked.
        unsafe {
            match before {
                Some(before) => libc::sigaction(signal, before, null_mut()),
                None => {
                    libc::signal(signal, libc::SIG_DFL);
                    0
                }
            };
        }
    }

    /// Only a driver ends the process while it is inside a driver.
    extern "C" fn on_exit() {
        write(0);
    }

    /// Only what a signal handler may do: no allocation and no lock.
    fn write(signal: c_int) {
        let Some(place) = current() else { return };
        let mut line = [b' '; 128];
        let mut at = 0;
        let number =
            [b'0' + u8::try_from(signal / 10 % 10).unwrap_or(0), b'0' + u8::try_from(signal % 10).unwrap_or(0)];
        let parts = [place.tag.sha256.as_bytes(), b" ", place.method.as_bytes(), b" ", &number, b"\n"];
        for part in parts {
            let Some(room) = line.get_mut(at..at + part.len()) else { return };
            room.copy_from_slice(part);
            at += part.len();
        }
        // SAFETY: the bytes are ours, and the descriptor is never closed.
        let _nothing_helps = unsafe { libc::write(OUT.load(Ordering::Relaxed), line.as_ptr().cast(), at) };
    }
}

#[cfg(not(unix))]
mod os {
    pub(super) fn listen(_file: super::File) {}
}

#[cfg(test)]
mod tests {
    use super::take;
    use std::fs;

    #[test]
    fn last_words_are_read_once_and_nonsense_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("last-words");
        assert!(take(&file).is_empty());
        let (one, other) = ("a".repeat(64), "b".repeat(64));
        fs::write(&file, format!("{one} check 11\n{one} check 06\nnonsense\n{other} create 00\n")).unwrap();
        let words = take(&file);
        let told: Vec<_> =
            words.iter().map(|words| (words.sha256.as_str(), words.method.as_str(), words.signal)).collect();
        assert_eq!(told, [(one.as_str(), "check", 11), (other.as_str(), "create", 0)]);
        assert!(take(&file).is_empty());
    }
}

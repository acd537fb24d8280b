//! The local socket: a Unix socket that only this user can reach, or a named pipe of this user.

use super::HostLock;
use interprocess::local_socket::{
    ListenerOptions, Name,
    tokio::{Listener, Stream, prelude::*},
};
use sha2::{Digest as _, Sha256};
use std::{
    io,
    path::{Path, PathBuf},
};

/// Why nobody can listen or connect.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The folder of the socket is not safe.
    #[error("the folder {folder} cannot hold the socket: {reason}")]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        reason: String,
    },
    /// The system refused.
    #[error("{0}")]
    System(#[from] io::Error),
}

/// Where the host of a state folder listens: a path, or the name of a pipe.
pub fn address_of(state: &Path) -> PathBuf {
    // Client and host may know the folder by different names.
    let state = state.canonicalize().unwrap_or_else(|_| state.to_owned());
    os::address(&state, &short_hash(&state))
}

/// Listens for this user alone. The lock says that whatever socket lies there is of a dead host.
pub(super) fn listen(lock: &HostLock) -> Result<Listener, SocketError> {
    let address = address_of(lock.folder());
    os::prepare(&address)?;
    let options = os::restrict(ListenerOptions::new().name(name(&address)?))?;
    Ok(options.create_tokio()?)
}

/// Connects to the host of a state folder.
pub(super) async fn connect(state: &Path) -> Result<Stream, SocketError> {
    let address = address_of(state);
    let stream = Stream::connect(name(&address)?).await?;
    if !os::is_ours(&stream) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the socket belongs to another user").into());
    }
    Ok(stream)
}

/// Whether the process at the other end runs as this user.
pub(super) fn is_ours(stream: &Stream) -> bool {
    os::is_ours(stream)
}

fn short_hash(state: &Path) -> String {
    let hash = Sha256::digest(state.as_os_str().as_encoded_bytes());
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn name(address: &Path) -> io::Result<Name<'_>> {
    os::name(address)
}

#[cfg(unix)]
mod os {
    use super::SocketError;
    use crate::private_folder;
    use interprocess::{
        local_socket::{
            GenericFilePath, ListenerOptions, Name, ToFsName as _, tokio::Stream, traits::StreamCommon as _,
        },
        os::unix::local_socket::ListenerOptionsExt as _,
    };
    use std::{
        fs, io,
        os::unix::fs::{MetadataExt as _, PermissionsExt as _},
        path::{Path, PathBuf},
    };

    /// `sun_path` has 108 bytes on Linux and 104 on macOS, the NUL included.
    const MAX_ADDRESS: usize = 100;

    /// In the state folder, unless its name is too long for an address.
    pub(super) fn address(state: &Path, hash: &str) -> PathBuf {
        let usual = state.join("run").join("host.sock");
        if usual.as_os_str().len() <= MAX_ADDRESS {
            return usual;
        }
        let user = rustix::process::geteuid().as_raw();
        // Not TMPDIR, which need not be the same for client and host.
        Path::new("/tmp").join(format!("mdd-host-{user}-{hash}")).join("host.sock")
    }

    /// Makes the folder if it is missing, refuses one that somebody else made, and removes what a dead host left.
    pub(super) fn prepare(address: &Path) -> Result<(), SocketError> {
        let folder = address.parent().unwrap_or(Path::new("/"));
        let refuse = |reason: String| SocketError::Folder { folder: folder.to_owned(), reason };
        match private_folder::create_new(folder) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(refuse(error.to_string())),
        }
        // Not followed: a link in a folder that all may write to could lead anywhere.
        let found = fs::symlink_metadata(folder).map_err(|error| refuse(error.to_string()))?;
        if !found.is_dir() {
            return Err(refuse("it is no folder".to_owned()));
        }
        if found.uid() != rustix::process::geteuid().as_raw() {
            return Err(refuse("it belongs to another user".to_owned()));
        }
        if found.mode() & 0o077 != 0 {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
                .map_err(|error| refuse(error.to_string()))?;
        }
        match fs::remove_file(address) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(refuse(error.to_string())),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    pub(super) fn restrict(options: ListenerOptions<'_>) -> io::Result<ListenerOptions<'_>> {
        // Systems without a mode for sockets still have that of the folder.
        Ok(if cfg!(target_os = "linux") { options.mode(0o600) } else { options })
    }

    pub(super) fn name(address: &Path) -> io::Result<Name<'_>> {
        address.to_fs_name::<GenericFilePath>()
    }

    pub(super) fn is_ours(stream: &Stream) -> bool {
        let theirs = stream.peer_creds().ok().and_then(|creds| creds.euid());
        // Root may do what it likes anyway.
        theirs.is_some_and(|theirs| theirs == rustix::process::geteuid().as_raw() || theirs == 0)
    }
}

#[cfg(windows)]
mod os {
    use super::SocketError;
    use interprocess::{
        local_socket::{GenericNamespaced, ListenerOptions, Name, ToNsName as _, tokio::Stream},
        os::windows::{local_socket::ListenerOptionsExt as _, security_descriptor::SecurityDescriptor},
    };
    use std::{
        io,
        path::{Path, PathBuf},
    };

    pub(super) fn address(_state: &Path, hash: &str) -> PathBuf {
        PathBuf::from(format!("mdd-host-{hash}"))
    }

    pub(super) fn prepare(_address: &Path) -> Result<(), SocketError> {
        Ok(())
    }

    /// Full access for the owner of the pipe and nobody else, network logons refused.
    pub(super) fn restrict(options: ListenerOptions<'_>) -> io::Result<ListenerOptions<'_>> {
        let rules = widestring::U16CString::from_str("D:P(D;;GA;;;NU)(A;;GA;;;OW)").map_err(io::Error::other)?;
        Ok(options.security_descriptor(SecurityDescriptor::deserialize(&rules)?))
    }

    pub(super) fn name(address: &Path) -> io::Result<Name<'_>> {
        address.as_os_str().to_ns_name::<GenericNamespaced>()
    }

    /// The pipe's own rules let nobody else in.
    pub(super) fn is_ours(_stream: &Stream) -> bool {
        true
    }
}

//! Why a file is not used as a driver.

use mdd_driver_api::{API_VERSION, manifest};
use std::{io, path::PathBuf};

/// One line for people, with a code for programs and a remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    Unreadable(#[source] io::Error),
    /// It is a folder, a pipe, a device.
    #[error("this is no regular file")]
    NotAFile,
    /// A link is exchanged without touching the file that was looked at.
    #[error("this is a link to a file")]
    Link,
    /// It or a folder above it is somebody else's.
    #[error("{path} belongs to another user (number {owner})")]
    Owner {
        /// The file or folder.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// Somebody else may exchange it.
    #[error("other users may write to {0}")]
    Writable(PathBuf),
    /// Only what the user allows is used.
    #[error("{why}: {sha256}")]
    NotAllowed {
        /// Its hash.
        sha256: String,
        /// What is missing.
        why: String,
    },
    /// It did harm earlier.
    #[error("it is in quarantine since {since}: {reason}")]
    Quarantined {
        /// What it did.
        reason: String,
        /// RFC 3339 in UTC.
        since: String,
    },
    /// It took down the process that tried it.
    #[error("it crashed the process that tried it, in {place}: {how}")]
    Crashed {
        /// Which function.
        place: String,
        /// The signal or exception.
        how: String,
    },
    /// It never came back.
    #[error("it did not come back from {place} within {seconds} s")]
    Hung {
        /// Which function.
        place: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// It ended the process that tried it.
    #[error("it ended the process that tried it, in {place}, with exit code {code}")]
    EndsProcess {
        /// Which function.
        place: String,
        /// What it ended with.
        code: i32,
    },
    /// No process to try it could be started.
    #[error("it could not be tried: {0}")]
    NotVetted(#[source] io::Error),
    /// What a trial has said or says again.
    #[error("{reason}")]
    Told {
        /// Its code.
        code: String,
        /// Its line.
        reason: String,
        /// Its remedy.
        remedy: String,
    },
    /// It has no bytes.
    #[error("the file is empty")]
    Empty,
    /// No driver is that large.
    #[error("the file has {0} bytes, at most {max} are allowed", max = super::inspect::MAX_LEN)]
    TooLarge(u64),
    /// Not a library of any system.
    #[error("this is no shared library: {0}")]
    NotALibrary(String),
    /// The file ends before its own tables say.
    #[error("the file is incomplete: {0}")]
    Truncated(String),
    /// For another processor or system.
    #[error("it is built for {theirs}, this machine is {ours}")]
    WrongArchitecture {
        /// What the file is built for.
        theirs: String,
        /// What this host is built for.
        ours: String,
    },
    /// A library, but no driver.
    #[error("it is a shared library but no driver: it has no manifest section")]
    NotADriver,
    /// The manifest cannot be used.
    #[error("{0}")]
    Manifest(#[from] manifest::Invalid),
    /// The interface's major version differs.
    #[error("it was built for driver interface {theirs}, this host has {API_VERSION}")]
    ApiVersion {
        /// What the driver was built for.
        theirs: String,
        /// Whether the driver is the one that is behind.
        driver_is_older: bool,
    },
    /// Its first panic would end the host.
    #[error("it was built with panic = \"{0}\": its first panic would end the host")]
    PanicStrategy(String),
    /// The private copy could not be made.
    #[error("a private copy could not be made in {folder}: {source}")]
    Copy {
        /// Where it should go.
        folder: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The system's loader refused it.
    #[error("the system could not load it: {0}")]
    Loader(String),
    /// It carries a manifest but exports no driver.
    #[error("it exports no driver: {0}")]
    NoEntryPoint(String),
    /// Its types differ from ours although the version is the same.
    #[error("its interface does not fit this host's: {what}")]
    Layout {
        /// The first type that differs.
        what: String,
        /// Whether the driver was built for a newer interface than this host's.
        driver_is_newer: bool,
    },
    /// What it says when run is not what its file says.
    #[error("the manifest that it reports is not the one in its file")]
    ManifestDiffers,
    /// It panicked when it was tried.
    #[error("it panicked in {place}: {message}")]
    Panicked {
        /// Which function, or `drop`.
        place: &'static str,
        /// Message and place.
        message: String,
    },
    /// It cannot even be created.
    #[error("it could not create an instance: {0}")]
    NotCreated(String),
}

impl Refusal {
    /// Stable name of the refusal.
    pub fn code(&self) -> &str {
        match self {
            Self::Told { code, .. } => code,
            Self::Link => "driver-link",
            Self::Owner { .. } => "driver-owner",
            Self::Writable(_) => "driver-writable",
            Self::NotAllowed { .. } => "driver-not-allowed",
            Self::Quarantined { .. } => "driver-quarantined",
            Self::Crashed { .. } => "driver-crashed",
            Self::Hung { .. } => "driver-hung",
            Self::EndsProcess { .. } => "driver-ends-process",
            Self::NotVetted(_) => "driver-not-tried",
            Self::Unreadable(_) => "driver-unreadable",
            Self::NotAFile => "driver-not-a-file",
            Self::Empty => "driver-empty",
            Self::TooLarge(_) => "driver-too-large",
            Self::NotALibrary(_) => "driver-not-a-library",
            Self::Truncated(_) => "driver-truncated",
            Self::WrongArchitecture { .. } => "driver-wrong-architecture",
            Self::NotADriver => "driver-no-manifest",
            Self::Manifest(_) => "driver-bad-manifest",
            Self::ApiVersion { .. } => "driver-api-version",
            Self::PanicStrategy(_) => "driver-panic-abort",
            Self::Copy { .. } => "driver-copy-failed",
            Self::Loader(_) => "driver-not-loadable",
            Self::NoEntryPoint(_) => "driver-no-entry-point",
            Self::Layout { .. } => "driver-layout",
            Self::ManifestDiffers => "driver-manifest-differs",
            Self::Panicked { .. } => "driver-panicked",
            Self::NotCreated(_) => "driver-not-created",
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> &str {
        match self {
            Self::Told { remedy, .. } => remedy,
            Self::Link => "put the file itself into the plugins folder",
            Self::Owner { .. } => "take only drivers that you have put there yourself; `chown` what is yours",
            Self::Writable(_) => "take the right to write from the others: `chmod go-w`",
            Self::NotAllowed { .. } => "if you trust it, allow it with `mdd-host drivers trust FILE`",
            Self::Quarantined { .. } => "get a corrected version, or use it again with `mdd-host drivers trust FILE`",
            Self::NotVetted(_) => "see the log; try again with `mdd-host drivers check FILE`",
            Self::Crashed { .. } | Self::Hung { .. } | Self::EndsProcess { .. } => {
                "report it to the driver's author; go back to a version that worked"
            }
            Self::Unreadable(_) | Self::NotAFile => "check its path and permissions",
            Self::Empty | Self::Truncated(_) => "copy the driver again; the copy was interrupted",
            Self::TooLarge(_) | Self::NotALibrary(_) | Self::NotADriver => "remove the file from the plugins folder",
            Self::WrongArchitecture { .. } => "get the driver that is built for this system",
            Self::ApiVersion { driver_is_older: true, .. } => "update the driver",
            Self::ApiVersion { driver_is_older: false, .. } => "update mdd-host",
            Self::PanicStrategy(_) => "ask its author to build it with panic = \"unwind\"",
            Self::Copy { .. } => "make room in the state folder, or name another with --state-dir",
            Self::Loader(_) => "install the library that it misses, or get a build for this system",
            Self::Layout { driver_is_newer: true, .. } => "update mdd-host",
            Self::Layout { driver_is_newer: false, .. } => {
                "update the driver, or rebuild it with the published mdd-driver-api"
            }
            Self::Manifest(_) | Self::NoEntryPoint(_) | Self::ManifestDiffers => "ask its author for a corrected build",
            Self::Panicked { .. } | Self::NotCreated(_) => {
                "report it to the driver's author; go back to a version that worked"
            }
        }
    }
}

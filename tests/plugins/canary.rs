//! A library whose constructor leaves a trace, so that a load that should not have been is seen.

use mdd_driver_api::API_VERSION;
use std::{
    env::consts::DLL_EXTENSION,
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// A folder with a library, and where it leaves its trace.
pub(crate) struct Canary {
    folder: TempDir,
    pub(crate) library: PathBuf,
}

impl Canary {
    /// Builds the library; `name` is what it writes.
    pub(crate) fn named(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join(format!("canary.{DLL_EXTENSION}"));
        build(&library, name, &folder.path().join("trace"));
        Self { folder, library }
    }

    /// Whether its constructor ran.
    pub(crate) fn sang(&self) -> bool {
        self.folder.path().join("trace").exists()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        fs::read(&self.library).unwrap()
    }
}

fn build(library: &Path, name: &str, trace: &Path) {
    let manifest = format!(
        r#"{{"schema":1,"api_version":"{API_VERSION}","version":"1.0.0","panic":"unwind","rustc":"","target":"","driver":{{"kind":"canary","title":"Canary"}}}}"#
    );
    let quoted = manifest.replace('"', "\\\"");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins/canary.c");
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .arg(library)
        .arg(format!("-DMANIFEST=\"{quoted}\""))
        .arg(format!("-DNAME=\"{name}\""))
        .arg(format!("-DTRACE=\"{}\"", trace.display()))
        .arg(source)
        .status()
        .expect("a C compiler is there: Rust needs one to link");
    assert!(status.success());
}

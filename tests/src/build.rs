//! Builds what the tests run but do not link: drivers and programs.

use std::{
    env::{self, consts},
    fs::File,
    path::{Path, PathBuf},
    sync::OnceLock,
};

/// Where the built files are.
pub struct Built {
    folder: PathBuf,
}

impl Built {
    /// A driver of `drivers/` or of `tests/drivers/`.
    pub fn driver(&self, name: &str) -> PathBuf {
        let name = name.replace('-', "_");
        let file = |stem: &str| self.folder.join(format!("{}{stem}{}", consts::DLL_PREFIX, consts::DLL_SUFFIX));
        let shipped = file(&format!("mdd_driver_{name}"));
        if shipped.exists() { shipped } else { file(&format!("mdd_test_driver_{name}")) }
    }

    /// A program.
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}{}", consts::EXE_SUFFIX))
    }
}

/// Builds once per process, and once per run where the runner starts a process for each test.
///
/// # Panics
/// When the build fails.
pub fn built() -> &'static Built {
    static BUILT: OnceLock<Built> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = profile_folder();
        match env::var("NEXTEST_RUN_ID") {
            Ok(run) => once_per_run(&folder.join(format!(".mdd-tests-{run}"))),
            Err(_) => build(),
        }
        Built { folder }
    })
}

/// `target/debug`: a test is at `target/debug/deps/NAME`.
fn profile_folder() -> PathBuf {
    let test = env::current_exe().expect("a test knows its own path");
    test.ancestors().nth(2).map(Path::to_owned).expect("a test is two folders deep")
}

/// The first process of a run builds while the others wait for its lock.
fn once_per_run(marker: &Path) {
    let lock = File::create(marker.with_extension("lock")).expect("the target folder can be written");
    lock.lock().expect("a file in the target folder can be locked");
    if !marker.exists() {
        build();
        File::create(marker).expect("the target folder can be written");
    }
}

fn build() {
    let status = xtask::workspace::cargo()
        .args(["build", "--quiet", "--workspace", "--exclude", "xtask", "--lib", "--bins"])
        .status()
        .expect("cargo runs");
    assert!(status.success(), "the drivers and programs could not be built");
}

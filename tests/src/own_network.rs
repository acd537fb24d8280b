//! Tests that look around: each in a network of its own, so that it finds what it has started and nothing else. Those
//! that need it have a disk of their own, too.

use crate::built;
use std::{env, process::Command};

/// Set inside.
const INSIDE: &str = "MDD_TESTS_OWN_NETWORK";

/// Runs a test in a network namespace that has nothing but a loopback interface. `name` is the test's own path.
///
/// # Panics
/// When it fails, or when this system cannot make namespaces.
pub fn in_own_network(name: &str, test: impl Future<Output = ()>) {
    inside(name, &["--net"], "true", test);
}

/// The same with temporary files on a disk of its own, which has room for 100 MB.
///
/// # Panics
/// When it fails, or when this system cannot make namespaces.
pub fn on_own_disk(name: &str, test: impl Future<Output = ()>) {
    let disk = "mount -t tmpfs -o size=100m none /mnt && export TMPDIR=/mnt";
    inside(name, &["--net", "--mount"], disk, test);
}

fn inside(name: &str, namespaces: &[&str], setup: &str, test: impl Future<Output = ()>) {
    if env::var_os(INSIDE).is_some() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
        return runtime.block_on(test);
    }
    built();
    let exe = env::current_exe().expect("a test knows its own path");
    let mut command = Command::new("unshare");
    // Whoever is not root is it inside, with the other users that the system grants.
    if !rustix::process::geteuid().is_root() {
        command.args(["--map-root-user", "--map-auto"]);
    }
    let script = format!(r#"ip link set lo up && {setup} && exec "$0" --exact "$1" --nocapture"#);
    command.args(namespaces).args(["sh", "-c", &script]).arg(exe).arg(name);
    let status = command.env(INSIDE, "1").status().expect("unshare runs");
    assert!(status.success(), "{name} failed in its own network");
}

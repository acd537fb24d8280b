//! An Avahi daemon of Debian's packages, which are unpacked and not installed.

use mdd_tests::Neighbour;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Stdio},
};
use tempfile::TempDir;

const PACKAGES: [&str; 7] =
    ["avahi-daemon", "libavahi-core7", "libavahi-common3", "libdaemon0", "libdbus-1-3", "libexpat1", "libcap2"];

/// Over the folder `/etc` of the daemon alone lies one with our files, and `/run` is empty for it.
const START: &str = r#"mount -t overlay overlay -o "lowerdir=$1:/etc" /etc && mount -t tmpfs tmpfs /run &&
    exec "$2" --file "$1/avahi/avahi-daemon.conf" --no-drop-root --no-chroot --no-rlimits --no-proc-title"#;

const SETTINGS: &str = "[server]\nhost-name=studio\nenable-dbus=no\nuse-ipv6=no\nallow-interfaces=far\n";

/// Brings the packages into the user's cache.
pub(crate) fn fetch() -> Vec<PathBuf> {
    let unpacked = |package: &&str| xtask::debian::unpacked(package).unwrap_or_else(|error| panic!("{error:#}"));
    PACKAGES.iter().map(unpacked).collect()
}

/// A running daemon; it says goodbye when it goes.
pub(crate) struct Avahi {
    process: Child,
    _etc: TempDir,
}

impl Avahi {
    /// Announces a web page at a port of the other machine.
    pub(crate) fn announce(neighbour: &Neighbour, port: u16) -> Self {
        let folders = fetch();
        let etc = tempfile::tempdir().expect("a temporary folder can be made");
        let write = |name: &str, text: &str| {
            let path = etc.path().join(name);
            fs::create_dir_all(path.parent().expect("it is below a folder")).expect("it can be made");
            fs::write(path, text).expect("it can be written");
        };
        write("avahi/avahi-daemon.conf", SETTINGS);
        // One service in a file: several of one name in one file are none.
        write(
            "avahi/services/pictures.service",
            &format!(
                "<?xml version=\"1.0\"?><!DOCTYPE service-group SYSTEM \"avahi-service.dtd\"><service-group>\
                 <name>Pictures</name><service><type>_http._tcp</type><port>{port}</port></service></service-group>"
            ),
        );
        // It insists on a user of its own, although it stays who it is.
        for (name, line) in [("passwd", "avahi:x:0:0::/:/bin/false\n"), ("group", "avahi:x:0:\n")] {
            let known = fs::read_to_string(Path::new("/etc").join(name)).unwrap_or_default();
            write(name, &format!("{known}{line}"));
        }
        let libraries: Vec<PathBuf> = folders.iter().flat_map(|folder| libraries(folder)).collect();
        let mut command = neighbour.command("unshare");
        command
            .args(["--mount", "sh", "-c", START, "sh"])
            .arg(etc.path())
            .arg(folders[0].join("usr/sbin/avahi-daemon"));
        command.env("LD_LIBRARY_PATH", std::env::join_paths(libraries).expect("a cache has no colon in its name"));
        let process = command.stdin(Stdio::null()).spawn().expect("nsenter runs");
        Self { process, _etc: etc }
    }
}

/// Folders for shared libraries of each architecture.
fn libraries(package: &Path) -> impl Iterator<Item = PathBuf> {
    let folders = ["lib", "usr/lib"].map(|name| fs::read_dir(package.join(name)));
    folders.into_iter().flatten().flatten().flatten().map(|entry| entry.path()).filter(|path| path.is_dir())
}

impl Drop for Avahi {
    fn drop(&mut self) {
        let _ended_already = rustix::process::kill_process(
            rustix::process::Pid::from_child(&self.process),
            rustix::process::Signal::TERM,
        );
        let _reaped_already = self.process.wait();
    }
}

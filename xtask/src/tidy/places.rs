//! Nothing committed tells on which machine it was made, or from where its packages came.

use super::Finding;
use super::source::File;

/// Folders of machines. A home folder counts unless it belongs to one of [`ANYBODY`].
const FOLDERS: &[&str] = &["/work/", "/root/", "/home/", "/Users/", "C:\\Users\\"];
/// Users of examples and of tests.
const ANYBODY: &[&str] = &["artist", "user", "you"];
/// Parts of the names of package registries.
const HOSTS: &[&str] = &[
    "artifactory",
    "index.crates.io",
    "static.crates.io",
    "pypi.org",
    "pythonhosted.org",
    "registry.npmjs.org",
    "deb.debian.org",
];
/// This file names what it forbids.
const EXEMPT: &str = "xtask/src/tidy/places.rs";

pub(super) fn check(files: &[File]) -> Vec<Finding> {
    files.iter().filter(|file| file.path != EXEMPT).flat_map(told).collect()
}

fn told(file: &File) -> Vec<Finding> {
    let folders = file.lines().filter_map(|(line, text)| {
        let folder = FOLDERS.iter().find(|folder| is_place(text, folder))?;
        Some(Finding::new(file, line, format!("names a folder of a machine ({folder}…)")))
    });
    let hosts = file.lines().filter_map(|(line, text)| {
        let host = HOSTS.iter().find(|host| text.to_ascii_lowercase().contains(**host))?;
        Some(Finding::new(file, line, format!("names the host of a package registry ({host})")))
    });
    folders.chain(hosts).collect()
}

/// Whether a path begins there: `/work/` in `/work/x`, and neither in `a/work/x` nor in `https://host/work/x`.
fn is_place(text: &str, folder: &str) -> bool {
    text.match_indices(folder).any(|(at, _)| {
        let within =
            text[..at].chars().next_back().is_some_and(|before| before.is_alphanumeric() || "._-~}".contains(before));
        let rest = &text[at + folder.len()..];
        let name: String =
            rest.chars().take_while(|character| character.is_alphanumeric() || "._-".contains(*character)).collect();
        let of_a_user = folder.contains("home") || folder.contains("Users");
        !within && !(of_a_user && (name.is_empty() || ANYBODY.contains(&name.as_str())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> bool {
        !check(&[File::new("docs/src/a.md", text)]).is_empty()
    }

    #[test]
    fn folders_of_machines_are_found() {
        for text in ["see /work/main", "\"/root/.cargo\"", "/home/jane/x", "C:\\Users\\jane\\x", "file:///home/jane"] {
            assert!(found(text), "{text}");
        }
    }

    #[test]
    fn examples_and_addresses_are_not() {
        for text in [
            "/home/artist/x",
            "/home/<name>/x",
            "network/work/x",
            "https://example.org/work/x",
            "/rooted",
            "~/work/x",
            "${X}/root/x",
        ] {
            assert!(!found(text), "{text}");
        }
    }

    #[test]
    fn registry_hosts_are_found() {
        assert!(found("https://PyPI.org/simple") && found("x.jfrog.example/artifactory/api"));
        assert!(!found("https://github.com/rust-lang/crates.io-index"));
    }
}

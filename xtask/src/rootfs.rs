//! Root folders of Debian suites in the user's cache folder, for programs that no Python package carries.

use crate::{debian, process, tool};
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What nobody reads there.
const LEFT_OUT: &[&str] = &["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*"];

/// A root folder with these packages of a suite, which is made when it is missing: minutes, and about 1 GB.
///
/// It stays as it is until somebody removes it, so that a suite that moves does not change what is tested.
pub fn ensure(name: &str, suite: &str, packages: &[&str]) -> Result<PathBuf> {
    if process::capture(Command::new("id").arg("-u"))?.trim() != "0" {
        return Err(tool::Missing(format!("a root folder with {name} can only be made and entered by root")).into());
    }
    let folder = tool::cache()?.join("rootfs").join(format!("{name}-{suite}"));
    let root = folder.join("root");
    tool::once(&folder, || {
        eprintln!("making a root folder of Debian {suite} with {name}, once");
        make(&root, suite, packages)
            .map_err(|error| tool::Missing(format!("Debian {suite} with {name} cannot be installed: {error:#}")).into())
    })?;
    Ok(root)
}

fn make(root: &Path, suite: &str, packages: &[&str]) -> Result<()> {
    if tool::on_path("mmdebstrap").is_none() {
        debian::install(&["mmdebstrap"])?;
    }
    let mut mmdebstrap = Command::new("mmdebstrap");
    // A mirror may lag behind the clock of a suite that moves.
    mmdebstrap.args(["--quiet", "--variant=apt", "--aptopt=Acquire::Check-Valid-Until \"false\""]);
    mmdebstrap.args(["--aptopt=APT::Install-Recommends \"false\"", "--dpkgopt=force-unsafe-io"]);
    mmdebstrap.args(LEFT_OUT.iter().map(|pattern| format!("--dpkgopt=path-exclude={pattern}")));
    mmdebstrap.arg(format!("--include={}", packages.join(","))).arg(suite).arg(root).arg(mirror()?);
    process::run(&mut mmdebstrap)
}

/// The mirror that this machine itself uses.
fn mirror() -> Result<String> {
    let folder = Path::new("/etc/apt");
    let more = fs::read_dir(folder.join("sources.list.d")).into_iter().flatten().flatten().map(|entry| entry.path());
    let texts = more.chain([folder.join("sources.list")]).filter_map(|file| fs::read_to_string(file).ok());
    texts.filter_map(|text| first_mirror(&text)).next().context("apt has no source")
}

fn first_mirror(sources: &str) -> Option<String> {
    let lines = sources.lines().filter(|line| line.starts_with("URIs:") || line.starts_with("deb "));
    lines.flat_map(str::split_whitespace).find(|word| word.starts_with("http")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::first_mirror;

    #[test]
    fn the_mirror_is_read_from_both_forms_of_sources() {
        let sources = "Types: deb\n# URIs: http://old.example/debian\nURIs: http://mirror.example/debian\nSuites: x\n";
        assert_eq!(first_mirror(sources).as_deref(), Some("http://mirror.example/debian"));
        assert_eq!(
            first_mirror("deb [arch=amd64] https://b.example/d x main\n").as_deref(),
            Some("https://b.example/d")
        );
        assert_eq!(first_mirror("# deb http://c.example x main\n"), None);
    }
}

//! The version that drivers are checked against is the version of the crate that they are built with.

use super::Finding;
use super::source::File;
use serde::Deserialize;

const MANIFEST: &str = "driver-api/Cargo.toml";
const CONSTANT: &str = "pub const API_VERSION: &str = \"";

pub(super) fn check(files: &[File]) -> Option<Finding> {
    let manifest = files.iter().find(|file| file.path == MANIFEST)?;
    let crate_version = version_of(&manifest.text);
    let declared = files.iter().filter(|file| file.is_in("driver-api/src")).find_map(|file| {
        let (line, text) = file.lines().find(|(_, text)| text.starts_with(CONSTANT))?;
        Some((file, line, text[CONSTANT.len()..].split('"').next().unwrap_or_default()))
    });
    let Some((file, line, declared)) = declared else {
        return Some(Finding::new(manifest, 0, format!("no file of driver-api says {CONSTANT}…")));
    };
    let agree = crate_version.as_deref() == Some(declared);
    (!agree).then(|| Finding::new(file, line, format!("API_VERSION is {declared}, {MANIFEST} says {crate_version:?}")))
}

fn version_of(manifest: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Manifest {
        package: Package,
    }
    #[derive(Deserialize)]
    struct Package {
        version: String,
    }
    toml::from_str::<Manifest>(manifest).ok().map(|manifest| manifest.package.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(constant: &str) -> bool {
        let manifest = File::new(MANIFEST, "[package]\nversion = \"1.2.0\"\n");
        let source = File::new("driver-api/src/abi.rs", format!("//! a\n{constant}\n"));
        check(&[manifest, source]).is_some()
    }

    #[test]
    fn both_versions_agree() {
        assert!(!broken("pub const API_VERSION: &str = \"1.2.0\";"));
        assert!(broken("pub const API_VERSION: &str = \"1.1.0\";"));
        assert!(broken("const OTHER: &str = \"1.2.0\";"));
    }
}

//! `drivers new`: a crate for a driver, made from the template of this repository.

use crate::{Verdict, arguments::Global, failure::Coded, output};
use anyhow::{Context as _, bail};
use mdd_core::plugins::Declaration;
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    env::consts::{DLL_PREFIX, DLL_SUFFIX},
    fs, io,
    path::{Component, Path, PathBuf},
};

const FILES: [(&str, &str); 5] = [
    ("manifest.json", include_str!("../../../drivers/template/manifest.json")),
    ("docs.md", include_str!("../../../drivers/template/docs.md")),
    ("provoked.txt", include_str!("../../../drivers/template/provoked.txt")),
    ("src/lib.rs", include_str!("../../../drivers/template/src/lib.rs")),
    ("conformance/service.json", include_str!("../../../drivers/template/conformance/service.json")),
];
const MANIFEST: &str = include_str!("../../../drivers/template/Cargo.toml");
/// What a crate that is no member of the workspace says for itself.
const OWN: [(&str, &str); 7] = [
    ("rust-version.workspace = true", concat!("rust-version = \"", env!("CARGO_PKG_RUST_VERSION"), "\"")),
    ("version.workspace = true", "version = \"0.1.0\""),
    ("edition.workspace = true", "edition = \"2024\""),
    ("license.workspace = true", concat!("license = \"", env!("CARGO_PKG_LICENSE"), "\"")),
    ("publish.workspace = true", "publish = false"),
    ("[lints]\nworkspace = true\n\n", ""),
    ("serde_json.workspace = true", "serde_json = \"1\""),
];

/// What was made.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Made {
    /// The folder of the crate.
    folder: String,
    /// Where mdd-driver-api is.
    api: String,
}

/// Makes the folder `NAME` with everything in it that a driver takes.
pub(crate) fn new(global: &Global, folder: &Path, api: Option<&Path>) -> anyhow::Result<Verdict> {
    let name = folder.file_name().and_then(|name| name.to_str()).context("its name is not text")?.to_owned();
    let declaration = Declaration { kind: name.clone(), title: name.clone(), ..Declaration::default() };
    declaration.validate().map_err(|error| Coded::new("bad-kind", format!("{name:?} can be no kind: {error}")))?;
    if folder.exists() {
        bail!(Coded::new("is-there", format!("{} is there already", folder.display())));
    }
    let folder = std::path::absolute(folder)?;
    let api = the_api(&folder, api)?;
    make(&folder, &name, &manifest(&name, &folder, &api))?;
    if global.json {
        output::json(&Made { folder: folder.display().to_string(), api: api.display().to_string() })?;
        return Ok(Verdict::InOrder);
    }
    output::text(&format!(
        "Made {}. Next:\n  cargo build --manifest-path {}\n  mdd-host drivers check {} --script {}\n",
        folder.display(),
        folder.join("Cargo.toml").display(),
        library(&name, &folder, &api).display(),
        folder.join("conformance").display()
    ))?;
    Ok(Verdict::InOrder)
}

/// What cargo will make of it, where nobody has told cargo of another place.
fn library(name: &str, folder: &Path, api: &Path) -> PathBuf {
    let root = root_of_workspace(folder, api).unwrap_or(folder);
    let file = format!("{DLL_PREFIX}mdd_driver_{}{DLL_SUFFIX}", name.replace('-', "_"));
    root.join("target/debug").join(file)
}

/// Of the workspace that the interface is in, where the folder is a member of it by its place.
fn root_of_workspace<'a>(folder: &Path, api: &'a Path) -> Option<&'a Path> {
    api.parent().filter(|root| folder.parent() == Some(&root.join("drivers")))
}

/// All files or none.
fn make(folder: &Path, name: &str, manifest: &str) -> anyhow::Result<()> {
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent).with_context(|| format!("{} cannot be made", parent.display()))?;
    }
    fs::create_dir(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let write = |path: &str, text: &str| -> io::Result<()> {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, text)
    };
    let mut files = FILES.iter().map(|(path, text)| write(path, &filled(text, name)));
    let written = write("Cargo.toml", manifest).and_then(|()| files.try_for_each(|written| written));
    if written.is_err() {
        let _gone = fs::remove_dir_all(folder);
    }
    written.with_context(|| format!("{} cannot be filled", folder.display()))
}

/// The template with another name.
fn filled(text: &str, name: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
    };
    let title = name.split('-').map(capital).collect::<Vec<_>>().join(" ");
    let variable = name.to_uppercase().replace('-', "_");
    text.replace("template", name).replace("TEMPLATE", &variable).replace("Template", &title)
}

/// `Cargo.toml` for the place where it lies: a member of the workspace that the interface is in, or one for itself.
fn manifest(name: &str, folder: &Path, api: &Path) -> String {
    let text = filled(MANIFEST, name);
    if root_of_workspace(folder, api).is_some() {
        return text;
    }
    let path = relative(folder, api).display().to_string().replace('\\', "/");
    let dependency = format!(r#"mdd-driver-api = {{ path = "{path}" }}"#);
    let text = text.replace("mdd-driver-api.workspace = true", &dependency);
    let text = OWN.iter().fold(text, |text, (shared, own)| text.replace(shared, own));
    // Also below somebody else's workspace.
    text + "\n[workspace]\n"
}

/// The folder of mdd-driver-api, without which nothing that is made could be built.
fn the_api(folder: &Path, named: Option<&Path>) -> anyhow::Result<PathBuf> {
    let Some(named) = named else {
        let nobody = || {
            let text = "no folder above it has mdd-driver-api, which is not published yet";
            Coded::new("no-interface", text)
        };
        let mut candidates = folder.ancestors().skip(1).map(|folder| folder.join("driver-api"));
        return Ok(candidates.find(|candidate| is_the_api(candidate)).ok_or_else(nobody)?);
    };
    let api = std::path::absolute(named)?;
    if !is_the_api(&api) {
        bail!(Coded::new("no-interface", format!("{} does not hold mdd-driver-api", api.display())));
    }
    Ok(api)
}

fn is_the_api(folder: &Path) -> bool {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    manifest.contains(r#"name = "mdd-driver-api""#)
}

/// How one comes from a folder to another.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let (from, to): (Vec<_>, Vec<_>) = (from.components().collect(), to.components().collect());
    let common = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
    let up = from[common..].iter().map(|_| Component::ParentDir);
    up.chain(to[common..].iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::{filled, manifest, relative};
    use std::path::Path;

    #[test]
    fn a_name_is_told_as_each_place_wants_it() {
        let named = filled("\"template.asleep\" of MDD_TEMPLATE_URL: start Template.", "desk-lamp");
        assert_eq!(named, "\"desk-lamp.asleep\" of MDD_DESK_LAMP_URL: start Desk Lamp.");
    }

    #[test]
    fn a_member_of_the_workspace_shares_what_it_says_and_others_say_all_themselves() {
        assert_eq!(relative(Path::new("/a/b/c"), Path::new("/a/d")), Path::new("../../d"));
        let member = manifest("x", Path::new("/a/drivers/x"), Path::new("/a/driver-api"));
        assert!(member.contains("mdd-driver-api.workspace = true") && !member.contains("[workspace]"), "{member}");
        let alone = manifest("x", Path::new("/b/x"), Path::new("/a/driver-api"));
        assert!(alone.contains(r#"path = "../../a/driver-api""#) && alone.contains("[workspace]"), "{alone}");
        assert!(!alone.contains("workspace = true"), "{alone}");
    }
}

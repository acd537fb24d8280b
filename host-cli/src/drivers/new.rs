//! `drivers new`: a crate for a driver, made from the template of this repository.

use crate::{Verdict, arguments::Global, failure::Coded, output};
use anyhow::{Context as _, bail};
use mdd_core::plugins::Declaration;
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    fs,
    path::{Component, Path, PathBuf},
};

const FILES: [(&str, &str); 5] = [
    ("Cargo.toml", include_str!("../../../drivers/template/Cargo.toml")),
    ("manifest.json", include_str!("../../../drivers/template/manifest.json")),
    ("docs.md", include_str!("../../../drivers/template/docs.md")),
    ("src/lib.rs", include_str!("../../../drivers/template/src/lib.rs")),
    ("conformance/service.json", include_str!("../../../drivers/template/conformance/service.json")),
];
/// The dependency as the template has it.
const DEPENDENCY: &str = r#"mdd-driver-api = { path = "../../driver-api" }"#;

/// What was made.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Made {
    /// The folder of the crate.
    folder: String,
    /// Where mdd-driver-api is, as far as that is known.
    api: Option<String>,
}

/// Makes the folder `NAME` with everything in it that a driver takes.
pub(crate) fn new(global: &Global, folder: &Path, api: Option<&Path>) -> anyhow::Result<Verdict> {
    let name = folder.file_name().and_then(|name| name.to_str()).context("its name is not text")?.to_owned();
    let declaration = Declaration { kind: name.clone(), title: name.clone(), ..Declaration::default() };
    declaration.validate().map_err(|error| Coded::new("cannot-be", format!("{name:?} can be no kind: {error}")))?;
    if folder.exists() {
        bail!(Coded::new("is-there", format!("{} is there already", folder.display())));
    }
    let folder = std::path::absolute(folder)?;
    let api = match api {
        Some(api) => Some(std::path::absolute(api)?),
        None => nearest_api(&folder),
    };
    if let Some(api) = &api
        && !api.join("Cargo.toml").is_file()
    {
        bail!(Coded::new("not-found", format!("{} does not hold mdd-driver-api", api.display())));
    }
    for (path, text) in FILES {
        let mut text = filled(text, &name);
        if path == "Cargo.toml" {
            text = placed(&text, &folder, api.as_deref());
        }
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap_or(&folder))?;
        fs::write(path, text)?;
    }
    if global.json {
        output::json(&Made { folder: folder.display().to_string(), api: api.map(|api| api.display().to_string()) })?;
        return Ok(Verdict::InOrder);
    }
    output::text(&format!(
        "Made {}. Next:\n  cargo build --manifest-path {}\n  mdd-host drivers check FILE --script {}\n",
        folder.display(),
        folder.join("Cargo.toml").display(),
        folder.join("conformance").display()
    ))?;
    if api.is_none() {
        output::text("mdd-driver-api was not found here; name its folder with --api, or in Cargo.toml.\n")?;
    }
    Ok(Verdict::InOrder)
}

/// The template with another name.
fn filled(text: &str, name: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
    };
    let words: Vec<String> = name.split('-').map(capital).collect();
    // In code it is one word, for people several.
    let (kind, title) = (words.concat(), words.join(" "));
    let text = text.replace("template", name);
    let text =
        text.replace("struct Template", &format!("struct {kind}")).replace("for Template {", &format!("for {kind} {{"));
    let text = text.replace("impl Template", &format!("impl {kind}")).replace("!(Template,", &format!("!({kind},"));
    text.replace("Template", &title)
}

/// `Cargo.toml` for the place where it lies.
fn placed(text: &str, folder: &Path, api: Option<&Path>) -> String {
    let Some(api) = api else { return text.replace(DEPENDENCY, r#"mdd-driver-api = "1""#) + "\n[workspace]\n" };
    let path = relative(folder, api).display().to_string().replace('\\', "/");
    let text = text.replace(DEPENDENCY, &format!(r#"mdd-driver-api = {{ path = "{path}" }}"#));
    let is_member = api.parent().is_some_and(|root| folder.parent() == Some(&root.join("drivers")));
    // Anywhere else it stands for itself, also below somebody's workspace.
    if is_member { text } else { text + "\n[workspace]\n" }
}

/// The crate in a checkout of the repository that the folder lies in.
fn nearest_api(folder: &Path) -> Option<PathBuf> {
    let candidates = folder.ancestors().skip(1).map(|folder| folder.join("driver-api"));
    candidates.into_iter().find(|candidate| {
        let manifest = fs::read_to_string(candidate.join("Cargo.toml")).unwrap_or_default();
        manifest.contains(r#"name = "mdd-driver-api""#)
    })
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
    use super::{filled, placed, relative};
    use std::path::Path;

    #[test]
    fn a_name_is_one_word_in_code_and_several_for_people() {
        let text = "struct Template;\nimpl Driver for Template {\nimpl Template {\n\"template.asleep\" Start Template.";
        let named =
            "struct DeskLamp;\nimpl Driver for DeskLamp {\nimpl DeskLamp {\n\"desk-lamp.asleep\" Start Desk Lamp.";
        assert_eq!(filled(text, "desk-lamp"), named);
    }

    #[test]
    fn the_way_to_the_interface_is_relative() {
        assert_eq!(relative(Path::new("/a/b/c"), Path::new("/a/d")), Path::new("../../d"));
        let manifest = placed(super::FILES[0].1, Path::new("/a/drivers/x"), Some(Path::new("/a/driver-api")));
        assert!(manifest.contains(r#"path = "../../driver-api""#) && !manifest.contains("[workspace]"), "{manifest}");
        let manifest = placed(super::FILES[0].1, Path::new("/b/x"), Some(Path::new("/a/driver-api")));
        assert!(manifest.contains(r#"path = "../../a/driver-api""#) && manifest.contains("[workspace]"), "{manifest}");
    }
}

//! What is in the programs that we ship: a bill of materials in the form of CycloneDX, from what cargo itself knows.

use crate::{process, workspace};
use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The program; drivers stand beside it.
const PROGRAM: &str = "mdd-host";
/// What all that is shipped together is called in the bill.
const RELEASE: &str = "release";

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    /// Null for one that is part of what is built.
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

/// Writes the bill of this platform into a folder, and returns the file.
pub fn write(folder: &Path) -> Result<PathBuf> {
    let bill = of_this_platform()?;
    let version = bill["metadata"]["component"]["version"].as_str().context("the program has a version")?;
    fs::create_dir_all(folder)?;
    let file = folder.join(format!("{PROGRAM}-{version}-{}-{}.cdx.json", std::env::consts::OS, std::env::consts::ARCH));
    fs::write(&file, serde_json::to_string_pretty(&bill)? + "\n")?;
    Ok(file)
}

fn of_this_platform() -> Result<Value> {
    let target = process::capture(workspace::cargo().args(["-vV"]))?;
    let target = target.lines().find_map(|line| line.strip_prefix("host: ")).context("cargo names its platform")?;
    let mut cargo = workspace::cargo();
    cargo.args(["metadata", "--format-version", "1", "--locked", "--filter-platform", target]);
    let metadata: Metadata = serde_json::from_str(&process::capture(&mut cargo)?)?;
    let lock: Lock = toml::from_str(&fs::read_to_string(workspace::root().join("Cargo.lock"))?)?;
    let drivers = workspace::drivers()?.into_iter().map(|driver| driver.package);
    let roots: Vec<String> = std::iter::once(PROGRAM.to_owned()).chain(drivers).collect();
    bill(&metadata, &lock, &roots)
}

fn bill(metadata: &Metadata, lock: &Lock, roots: &[String]) -> Result<Value> {
    let packages: BTreeMap<&str, &Package> =
        metadata.packages.iter().map(|package| (package.id.as_str(), package)).collect();
    let needed: BTreeMap<&str, Vec<&str>> =
        metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), built_in(node))).collect();
    let roots = metadata.packages.iter().filter(|package| package.source.is_none() && roots.contains(&package.name));
    let roots: Vec<&Package> = roots.collect();
    let mut todo: Vec<&str> = roots.iter().map(|package| package.id.as_str()).collect();
    let mut reached = BTreeSet::new();
    while let Some(id) = todo.pop() {
        if reached.insert(id) {
            todo.extend(needed.get(id).into_iter().flatten());
        }
    }
    let reached: Vec<&Package> = reached.iter().filter_map(|id| packages.get(id).copied()).collect();
    let program = *reached.iter().find(|package| package.name == PROGRAM).context("cargo knows our program")?;
    let components: Vec<Value> = reached.iter().map(|package| component(package, lock)).collect();
    let shipped =
        json!({"ref": RELEASE, "dependsOn": roots.iter().map(|root| reference(root)).collect::<BTreeSet<_>>()});
    let dependencies: Vec<Value> = std::iter::once(shipped)
        .chain(reached.iter().map(|package| {
            let on = needed.get(package.id.as_str()).into_iter().flatten().filter_map(|id| packages.get(id));
            json!({"ref": reference(package), "dependsOn": on.map(|on| reference(on)).collect::<BTreeSet<_>>()})
        }))
        .collect();
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": PROGRAM, "version": program.version, "bom-ref": RELEASE}},
        "components": components,
        "dependencies": dependencies,
    }))
}

/// What is built into a package, as against what builds or tests it.
fn built_in(node: &Node) -> Vec<&str> {
    let is_part = |dependency: &&Dependency| dependency.dep_kinds.iter().any(|kind| kind.kind.is_none());
    node.deps.iter().filter(is_part).map(|dependency| dependency.pkg.as_str()).collect()
}

fn component(package: &Package, lock: &Lock) -> Value {
    let checksum = lock
        .package
        .iter()
        .find(|locked| locked.name == package.name && locked.version == package.version)
        .and_then(|locked| locked.checksum.as_deref());
    let mut component = json!({
        "type": "library",
        "name": package.name,
        "version": package.version,
        "bom-ref": reference(package),
        "purl": reference(package),
    });
    if let Some(license) = &package.license {
        // Old packages write a slash.
        component["licenses"] = json!([{"expression": license.replace('/', " OR ").replace("  OR  ", " OR ")}]);
    }
    if let Some(checksum) = checksum {
        component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
    }
    component
}

fn reference(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version)
}

#[cfg(test)]
mod form;

#[cfg(test)]
mod tests {
    use super::{RELEASE, form, of_this_platform};
    use std::collections::BTreeSet;

    #[test]
    fn it_has_the_form_that_readers_of_bills_expect() {
        let bill = of_this_platform().unwrap();
        form::check(&bill).unwrap();
        for (place, wrong) in [
            ("/specVersion", "1.4"),
            ("/components/0/type", "crate"),
            ("/components/0/licenses", "MIT"),
            ("/components/0/bom-ref", RELEASE),
            ("/dependencies/0/ref", "pkg:cargo/nobody@1.0.0"),
        ] {
            let mut bill = bill.clone();
            *bill.pointer_mut(place).unwrap() = wrong.into();
            assert!(form::check(&bill).is_err(), "{place}");
        }
        let mut more = bill;
        more["components"][0]["licence"] = "MIT".into();
        assert!(form::check(&more).is_err(), "an unknown field");
    }

    #[test]
    fn it_has_what_is_shipped_with_hashes_and_nothing_else() {
        let bill = of_this_platform().unwrap();
        let components = bill["components"].as_array().unwrap();
        let names: BTreeSet<&str> = components.iter().map(|component| component["name"].as_str().unwrap()).collect();
        for shipped in ["mdd-host", "mdd-core", "mdd-driver-comfyui", "mdd-gradio", "tokio", "rusqlite"] {
            assert!(names.contains(shipped), "{shipped} is missing");
        }
        for other in ["mdd-sim", "xtask", "proptest", "insta", "mdd-driver-template"] {
            assert!(!names.contains(other), "{other} is not shipped");
        }
        let ours = |name: &str| name.starts_with("mdd-");
        for component in components {
            let name = component["name"].as_str().unwrap();
            assert!(component["licenses"][0]["expression"].is_string(), "{component}");
            assert_eq!(component["hashes"][0]["content"].is_string(), !ours(name), "{component}");
        }
        let known: BTreeSet<&str> = components.iter().map(|component| component["bom-ref"].as_str().unwrap()).collect();
        for dependency in bill["dependencies"].as_array().unwrap() {
            let on = dependency["dependsOn"].as_array().unwrap();
            assert!(on.iter().all(|on| known.contains(on.as_str().unwrap())), "{dependency}");
        }
    }
}

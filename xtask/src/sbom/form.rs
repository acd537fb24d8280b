//! The part of CycloneDX 1.5 that our bill uses, as strict as its JSON schema: no other field, and each value of its kind.

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Bill {
    bom_format: BomFormat,
    spec_version: SpecVersion,
    version: u64,
    metadata: Metadata,
    components: Vec<Component>,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
enum BomFormat {
    CycloneDX,
}

#[derive(Deserialize)]
enum SpecVersion {
    #[serde(rename = "1.5")]
    Known,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    component: Component,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Component {
    r#type: ComponentType,
    name: String,
    version: String,
    bom_ref: String,
    purl: Option<String>,
    #[serde(default)]
    licenses: Vec<License>,
    #[serde(default)]
    hashes: Vec<Hash>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum ComponentType {
    Application,
    Library,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct License {
    expression: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hash {
    alg: HashAlgorithm,
    content: String,
}

#[derive(Deserialize)]
enum HashAlgorithm {
    #[serde(rename = "SHA-256")]
    Sha256,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Dependency {
    r#ref: String,
    depends_on: Vec<String>,
}

/// What a reader of bills would refuse.
pub(super) fn check(bill: &Value) -> Result<()> {
    let bill: Bill = serde_json::from_value(bill.clone())?;
    let (BomFormat::CycloneDX, SpecVersion::Known) = (&bill.bom_format, &bill.spec_version);
    ensure!(bill.version >= 1, "versions begin at 1");
    let release = &bill.metadata.component;
    ensure!(release.r#type == ComponentType::Application, "what is shipped is a program");
    let mut known = BTreeSet::new();
    for component in std::iter::once(release).chain(&bill.components) {
        ensure!(known.insert(component.bom_ref.as_str()), "{} is there twice", component.bom_ref);
        check_component(component).with_context(|| component.bom_ref.clone())?;
    }
    let mut told = BTreeSet::new();
    for dependency in &bill.dependencies {
        ensure!(told.insert(dependency.r#ref.as_str()), "{} is told twice", dependency.r#ref);
        let on: BTreeSet<&str> = dependency.depends_on.iter().map(String::as_str).collect();
        ensure!(on.len() == dependency.depends_on.len(), "{} names one twice", dependency.r#ref);
        ensure!(on.is_subset(&known), "{} depends on what is not in the bill", dependency.r#ref);
    }
    ensure!(told == known, "each component tells what it depends on, and nobody else");
    Ok(())
}

fn check_component(component: &Component) -> Result<()> {
    ensure!(!component.name.is_empty() && !component.version.is_empty(), "it has a name and a version");
    ensure!(component.licenses.len() <= 1, "an expression stands alone");
    for License { expression } in &component.licenses {
        let is_spdx = |c: char| c.is_ascii_alphanumeric() || "-.+() ".contains(c);
        ensure!(!expression.is_empty() && expression.chars().all(is_spdx), "{expression} is no SPDX expression");
    }
    for Hash { alg: HashAlgorithm::Sha256, content } in &component.hashes {
        ensure!(content.len() == 64 && content.chars().all(|c| c.is_ascii_hexdigit()), "{content} is no hash");
    }
    let is_ours = |purl: &String| purl.starts_with("pkg:cargo/") && purl.contains('@');
    ensure!(component.purl.as_ref().is_none_or(is_ours), "a purl names a crate and its version");
    Ok(())
}

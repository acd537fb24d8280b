//! The chapter with every setting is made from the code, and every driver explains its own.

use crate::page::root;
use mdd_core::config::{Key, keys};
use mdd_driver_api::manifest::Declaration;
use serde_json::{Value, json};
use std::{env, fmt::Write as _, fs};

/// From the root of the repository.
const CHAPTER: &str = "docs/src/configuration.md";
const HEAD: &str = "\
# Every setting

<!-- Made from the code by `MDD_UPDATE=1 cargo test -p mdd-tests --test docs configuration`. -->

How to set them, and who wins when several do, stands with [the settings](settings.md). `mdd-host config show` tells
what counts now and who set it. A variable in the last column sets the key, too, and wins over the file; where there are
several, the first one that is set counts.
";

#[test]
fn the_chapter_is_fresh() {
    let fresh = page();
    let path = root().join(CHAPTER);
    if env::var_os("MDD_UPDATE").is_some_and(|value| value == "1") {
        fs::write(&path, &fresh).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap_or_default() == fresh,
        "{CHAPTER} is not what the code says; `MDD_UPDATE=1 cargo test -p mdd-tests --test docs configuration` writes it anew"
    );
}

/// Stands for any driver: the chapter of each says which settings and secrets are its own.
fn any_driver() -> Declaration {
    let secret = json!({"title": "A key, by the name that the driver gives it", "header": "authorization"});
    serde_json::from_value(json!({
        "kind": "KIND",
        "secrets": {"SECRET": secret},
        "settings": {"properties": {"SETTING": {"title": "Whatever the driver declares"}}},
    }))
    .unwrap()
}

fn page() -> String {
    let keys = keys(&[any_driver()]);
    let (of_kind, of_host): (Vec<_>, Vec<_>) = keys.iter().partition(|key| key.name.contains("KIND"));
    let mut page = format!("{HEAD}\n## The host\n\n");
    table(&mut page, of_host.into_iter());
    page.push_str("\n## Each kind of service\n\n");
    page.push_str("The settings, secrets and further variables of a kind stand with [the service](troubleshooting.md#codes-of-the-services).\n\n");
    table(&mut page, of_kind.into_iter());
    page
}

#[test]
fn every_driver_explains_its_own_settings_and_secrets() {
    for driver in crate::source::drivers() {
        let manifest = fs::read_to_string(driver.folder.join("manifest.json")).unwrap();
        let page = fs::read_to_string(driver.folder.join("docs.md")).unwrap();
        let Declaration { kind, secrets, settings, .. } = serde_json::from_str(&manifest).unwrap();
        let settings = settings["properties"].as_object().cloned().unwrap_or_default();
        let own = settings.keys().map(|name| format!("drivers.{kind}.{name}"));
        for key in own.chain(secrets.keys().map(|name| format!("backends.{kind}.{name}"))) {
            assert!(page.contains(&format!("`{key}`")), "{} does not explain `{key}`", driver.folder.display());
        }
    }
}

fn table<'k>(page: &mut String, keys: impl Iterator<Item = &'k Key>) {
    page.push_str("| key | values | default | meaning | variables |\n|---|---|---|---|---|\n");
    for key in keys {
        let Key { name, shape, default, secret, about, variables } = key;
        let default = if *default == Value::Null { String::new() } else { format!("`{default}`") };
        let secret = if *secret { " Never shown." } else { "" };
        let variables: Vec<String> = variables.iter().map(|variable| format!("`{variable}`")).collect();
        // A bar would begin another column.
        let about = about.replace('|', "\\|");
        let _infallible =
            writeln!(page, "| `{name}` | {shape} | {default} | {about}{secret} | {} |", variables.join(", "));
    }
}

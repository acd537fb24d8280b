//! `cargo xtask book`: puts the page of every driver into the book, so that the book names none.

use crate::workspace;
use anyhow::{Context as _, Result};
use serde_json::Value;
use std::{fs, io};

/// Stands in a chapter for the pages of all drivers.
pub const PLACE: &str = "{{#drivers}}";

/// What mdBook calls: the context and the book come on stdin, and the book goes to stdout.
///
/// # Errors
/// Anything but that, or a driver without a page.
pub fn preprocess() -> Result<()> {
    let told: Value = serde_json::from_reader(io::stdin()).context("stdin is not what mdBook says")?;
    let mut book = told.get(1).cloned().context("mdBook gave no book")?;
    let pages = pages()?;
    put(&mut book, &pages);
    println!("{book}");
    Ok(())
}

/// The pages of all drivers.
///
/// # Errors
/// A driver without one.
pub fn pages() -> Result<String> {
    let mut pages = Vec::new();
    for driver in workspace::drivers()? {
        let page = driver.manifest.with_file_name("docs.md");
        pages.push(fs::read_to_string(&page).with_context(|| format!("cannot read {}", page.display()))?);
    }
    Ok(pages.join("\n"))
}

/// Every chapter's text is a `content`, whatever the version of mdBook.
fn put(value: &mut Value, pages: &str) {
    match value {
        Value::Object(fields) => fields.iter_mut().for_each(|(name, field)| match field {
            Value::String(text) if name == "content" => *text = text.replace(PLACE, pages),
            field => put(field, pages),
        }),
        Value::Array(items) => items.iter_mut().for_each(|item| put(item, pages)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{PLACE, put};
    use serde_json::json;

    #[test]
    fn each_chapter_gets_the_pages_where_it_wants_them() {
        let mut book =
            json!({"items": [{"Chapter": {"content": format!("a\n{PLACE}\n"), "name": PLACE, "sub_items": []}}]});
        put(&mut book, "## B");
        let expected = json!({"items": [{"Chapter": {"content": "a\n## B\n", "name": PLACE, "sub_items": []}}]});
        assert_eq!(book, expected);
    }
}

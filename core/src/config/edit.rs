//! Changing one value in a text of TOML and nothing else.

use super::value;
use serde_json::Value;
use toml_edit::{DocumentMut, Item, Table, TableLike};

/// The text with the value at `key` set or removed.
///
/// # Errors
/// Where the text cannot be understood, and why.
pub(super) fn set(text: &str, key: &[&str], value: Option<&Value>) -> Result<String, (usize, String)> {
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
        (error.span().map_or(0, |span| span.start), error.message().trim().replace('\n', ", "))
    })?;
    let Some((last, path)) = key.split_last() else { return Ok(text.to_owned()) };
    match value.and_then(value::to_toml) {
        Some(value) => put(document.as_table_mut(), path, last, value).map_err(|name| {
            (text.find(&name).unwrap_or(0), format!("`{name}` is a value, and a table is needed there"))
        })?,
        None => {
            let mut left_over = String::new();
            take(document.as_table_mut(), path, last, &mut left_over);
            if !left_over.is_empty() {
                let trailing = document.trailing().as_str().unwrap_or_default();
                let trailing = format!("{left_over}{trailing}");
                document.set_trailing(trailing);
            }
        }
    }
    Ok(document.to_string())
}

/// Sets it, in tables that are made where they are missing.
fn put(root: &mut Table, path: &[&str], last: &str, value: toml_edit::Value) -> Result<(), String> {
    let mut table: &mut dyn TableLike = root;
    for name in path {
        let item = table.entry(name).or_insert_with(|| {
            let mut made = Table::new();
            // Its header is only written when something stands directly in it.
            made.set_implicit(true);
            Item::Table(made)
        });
        table = item.as_table_like_mut().ok_or_else(|| (*name).to_owned())?;
    }
    match table.get_mut(last) {
        Some(Item::Value(old)) => {
            let decor = old.decor().clone();
            *old = value;
            *old.decor_mut() = decor;
        }
        Some(other) => *other = Item::Value(value),
        None => {
            table.insert(last, Item::Value(value));
        }
    }
    Ok(())
}

/// Removes it, and the tables that are empty then. What was said above it is put above what comes next, or left over.
fn take(table: &mut dyn TableLike, path: &[&str], last: &str, left_over: &mut String) {
    let Some((first, rest)) = path.split_first() else {
        let comment = comment_of(table, last);
        let next = table.iter().map(|(name, _)| name.to_owned()).skip_while(|name| name != last).nth(1);
        table.remove(last);
        let Some(comment) = comment else { return };
        match next.and_then(|next| table.key_mut(&next)) {
            Some(mut next) => {
                let own = next.leaf_decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default().to_owned();
                next.leaf_decor_mut().set_prefix(format!("{comment}{own}"));
            }
            None => left_over.push_str(&comment),
        }
        return;
    };
    let Some(inner) = table.get_mut(first).and_then(Item::as_table_like_mut) else { return };
    take(inner, rest, last, left_over);
    let said =
        table.get(first).and_then(Item::as_table).and_then(|table| table.decor().prefix()).is_some_and(has_comment);
    let is_empty = table.get(first).and_then(Item::as_table_like).is_some_and(TableLike::is_empty);
    if is_empty && !said {
        table.remove(first);
    }
}

fn has_comment(text: &toml_edit::RawString) -> bool {
    text.as_str().is_some_and(|text| text.contains('#'))
}

fn comment_of(table: &dyn TableLike, name: &str) -> Option<String> {
    let prefix = table.key(name)?.leaf_decor().prefix()?;
    has_comment(prefix).then(|| prefix.as_str().unwrap_or_default().to_owned())
}

//! The pages of all drivers, which stand in the book: who reads it on a web page of the repository sees them, too.

use crate::workspace;
use anyhow::{Context as _, Result};
use std::fs;

/// Stand in a chapter before and after the pages of all drivers.
const BEGIN: &str =
    "<!-- Made from drivers/*/docs.md by `MDD_UPDATE=1 cargo test -p mdd-tests --test docs drivers`. -->";
const END: &str = "<!-- The end of what is made. -->";

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

/// A chapter with these pages in their place.
///
/// # Errors
/// A chapter that has no place for them.
pub fn with_pages(chapter: &str, pages: &str) -> Result<String> {
    let (before, rest) = chapter.split_once(BEGIN).context("the chapter has no place for the drivers")?;
    let (_, after) = rest.split_once(END).context("the place for the drivers has no end")?;
    Ok(format!("{before}{BEGIN}\n\n{pages}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, END, with_pages};

    #[test]
    fn old_pages_make_room_for_new_ones() {
        let chapter = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let made = with_pages(&chapter, "## B\n").unwrap();
        assert_eq!(made, format!("a\n{BEGIN}\n\n## B\n\n{END}\nb\n"));
        assert_eq!(with_pages(&made, "## B\n").unwrap(), made);
        assert!(with_pages("a", "").is_err());
    }
}

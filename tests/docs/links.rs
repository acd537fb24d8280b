//! Relative links of the book and of the pages in the root.

use crate::page::{Link, Page, book, root};

/// Links of the book that lead nowhere. They stay within the book, so that they also lead somewhere when it is built.
pub(crate) fn broken_in_the_book() -> Vec<String> {
    let pages = book();
    assert!(pages.iter().map(|page| page.links().len()).sum::<usize>() > 20, "links are found");
    let picture = |name: &str| root().join("docs/src").join(name).is_file() && name.ends_with(".png");
    let anchors = |name: &str| match pages.iter().find(|page| page.name() == name) {
        Some(page) => Some(page.anchors()),
        None => picture(name).then(Vec::new),
    };
    pages.iter().flat_map(|page| broken(page, anchors)).collect()
}

/// Those of the pages beside it.
pub(crate) fn broken_outside_of_it() -> Vec<String> {
    let pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| Page::read(&root().join(name)));
    let anchors = |name: &str| {
        let path = root().join(name);
        match path.extension().is_some_and(|extension| extension == "md") && path.is_file() {
            true => Some(Page::read(&path).anchors()),
            false => path.exists().then(Vec::new),
        }
    };
    pages.iter().flat_map(|page| broken(page, anchors)).collect()
}

/// `anchors` gives those of a page, and nothing for one that is not there.
fn broken(page: &Page, anchors: impl Fn(&str) -> Option<Vec<String>>) -> Vec<String> {
    let leads_somewhere = |link: &Link| {
        if link.target.contains("://") {
            return true;
        }
        match link.target.split_once('#') {
            None => anchors(&link.target).is_some(),
            Some(("", anchor)) => page.anchors().iter().any(|known| known == anchor),
            Some((name, anchor)) => anchors(name).is_some_and(|known| known.iter().any(|known| known == anchor)),
        }
    };
    let links = page.links().into_iter().filter(|link| !leads_somewhere(link));
    links.map(|link| format!("{}:{}: {}", page.name(), link.line, link.target)).collect()
}

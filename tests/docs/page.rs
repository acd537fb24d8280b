//! Pages of Markdown as a reader gets them: the pages of the drivers in place, headings with their anchors.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The folder that holds everything.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Every file of the book.
pub(crate) fn book() -> Vec<Page> {
    let folder = root().join("docs/src");
    let paths = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect();
    paths.sort();
    paths.iter().map(|path| Page::read(path)).collect()
}

/// One page.
pub(crate) struct Page {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// A heading and what stands below it, up to the next one.
pub(crate) struct Section {
    pub(crate) heading: String,
    pub(crate) text: String,
}

/// A link and the line that it is on.
pub(crate) struct Link {
    pub(crate) target: String,
    pub(crate) line: usize,
}

impl Page {
    pub(crate) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { path: path.to_owned(), text: with_drivers(&text) }
    }

    pub(crate) fn name(&self) -> String {
        self.path.file_name().unwrap().to_string_lossy().into_owned()
    }

    /// Whether `word` stands there and is no part of a longer one.
    pub(crate) fn has_word(&self, word: &str) -> bool {
        self.text.split(|c: char| !c.is_alphanumeric()).any(|part| part == word)
    }

    pub(crate) fn headings(&self) -> Vec<String> {
        self.prose().filter_map(|(_, line)| heading(line)).collect()
    }

    pub(crate) fn sections(&self) -> impl Iterator<Item = Section> {
        let mut sections: Vec<Section> = Vec::new();
        for (_, line) in self.prose() {
            match (heading(line), sections.last_mut()) {
                (Some(heading), _) => sections.push(Section { heading, text: String::new() }),
                (None, Some(section)) => section.text.extend([line, "\n"]),
                (None, None) => {}
            }
        }
        sections.into_iter()
    }

    /// What can stand behind the `#` of a link to this page.
    pub(crate) fn anchors(&self) -> Vec<String> {
        let explicit =
            self.prose().filter_map(|(_, line)| Some(line.strip_prefix("<a id=\"")?.split('"').next()?.to_owned()));
        let mut anchors: Vec<String> = self.headings().iter().map(|heading| anchor(heading)).collect();
        anchors.extend(explicit);
        anchors
    }

    /// Inline links. Those of the book have no `)` in their targets.
    pub(crate) fn links(&self) -> Vec<Link> {
        let prose: Vec<_> = self.prose().collect();
        // A link's text may go on in the next line; its target stands on one.
        prose
            .iter()
            .flat_map(|(line, text)| {
                let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
                targets.map(|target| Link { target: target.to_owned(), line: *line })
            })
            .collect()
    }

    /// Lines outside of code blocks, with their numbers.
    fn prose(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut in_code = false;
        self.text.lines().enumerate().filter_map(move |(index, line)| {
            let is_fence = line.trim_start().starts_with("```");
            in_code ^= is_fence;
            (!in_code && !is_fence).then_some((index + 1, line))
        })
    }
}

fn heading(line: &str) -> Option<String> {
    let level = line.len() - line.trim_start_matches('#').len();
    let text = line[level..].strip_prefix(' ')?;
    (level > 0).then(|| text.trim().to_owned())
}

/// Puts the pages of the drivers in their place, as the book does.
fn with_drivers(text: &str) -> String {
    let line = |line: &str| match line.trim() {
        xtask::book::PLACE => xtask::book::pages().unwrap(),
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

/// The anchor that mdBook and GitHub make of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn anchors_are_those_of_readers() {
    assert_eq!(anchor("How long until the next try"), "how-long-until-the-next-try");
    assert_eq!(anchor("`reason`"), "reason");
    assert_eq!(anchor("4. Try it"), "4-try-it");
}

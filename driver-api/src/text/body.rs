//! What a peer sent, in words.

use super::{lenient_json, printable};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use std::{collections::BTreeSet, fmt};

/// The longest piece of a peer's text that is quoted.
const QUOTE: usize = 80;

/// `a web page titled "X"`, `nothing`, `the text "X"`, ….
pub(crate) fn body_in_words(body: &[u8], media_type: Option<&str>) -> String {
    let start = body.trim_ascii();
    match (start.first(), std::str::from_utf8(start)) {
        (None, _) => "nothing".to_owned(),
        (Some(b'<'), _) => match title(&String::from_utf8_lossy(start)) {
            Some(title) => format!("a web page titled \"{}\"", printable(title, QUOTE)),
            None => "a web page".to_owned(),
        },
        (Some(b'{' | b'['), _) => json(start),
        (Some(_), Ok(text)) if media_type.is_none_or(is_text) => format!("the text \"{}\"", printable(text, QUOTE)),
        (Some(_), _) => match media_type {
            Some(media_type) => format!("{} bytes of {}", body.len(), printable(media_type, QUOTE)),
            None => format!("{} bytes without a type", body.len()),
        },
    }
}

/// Names, never values: there may be secrets among them.
fn json(body: &[u8]) -> String {
    match lenient_json(body) {
        Ok(Shape::Object(names)) if names.is_empty() => "an empty JSON object".to_owned(),
        Ok(Shape::Object(names)) => {
            let names: Vec<String> = names.into_iter().collect();
            format!("a JSON object with {}", printable(&names.join(", "), QUOTE))
        }
        Ok(Shape::List) => "a JSON list".to_owned(),
        Err(_) => format!("{} bytes of broken JSON", body.len()),
    }
}

/// What JSON is on the outside. Its values are passed over: a stranger's million numbers would take many times the room
/// of their text.
enum Shape {
    /// The first of its names.
    Object(BTreeSet<String>),
    List,
}

/// Names that are told.
const NAMES: usize = 4;

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Outside)
    }
}

struct Outside;

impl<'de> Visitor<'de> for Outside {
    type Value = Shape;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object or a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let mut names = BTreeSet::new();
        while let Some((name, IgnoredAny)) = map.next_entry()? {
            names.insert(name);
            if names.len() > NAMES {
                names.pop_last();
            }
        }
        Ok(Shape::Object(names))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Shape, A::Error> {
        while let Some(IgnoredAny) = list.next_element()? {}
        Ok(Shape::List)
    }
}

fn is_text(media_type: &str) -> bool {
    media_type.starts_with("text/") || media_type.starts_with("application/json")
}

/// The title of a web page. It stands near the beginning, so a large page is not searched to its end.
fn title(page: &str) -> Option<&str> {
    const SEARCHED: usize = 16 * 1024;
    let page = &page[..page.floor_char_boundary(SEARCHED)];
    let (_, after) = page.split_at(find(page, "<title")?);
    let text = after.split_once('>')?.1;
    let text = text[..find(text, "</title")?].trim();
    (!text.is_empty()).then_some(text)
}

/// Where an ASCII tag begins, in any case.
fn find(page: &str, tag: &str) -> Option<usize> {
    let mut windows = page.as_bytes().windows(tag.len());
    windows.position(|window| window.eq_ignore_ascii_case(tag.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::body_in_words;

    fn words(body: &str) -> String {
        body_in_words(body.as_bytes(), None)
    }

    #[test]
    fn a_page_is_known_by_its_title() {
        let page = "\n<!doctype html><html><HEAD><Title lang=en>\n Bücher\x1b[2J </TITLE></HEAD>";
        assert_eq!(words(page), "a web page titled \"Bücher [2J\"");
        assert_eq!(words("<html></html>"), "a web page");
        assert_eq!(words("<title>cut"), "a web page");
        assert_eq!(words("<title></title>"), "a web page");
    }

    #[test]
    fn a_large_page_is_not_searched_to_its_end() {
        let page = format!("<html>{}<title>late</title>", "ü".repeat(20_000));
        assert_eq!(words(&page), "a web page");
    }

    #[test]
    fn other_bodies_are_quoted_or_counted() {
        assert_eq!(words(" \r\n"), "nothing");
        assert_eq!(words(r#"{"status": "ok", "key": "sk-1"}"#), "a JSON object with key, status");
        assert_eq!(words(r#"{"f": 1, "e": [{}], "d": 0, "c": 0, "b": 0, "a": 0}"#), "a JSON object with a, b, c, d");
        assert_eq!(words("{}"), "an empty JSON object");
        assert_eq!(words("[1]"), "a JSON list");
        assert_eq!(words(r#"{"system": {"os""#), "16 bytes of broken JSON");
        assert_eq!(words("Lamp is running"), "the text \"Lamp is running\"");
        assert_eq!(body_in_words(b"\x89PNG\xff", Some("image/png")), "5 bytes of image/png");
        assert_eq!(body_in_words(b"abc", Some("image/gif")), "3 bytes of image/gif");
        assert_eq!(body_in_words(b"\xff\xfe", None), "2 bytes without a type");
    }
}

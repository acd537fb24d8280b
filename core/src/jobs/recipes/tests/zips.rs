//! Archives.

use super::{Kitchen, RecipeError, recipe};
use serde_json::json;
use std::io::{Cursor, Read as _};
use zip::ZipArchive;

#[test]
fn an_archive_holds_texts_and_files_under_their_names() {
    let kitchen = Kitchen::new();
    let inputs = [kitchen.input("start", b"pixels"), kitchen.input("end.png", b"more")];
    let mut recipe = recipe("zip/1");
    recipe.options = json!({"names": {"start": "start ü.png"}, "texts": {"queue.json": "[{\"id\":1}]"}});
    let made = kitchen.make(&recipe, &inputs).unwrap();
    assert_eq!(made, kitchen.make(&recipe, &inputs).unwrap(), "the same again is the same");
    let mut archive = ZipArchive::new(Cursor::new(made)).unwrap();
    let mut entries = Vec::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        entries.push((entry.name().unwrap().to_string(), text));
    }
    let expected = [("queue.json", "[{\"id\":1}]"), ("start ü.png", "pixels"), ("end.png", "more")];
    assert_eq!(entries, expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
}

#[test]
fn no_name_leads_out_of_the_archive_or_hides_another() {
    let kitchen = Kitchen::new();
    let inputs = [kitchen.input("a.png", b"1"), kitchen.input("b.png", b"2")];
    for bad in ["", "../a", "/a", "a/b", "..\\a", "C:a", ".hidden", "..", "a\u{0}b", "a\nb", &"x".repeat(256)] {
        for options in [json!({"names": {"a.png": bad}}), json!({"texts": {bad: ""}})] {
            let mut recipe = recipe("zip/1");
            recipe.options = options;
            let made = kitchen.make(&recipe, &inputs);
            assert!(matches!(made, Err(RecipeError::Wrong(_))), "{bad:?}");
        }
    }
    for options in [json!({"names": {"a.png": "B.png"}}), json!({"texts": {"A.PNG": ""}}), json!({"names": {"c": "d"}})]
    {
        let mut recipe = recipe("zip/1");
        recipe.options = options.clone();
        assert!(matches!(kitchen.make(&recipe, &inputs), Err(RecipeError::Wrong(_))), "{options}");
    }
    for odd in [json!([]), json!("x"), json!({"names": []}), json!({"texts": {"a": 1}})] {
        let mut recipe = recipe("zip/1");
        recipe.options = odd.clone();
        assert!(matches!(kitchen.make(&recipe, &inputs), Err(RecipeError::Wrong(_))), "{odd}");
    }
}

#[test]
fn a_missing_file_is_no_archive() {
    let kitchen = Kitchen::new();
    let input = kitchen.input("a.png", b"1");
    std::fs::remove_file(&input.path).unwrap();
    assert!(matches!(kitchen.make(&recipe("zip/1"), &[input]), Err(RecipeError::Io(_))));
}

//! What is wrong with submissions, and what is not.

use super::{FileSource, MAX_FILES, Submission, Target};
use mdd_driver_api::manifest::Declaration;
use serde_json::{Value, json};

fn lamp() -> Declaration {
    serde_json::from_value(json!({
        "kind": "lamp", "title": "Lamp",
        "operations": {
            "any": {"parameters": {"type": "object"}, "files": ["*"]},
            "one": {"parameters": {"type": "object"}, "files": ["voice"]},
            "two": {"files": []},
        },
    }))
    .unwrap()
}

fn submission(operation: Option<&str>, payload: Value, files: &[&str]) -> Submission {
    Submission {
        id: "a".to_owned(),
        target: Target::Kind("lamp".to_owned()),
        operation: operation.map(str::to_owned),
        payload,
        files: files.iter().map(|&name| FileSource { name: name.to_owned(), path: "x".into() }).collect(),
    }
}

#[test]
fn what_the_kind_declares_is_accepted() {
    let table = [
        (None, json!({}), vec![], "any"),
        (Some("any"), json!({"x": ["mdd-file:a"]}), vec!["a", "b"], "any"),
        (Some("one"), json!({"x": "mdd-file:voice"}), vec!["voice"], "one"),
        (Some("two"), json!([1]), vec![], "two"),
    ];
    for (operation, payload, files, name) in table {
        assert_eq!(submission(operation, payload, &files).check(&lamp()).unwrap(), name);
    }
}

#[test]
fn mistakes_have_a_code_and_a_sentence() {
    let many: Vec<String> = (0..=MAX_FILES).map(|number| number.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let table = [
        (
            Some("three"),
            json!({}),
            vec![],
            "unknown-operation",
            "Lamp has no operation \"three\"; it has any, one, two",
        ),
        (None, json!(null), vec![], "bad-payload", "the payload is not valid: payload: object is wanted, not null"),
        (Some("one"), json!({}), vec![], "missing-file", "the file \"voice\" is missing"),
        (
            Some("one"),
            json!({}),
            vec!["voice", "x"],
            "unknown-file",
            "the operation takes no file \"x\"; it takes voice",
        ),
        (Some("two"), json!({}), vec!["x"], "unknown-file", "the operation takes no file \"x\"; it takes none"),
        (None, json!({}), vec!["a", "a"], "extra-file", "the file \"a\" is one too many"),
        (None, json!({}), many, "extra-file", "the file \"256\" is one too many"),
        (None, json!({"x": "mdd-file:b"}), vec!["a"], "missing-file", "the file \"b\" is missing"),
    ];
    for (operation, payload, files, code, text) in table {
        let error = submission(operation, payload, &files).check(&lamp()).unwrap_err();
        assert_eq!((error.code(), error.to_string().as_str()), (code, text));
    }
    let none = Declaration { title: "Dark".to_owned(), ..Declaration::default() };
    assert_eq!(submission(None, json!({}), &[]).check(&none).unwrap_err().code(), "unknown-operation");
}

#[test]
fn ids_are_plain() {
    let checked = |id: &str| Submission { id: id.to_owned(), ..submission(None, json!({}), &[]) }.check_id();
    for id in ["a", "Cut-3_final.v2", "..", &"x".repeat(64)] {
        assert!(checked(id).is_ok(), "{id}");
    }
    for id in ["", "a b", "a/b", "ä", "a\n", "a\u{202e}", &"x".repeat(65)] {
        assert_eq!(checked(id).unwrap_err().code(), "bad-id", "{id:?}");
    }
}

#[test]
fn clients_write_it_as_one_flat_object() {
    let text = r#"{"id": "a", "backend": "lamp@127.0.0.1:1"}"#;
    let read: Submission = serde_json::from_str(text).unwrap();
    assert_eq!(read.target, Target::Backend("lamp@127.0.0.1:1".to_owned()));
    assert!(serde_json::from_str::<Submission>(r#"{"id": "a"}"#).is_err());
    let written = serde_json::to_value(submission(None, json!({}), &["a"])).unwrap();
    let expected =
        json!({"id": "a", "kind": "lamp", "operation": null, "payload": {}, "files": [{"name": "a", "path": "x"}]});
    assert_eq!(written, expected);
}

//! What a client asks for, checked against what the kind declares.

use super::{journal::JournalError, record::Ticket, schema};
use mdd_driver_api::{
    files::substitute_files,
    manifest::{Declaration, Operation},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeSet, io, path::PathBuf};

/// Longest id, in characters.
const MAX_ID: usize = 64;
/// Most files of one job.
const MAX_FILES: usize = 256;

/// A job as a client asks for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Submission {
    /// Made by the client, 1 to 64 of letters, digits, `.`, `_` and `-`: submitting the same id again is the same job.
    pub id: String,
    /// Who is to do it.
    #[serde(flatten)]
    pub target: Target,
    /// Name of an operation that the kind declares; its only or first one when there is none.
    #[serde(default)]
    pub operation: Option<String>,
    /// In the backend's own terms. It names a file as the string `mdd-file:NAME`.
    #[serde(default)]
    pub payload: Value,
    /// Files of this machine; they are copied before the job is accepted.
    #[serde(default)]
    pub files: Vec<FileSource>,
}

/// Who is to do a job.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// The backend with this id.
    Backend(String),
    /// The connected backend of this kind that has the least to do.
    Kind(String),
}

/// A file that comes with a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileSource {
    /// The name that the payload uses.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
}

/// Why a job was not accepted. Nothing of it is kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// Not 1 to 64 of the allowed characters.
    #[error("the id {0:?} is not 1 to 64 of the characters A-Z, a-z, 0-9, `.`, `_` and `-`")]
    BadId(String),
    /// The id belongs to another job.
    #[error("the id {0:?} belongs to another job")]
    IdTaken(String),
    /// No driver.
    #[error("no driver for {kind:?} is loaded; there is one for {}", listed(known))]
    UnknownKind {
        /// What was asked for.
        kind: String,
        /// What there is.
        known: Vec<String>,
    },
    /// No such backend.
    #[error("there is no backend {backend:?}; there is {}", listed(known))]
    UnknownBackend {
        /// What was asked for.
        backend: String,
        /// What there is.
        known: Vec<String>,
    },
    /// No such operation.
    #[error("{kind} has no operation {operation:?}; it has {}", listed(known))]
    UnknownOperation {
        /// The kind.
        kind: String,
        /// What was asked for.
        operation: String,
        /// What it has.
        known: Vec<String>,
    },
    /// The payload breaks the operation's schema.
    #[error("the payload is not valid: {0}")]
    BadPayload(String),
    /// The operation needs a file that did not come.
    #[error("the file {0:?} is missing")]
    MissingFile(String),
    /// The operation takes no file of this name.
    #[error("the operation takes no file {name:?}; it takes {}", listed(known))]
    UnknownFile {
        /// What came.
        name: String,
        /// What it takes.
        known: Vec<String>,
    },
    /// Two files of one name, or more than a job may have.
    #[error("the file {0:?} is one too many")]
    ExtraFile(String),
    /// A file cannot be copied.
    #[error("the file {name:?} cannot be read: {source}")]
    UnreadableFile {
        /// Its name in the job.
        name: String,
        /// What the system says.
        source: io::Error,
    },
    /// The job's folder cannot be made.
    #[error("the folder for the job cannot be made: {0}")]
    Folder(io::Error),
    /// The job cannot be written down.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The host is ending.
    #[error("the host is ending")]
    Closed,
}

impl SubmitError {
    /// Stable name of the error, in kebab-case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadId(_) => "bad-id",
            Self::IdTaken(_) => "id-taken",
            Self::UnknownKind { .. } => "unknown-kind",
            Self::UnknownBackend { .. } => "unknown-backend",
            Self::UnknownOperation { .. } => "unknown-operation",
            Self::BadPayload(_) => "bad-payload",
            Self::MissingFile(_) => "missing-file",
            Self::UnknownFile { .. } => "unknown-file",
            Self::ExtraFile(_) => "extra-file",
            Self::UnreadableFile { .. } => "unreadable-file",
            Self::Folder(_) => "no-folder",
            Self::Journal(_) => "store-degraded",
            Self::Closed => "host-ending",
        }
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

impl Submission {
    /// Checks the id.
    pub(super) fn check_id(&self) -> Result<(), SubmitError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if self.id.is_empty() || self.id.len() > MAX_ID || !self.id.chars().all(allowed) {
            return Err(SubmitError::BadId(mdd_driver_api::text::printable(&self.id, MAX_ID)));
        }
        Ok(())
    }

    /// Checks everything else that can be checked without touching a file, and says which operation it is.
    pub(super) fn check(&self, declaration: &Declaration) -> Result<String, SubmitError> {
        let (name, operation) = self.operation(declaration)?;
        schema::check(&operation.parameters, &self.payload).map_err(SubmitError::BadPayload)?;
        self.check_files(operation)?;
        Ok(name.clone())
    }

    fn operation<'d>(&self, declaration: &'d Declaration) -> Result<(&'d String, &'d Operation), SubmitError> {
        let operations = &declaration.operations;
        let found = match &self.operation {
            Some(name) => operations.get_key_value(name),
            None => operations.first_key_value(),
        };
        found.ok_or_else(|| SubmitError::UnknownOperation {
            kind: declaration.title.clone(),
            operation: self.operation.clone().unwrap_or_default(),
            known: operations.keys().cloned().collect(),
        })
    }

    fn check_files(&self, operation: &Operation) -> Result<(), SubmitError> {
        let mut names = BTreeSet::new();
        let takes_any = operation.files.iter().any(|name| name == "*");
        for (index, FileSource { name, .. }) in self.files.iter().enumerate() {
            if !takes_any && !operation.files.contains(name) {
                return Err(SubmitError::UnknownFile { name: name.clone(), known: operation.files.clone() });
            }
            if index == MAX_FILES || !names.insert(name.as_str()) {
                return Err(SubmitError::ExtraFile(name.clone()));
            }
        }
        if let Some(missing) = operation.files.iter().find(|name| *name != "*" && !names.contains(name.as_str())) {
            return Err(SubmitError::MissingFile(missing.clone()));
        }
        substitute_files(&mut self.payload.clone(), &mut |name| match names.contains(name) {
            true => Ok(Value::Null),
            false => Err(SubmitError::MissingFile(name.to_owned())),
        })
    }

    /// Whether it asks for the same as an accepted job, as far as can be said without looking at the files.
    pub(super) fn is_like(&self, ticket: &Ticket) -> bool {
        let target = match &self.target {
            Target::Backend(backend) => ticket.backend.as_ref() == Some(backend),
            Target::Kind(kind) => ticket.backend.is_none() && ticket.kind == *kind,
        };
        let files = self.files.iter().map(|file| &file.name).eq(ticket.files.iter().map(|file| &file.name));
        let operation = self.operation.as_ref().is_none_or(|operation| *operation == ticket.operation);
        target && operation && files && self.payload == ticket.payload
    }
}

#[cfg(test)]
mod tests {
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
            (Some("three"), json!({}), vec![], "unknown-operation", "Lamp has no operation \"three\"; it has any, one, two"),
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
        let expected = json!({"id": "a", "kind": "lamp", "operation": null, "payload": {}, "files": [{"name": "a", "path": "x"}]});
        assert_eq!(written, expected);
    }
}

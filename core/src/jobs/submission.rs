//! What a client asks for, checked against what the kind declares.

mod error;

pub use error::SubmitError;

use super::{record::Ticket, schema};
use mdd_driver_api::{
    files::substitute_files,
    manifest::{Declaration, Operation},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeSet, path::PathBuf};

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
    /// Where it is, from the root.
    pub path: PathBuf,
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
mod tests;

//! What the host makes out of results and files for its drivers, so that none of them brings the tools for it.

mod audio_track;
mod output;
mod zip;

use mdd_driver_api::{DriverError, ErrorKind, model::Recipe};
pub use output::Limits;
use output::Output;
use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

/// The recipes that this host knows.
pub const NAMES: [&str; 2] = [zip::NAME, audio_track::NAME];
/// More inputs are a mistake.
const MAX_INPUTS: usize = 1_000;

/// A file to work on.
#[derive(Debug, Clone)]
pub struct Input {
    /// What the recipe calls it.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
}

/// Why something cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// This host has no such recipe.
    #[error("this host has no recipe {0:?}")]
    Unknown(String),
    /// The recipe itself makes no sense.
    #[error("the recipe cannot be followed: {0}")]
    Wrong(String),
    /// An input is not what the recipe works on.
    #[error("{name:?} cannot be used: {why}")]
    Unreadable {
        /// The input.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// The result would be longer than a result may be.
    #[error("the result would be longer than {0} bytes")]
    TooLong(u64),
    /// Nobody waits for it any more.
    #[error("nobody waits for the result any more")]
    LetGo,
    /// Reading or writing failed.
    #[error("{}", .0.kind())]
    Io(#[from] io::Error),
}

impl From<RecipeError> for DriverError {
    fn from(error: RecipeError) -> Self {
        let kind = match error {
            RecipeError::Unknown(_) => ErrorKind::UNSUPPORTED,
            RecipeError::Wrong(_) | RecipeError::Unreadable { .. } => ErrorKind::PROTOCOL,
            RecipeError::TooLong(_) => ErrorKind::LIMIT,
            RecipeError::LetGo => ErrorKind::CANCELLED,
            RecipeError::Io(_) => ErrorKind::HOST,
        };
        Self::new(kind, error.to_string())
    }
}

/// Follows a recipe. Blocks until the result is written.
///
/// # Errors
/// Whatever is wrong with the recipe or an input; what was written until then means nothing.
pub fn make(recipe: &Recipe, inputs: &[Input], to: &mut File, limits: &Limits) -> Result<(), RecipeError> {
    if inputs.len() > MAX_INPUTS {
        return Err(RecipeError::Wrong(format!("it has more than {MAX_INPUTS} inputs")));
    }
    let mut output = Output::new(to, limits);
    let made = match recipe.recipe.as_str() {
        zip::NAME => zip::make(&recipe.options, inputs, &mut output),
        audio_track::NAME => audio_track::make(inputs, &mut output),
        unknown => Err(RecipeError::Unknown(unknown.to_owned())),
    };
    // A library in between may have turned the reason into its own.
    match output.refusal() {
        Some(refusal) => Err(refusal),
        None => made,
    }
}

fn open(path: &Path) -> io::Result<(File, u64)> {
    let file = File::open(path)?;
    let len = file.metadata()?.len();
    Ok((file, len))
}

#[cfg(test)]
mod tests;

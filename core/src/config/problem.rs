//! What is wrong with the settings. None of it keeps a host from starting.

/// One mistake, with its place and what helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key, where it is about one.
    pub key: Option<String>,
    /// File and line, or the name of a variable.
    pub source: String,
    /// What was seen.
    pub observation: String,
    /// What to do about it.
    pub remedy: String,
}

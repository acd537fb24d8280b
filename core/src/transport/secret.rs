//! Secrets: injected by the host, never shown to a driver, never printed.

use super::headers;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use std::{
    borrow::Cow,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Every secret that this process was told, also those that have been changed since: services repeat them in their
/// complaints. They are no more secret for being here, as they are in the memory of this process anyway.
static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// A shorter one would blot out words that have nothing to do with it.
const MIN_LEN: usize = 6;
/// What stands in the place of one.
const BLOT: &str = "…";

fn told() -> MutexGuard<'static, Vec<String>> {
    // Each holder adds a whole text or reads.
    TOLD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A text in which no secret stands that this process knows.
pub fn concealed(text: &str) -> Cow<'_, str> {
    let told = told();
    let mut concealed = Cow::Borrowed(text);
    for secret in told.iter().filter(|secret| text.contains(secret.as_str())) {
        concealed = concealed.replace(secret.as_str(), BLOT).into();
    }
    concealed
}

/// A key, token or password. Its `Debug` does not print it and it has no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the value; white space around it, which comes with copying, is dropped.
    pub fn new(value: &str) -> Self {
        let value = value.trim();
        // Of `Basic …` a service may repeat what is behind the word alone.
        for part in [Some(value), value.rsplit(' ').next()].into_iter().flatten() {
            let mut told = told();
            if part.len() >= MIN_LEN && !told.iter().any(|known| known == part) {
                told.push(part.to_owned());
                // One may be the beginning of another.
                told.sort_by_key(|known| std::cmp::Reverse(known.len()));
            }
        }
        Self(value.to_owned())
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A secret of a backend and how it is shown to the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its name in the manifest.
    pub name: String,
    /// Header field that carries it with every request; none for one that only bodies carry.
    pub header: Option<String>,
    /// Written before it in that field, for example `Bearer `.
    pub prefix: String,
    /// The secret itself.
    pub value: Secret,
    /// Where it comes from, for people.
    pub source: String,
}

/// Why a secret cannot be used. It names the secret and never tells its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The manifest's header field is no header field, or one that the host sets itself.
    #[error("secret {0:?} cannot travel in the header field {1:?}")]
    Header(String, String),
    /// A line break or other control character, or one that is not ASCII.
    #[error("secret {0:?} contains a character that a header field cannot carry")]
    Value(String),
}

impl Credential {
    /// The header field that carries it, if any.
    pub(super) fn field(&self) -> Result<Option<(HeaderName, HeaderValue)>, SecretError> {
        let Some(header) = &self.header else { return Ok(None) };
        let name = HeaderName::from_bytes(header.as_bytes()).ok();
        let name = name.filter(|name| *name == AUTHORIZATION || !headers::is_reserved(name));
        let name = name.ok_or_else(|| SecretError::Header(self.name.clone(), header.clone()))?;
        let text = format!("{}{}", self.prefix, self.value.expose());
        let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let value = HeaderValue::from_str(&text).ok().filter(|_| printable);
        let mut value = value.ok_or_else(|| SecretError::Value(self.name.clone()))?;
        value.set_sensitive(true);
        Ok(Some((name, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Secret, concealed};

    #[test]
    fn what_was_told_as_a_secret_is_blotted_out_wherever_it_stands() {
        let _told = [
            Secret::new(" sk-blotted-1 "),
            Secret::new("sk-blotted-1-and-more"),
            Secret::new("Basic YmxvdHRlZA=="),
            Secret::new("abc"),
        ];
        assert_eq!(concealed("the key sk-blotted-1, sk-blotted-1-and-more is bad"), "the key …, … is bad");
        assert_eq!(concealed("got YmxvdHRlZA== and Basic YmxvdHRlZA=="), "got … and …");
        assert_eq!(concealed("abc"), "abc");
    }
}

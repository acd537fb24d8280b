//! A secret that is not told, but where it is kept: `env:NAME` or `keyring:SERVICE/USER`.

use crate::keyring::Entry;

/// Where a secret is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// In a variable of the environment in which the host was started.
    Environment(String),
    /// In the keyring of the operating system.
    Keyring(Entry),
}

impl Reference {
    /// The reference that a text is; none for a text that is a secret itself.
    ///
    /// # Errors
    /// What is wrong with one.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        if let Some(name) = text.strip_prefix("env:") {
            let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            return match is_name {
                true => Ok(Some(Self::Environment(name.to_owned()))),
                false => Err("it takes `env:NAME`, with the name of an environment variable".to_owned()),
            };
        }
        let Some(entry) = text.strip_prefix("keyring:") else { return Ok(None) };
        match entry.split_once('/') {
            Some((service, user)) if is_name(service) && is_name(user) => {
                Ok(Some(Self::Keyring(Entry { service: service.to_owned(), user: user.to_owned() })))
            }
            _ => Err("it takes `keyring:SERVICE/USER`, as the keyring has them".to_owned()),
        }
    }
}

/// It goes to another program as a word, and into a line for people.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= 200 && !text.starts_with('-') && !text.contains(['\'', '/', '\\'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_told_from_a_secret() {
        assert_eq!(Reference::parse("sk-environment:1"), Ok(None));
        assert_eq!(Reference::parse("env:KEY_1"), Ok(Some(Reference::Environment("KEY_1".to_owned()))));
        let entry = Entry { service: "film studio".to_owned(), user: "me@work".to_owned() };
        assert_eq!(Reference::parse("keyring:film studio/me@work"), Ok(Some(Reference::Keyring(entry))));
        for wrong in ["env:", "env:A=B", "keyring:", "keyring:film", "keyring:/me", "keyring:-x/me", "keyring:a/b/c"] {
            assert!(Reference::parse(wrong).is_err(), "{wrong}");
        }
    }
}

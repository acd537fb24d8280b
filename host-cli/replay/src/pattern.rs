//! Which requests an exchange is about.

use serde::{Deserialize, de::Error as _};
use std::{collections::BTreeMap, fmt};

/// `METHOD /path`, perhaps with `*`, `{variable}` and a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    method: String,
    path: String,
    query: Option<String>,
}

impl Pattern {
    /// Whether a request fits.
    pub(crate) fn fits(&self, method: &str, target: &str, variables: &BTreeMap<String, String>) -> bool {
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let is_same_method = self.method == "*" || self.method == method || (self.method == "GET" && method == "HEAD");
        is_same_method && self.fits_path(path, variables) && self.query.as_deref().is_none_or(|own| Some(own) == query)
    }

    fn fits_path(&self, path: &str, variables: &BTreeMap<String, String>) -> bool {
        let mut given = path.split('/');
        let mut own = self.path.split('/').peekable();
        while let Some(pattern) = own.next() {
            let Some(segment) = given.next() else { return false };
            let is_last = own.peek().is_none();
            if pattern == "*" {
                if is_last {
                    return true;
                }
                continue;
            }
            let filled = filled(pattern, variables);
            // A variable without a value fits nothing.
            if filled != segment || filled.contains('{') {
                return false;
            }
        }
        given.next().is_none()
    }
}

/// A text with the values of variables.
pub(crate) fn filled(text: &str, variables: &BTreeMap<String, String>) -> String {
    variables.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)?;
        self.query.as_ref().map_or(Ok(()), |query| write!(f, "?{query}"))
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parts = text.split_once(' ').filter(|(_, target)| target.starts_with('/'));
        let (method, target) = parts.ok_or_else(|| D::Error::custom(format!("{text:?} is no `METHOD /path`")))?;
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        Ok(Self { method: method.to_owned(), path: path.to_owned(), query: query.map(str::to_owned) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, request: &str) -> bool {
        let pattern: Pattern = serde_json::from_value(pattern.into()).unwrap();
        let (method, target) = request.split_once(' ').unwrap();
        pattern.fits(method, target, &[("id".to_owned(), "42".to_owned())].into())
    }

    #[test]
    fn a_path_is_compared_segment_by_segment() {
        assert!(fits("GET /queue", "GET /queue"));
        assert!(fits("GET /queue", "HEAD /queue?a=1"));
        assert!(!fits("GET /queue", "POST /queue"));
        assert!(!fits("GET /queue", "GET /queue/1"));
        assert!(!fits("GET /queue/1", "GET /queue"));
        assert!(fits("* /queue", "DELETE /queue"));
        assert!(fits("GET /a/*/c", "GET /a/b/c"));
        assert!(!fits("GET /a/*/c", "GET /a/b/d"));
        assert!(fits("GET /*", "GET /"));
        assert!(fits("GET /*", "GET /a/b/c"));
    }

    #[test]
    fn a_variable_has_a_value_or_fits_nothing() {
        assert!(fits("GET /history/{id}", "GET /history/42"));
        assert!(!fits("GET /history/{id}", "GET /history/43"));
        assert!(!fits("GET /history/{other}", "GET /history/{other}"));
    }

    #[test]
    fn a_query_counts_where_the_script_has_one() {
        assert!(fits("GET /view?type=temp", "GET /view?type=temp"));
        assert!(!fits("GET /view?type=temp", "GET /view?type=output"));
        assert!(!fits("GET /view?type=temp", "GET /view"));
    }
}

//! What a driver may ask of an endpoint: anything below its base path, nothing elsewhere.

use super::{Endpoint, parse::dots};
use thiserror::Error;
use url::Url;

/// No target is longer, in bytes. Queries that carry a whole workflow exist.
const MAX_LEN: usize = 64 * 1024;

/// Why a target is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TargetError {
    /// Longer than any server takes.
    #[error("the target is longer than {MAX_LEN} bytes")]
    TooLong,
    /// A control character or a backslash.
    #[error("the target contains a control character or a backslash")]
    Character,
    /// A fragment, which is never sent.
    #[error("the target contains a fragment")]
    Fragment,
    /// Another scheme, host or port.
    #[error("the target belongs to another origin")]
    OtherOrigin,
    /// `..` above the base path.
    #[error("the target leaves the base path")]
    Escapes,
    /// No URL.
    #[error("the target is no URL")]
    Malformed,
}

pub(super) fn join(endpoint: &Endpoint, target: &str) -> Result<Url, TargetError> {
    if target.len() > MAX_LEN {
        return Err(TargetError::TooLong);
    }
    if target.contains(|c: char| c.is_control() || c == '\\') {
        return Err(TargetError::Character);
    }
    if target.contains('#') {
        return Err(TargetError::Fragment);
    }
    if is_absolute(target) {
        return absolute(endpoint, target);
    }
    if target.starts_with("//") {
        return Err(TargetError::OtherOrigin);
    }
    let target = target.strip_prefix('/').unwrap_or(target);
    if escapes(target) {
        return Err(TargetError::Escapes);
    }
    Url::parse(&format!("{endpoint}/{target}")).map_err(|_| TargetError::Malformed)
}

/// Whether it begins with a scheme. A URL in a query or in a later segment does not count.
fn is_absolute(target: &str) -> bool {
    target.split_once("://").is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    })
}

fn absolute(endpoint: &Endpoint, target: &str) -> Result<Url, TargetError> {
    let url = Url::parse(target).map_err(|_| TargetError::Malformed)?;
    let own = Url::parse(&endpoint.origin()).map_err(|_| TargetError::Malformed)?;
    let anonymous = url.username().is_empty() && url.password().is_none();
    if anonymous && url.origin() == own.origin() { Ok(url) } else { Err(TargetError::OtherOrigin) }
}

fn escapes(target: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default();
    let mut depth = 0_usize;
    for segment in path.split('/') {
        match dots(segment) {
            0 => depth += 1,
            1 => {}
            _ if depth == 0 => return true,
            _ => depth -= 1,
        }
    }
    false
}

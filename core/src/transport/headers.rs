//! Which header fields are the host's alone.

use super::Failure;
use mdd_driver_api::abi::Header;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, SET_COOKIE};

/// More fields in one request are a mistake.
const MAX_FIELDS: usize = 64;
/// No field of a request is longer, in bytes.
const MAX_VALUE: usize = 8 * 1024;

/// Fields that frame the message, name its sender or carry secrets.
const RESERVED: [&str; 16] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "cookie2",
    "expect",
    "host",
    "keep-alive",
    "origin",
    "referer",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];
const RESERVED_FAMILIES: [&str; 2] = ["proxy-", "sec-"];

/// Whether only the host sets this field.
pub(super) fn is_reserved(name: &HeaderName) -> bool {
    let name = name.as_str();
    RESERVED.contains(&name) || RESERVED_FAMILIES.iter().any(|family| name.starts_with(family))
}

/// The fields of a driver's request. `taken` are those that carry secrets of this instance.
pub(super) fn from_driver(fields: &[Header], taken: &[HeaderName]) -> Result<HeaderMap, Failure> {
    if fields.len() > MAX_FIELDS {
        return Err(Failure::Blocked(format!("more than {MAX_FIELDS} header fields")));
    }
    let mut headers = HeaderMap::with_capacity(fields.len());
    for field in fields {
        let shown = || mdd_driver_api::text::printable(&field.name, 60);
        let name = HeaderName::from_bytes(field.name.as_bytes())
            .map_err(|_| Failure::Blocked(format!("{:?} is no header field", shown())))?;
        if is_reserved(&name) || taken.contains(&name) {
            return Err(Failure::Blocked(format!("the header field {name} is the host's")));
        }
        let value = HeaderValue::from_str(&field.value)
            .ok()
            .filter(|value| value.len() <= MAX_VALUE)
            .ok_or_else(|| Failure::Blocked(format!("the value of the header field {name} is not valid")))?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// The fields of an answer as drivers see them: without cookies, which stay in the host.
pub(super) fn to_driver(headers: &HeaderMap) -> Vec<Header> {
    let visible = headers.iter().filter(|(name, _)| *name != SET_COOKIE);
    visible
        .map(|(name, value)| Header {
            name: name.as_str().into(),
            value: String::from_utf8_lossy(value.as_bytes()).into_owned().into(),
        })
        .collect()
}

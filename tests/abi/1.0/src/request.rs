//! HTTP as a driver author writes it.

use crate::{
    DriverError, ErrorKind, Result,
    abi::{Body, Header, HttpRequest, HttpResponse, RString, RVec, Segment},
};
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;

/// A request to the instance's endpoint.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until the host sends it"]
pub struct Request(HttpRequest);

impl Request {
    /// Any method. `target` is a path below the endpoint, or an absolute URL of the same origin.
    pub fn new(method: &str, target: &str) -> Self {
        Self(HttpRequest {
            method: method.into(),
            target: target.into(),
            headers: RVec::new(),
            body: RVec::new(),
            head_ms: 0,
            idle_ms: 0,
            total_ms: 0,
            max_bytes: 0,
            ext: RString::new(),
        })
    }

    /// GET.
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// HEAD.
    pub fn head(target: &str) -> Self {
        Self::new("HEAD", target)
    }

    /// POST.
    pub fn post(target: &str) -> Self {
        Self::new("POST", target)
    }

    /// Adds a parameter to the query, percent-encoded.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        let separator = if self.0.target.contains('?') { '&' } else { '?' };
        self.0.target = format!("{}{separator}{}={}", self.0.target, encoded(name), encoded(value)).into();
        self
    }

    /// Adds a header field.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.0.headers.push(Header { name: name.into(), value: value.into() });
        self
    }

    /// Sets a JSON body.
    ///
    /// # Errors
    /// `PROTOCOL` for a value that JSON cannot hold.
    pub fn json(self, value: &impl Serialize) -> Result<Self> {
        let text = serde_json::to_vec(value)
            .map_err(|error| DriverError::new(ErrorKind::PROTOCOL, format!("the body cannot be written: {error}")))?;
        Ok(self.header("content-type", "application/json").body(vec![Segment::bytes(text)]))
    }

    /// Sets a body out of segments, for example of [`multipart`](crate::multipart).
    pub fn body(mut self, segments: impl Into<Body>) -> Self {
        self.0.body = segments.into();
        self
    }

    /// Deadline until the head of the answer is complete.
    pub fn head_within(mut self, time: Duration) -> Self {
        self.0.head_ms = millis(time);
        self
    }

    /// Deadline between two pieces of the body.
    pub fn idle_within(mut self, time: Duration) -> Self {
        self.0.idle_ms = millis(time);
        self
    }

    /// Deadline for the whole exchange.
    pub fn total_within(mut self, time: Duration) -> Self {
        self.0.total_ms = millis(time);
        self
    }

    /// No deadline for the whole exchange.
    pub fn without_deadline(mut self) -> Self {
        self.0.total_ms = u64::MAX;
        self
    }

    /// Cap on the body of the answer.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.0.max_bytes = bytes;
        self
    }

    pub(crate) fn into_abi(self) -> HttpRequest {
        self.0
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Percent-encodes all but the unreserved characters (RFC 3986, 2.3).
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte.into()),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// An answer with its whole body.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status.
    pub status: u16,
    headers: RVec<Header>,
    body: RVec<u8>,
}

/// The first field of that name, in any case.
pub(crate) fn field<'a>(headers: &'a [Header], name: &str) -> Option<&'a str> {
    headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value.as_str())
}

impl Response {
    pub(crate) fn new(response: HttpResponse) -> Self {
        Self { status: response.status, headers: response.headers, body: response.body }
    }

    /// The first header field of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        field(&self.headers, name)
    }

    /// The body.
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The answer itself when its status is 2xx.
    ///
    /// # Errors
    /// `TRANSPORT` for 502, 503 and 504, where somebody answers for a service that is not there; `AUTH` for 401 and 403;
    /// `BUSY` for 429; `PROTOCOL` for 404 and 405; `REJECTED` for other 4xx and `TRANSPORT` for other 5xx.
    pub fn success(self) -> Result<Self> {
        if self.is_success() {
            return Ok(self);
        }
        let kind = match self.status {
            401 | 403 => ErrorKind::AUTH,
            429 => ErrorKind::BUSY,
            404 | 405 => ErrorKind::PROTOCOL,
            400..=499 => ErrorKind::REJECTED,
            500..=599 => ErrorKind::TRANSPORT,
            _ => ErrorKind::PROTOCOL,
        };
        let status = self.status;
        Err(DriverError::new(kind, format!("it answered HTTP {status}{}", self.excerpt())).with_status(status))
    }

    /// The body as JSON. A peer that writes bare `NaN` or `Infinity`, as Python does, is read with `null` in their place.
    ///
    /// # Errors
    /// `PROTOCOL` with the beginning of what came instead.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        crate::text::lenient_json(&self.body).map_err(|error| {
            let text = format!("it answered {}, which cannot be read as expected: {error}", self.body_in_words());
            DriverError::new(ErrorKind::PROTOCOL, text).with_status(self.status)
        })
    }

    /// What came, in words for [`Identity::no`](crate::model::Identity::no): `HTTP 200 with a web page titled "X"`.
    pub fn in_words(&self) -> String {
        let mut words = format!("HTTP {}", self.status);
        if self.status == 404 && self.bytes() == br#"{"detail":"Not Found"}"# {
            return words + " of a FastAPI application, such as any Gradio app";
        }
        if let Some(location) = self.header("location") {
            words = format!("{words} to {}", crate::text::printable(location, 80));
        }
        format!("{words} with {}", self.body_in_words())
    }

    fn body_in_words(&self) -> String {
        crate::text::body_in_words(&self.body, self.header("content-type"))
    }

    /// The beginning of a short text body, in parentheses.
    fn excerpt(&self) -> String {
        let start = self.body.trim_ascii();
        if start.is_empty() || start.first() == Some(&b'<') {
            return String::new();
        }
        match std::str::from_utf8(start) {
            Ok(text) => format!(" ({})", crate::text::printable(text, 160)),
            Err(_) => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Request;

    #[test]
    fn a_query_says_what_was_meant() {
        let request = Request::get("/view").query("filename", "a&b ü.png").query("subfolder", "");
        assert_eq!(request.into_abi().target, "/view?filename=a%26b%20%C3%BC.png&subfolder=");
    }
}

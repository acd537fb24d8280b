//! Multipart forms.

use bytes::Bytes;

use crate::service::Request;

/// One field of a form.
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) filename: Option<String>,
    pub(crate) value: Bytes,
}

/// The fields of a form; none for what is no form.
pub(crate) fn fields(request: &Request) -> Vec<Field> {
    let boundary = request.header("content-type").and_then(|kind| parameter(kind, "boundary"));
    let Some(boundary) = boundary else { return Vec::new() };
    let body = request.body();
    let delimiter = format!("\r\n--{boundary}");
    // The first delimiter has no line before it.
    let whole = [b"\r\n", body.as_ref()].concat();
    let parts = split(&whole, delimiter.as_bytes());
    parts.into_iter().skip(1).filter_map(field).collect()
}

fn field(part: &[u8]) -> Option<Field> {
    let at = find(part, b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&part[..at]);
    let disposition = head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
    Some(Field {
        name: parameter(disposition, "name")?,
        filename: parameter(disposition, "filename"),
        value: Bytes::copy_from_slice(&part[at + 4..]),
    })
}

/// A parameter of a header: `; name="value"` or `; name=value`.
fn parameter(header: &str, name: &str) -> Option<String> {
    let mut parts = header.split(';').skip(1).filter_map(|part| part.trim().split_once('='));
    let (_, value) = parts.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    Some(value.trim().trim_matches('"').to_owned())
}

fn split<'a>(mut bytes: &'a [u8], delimiter: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    while let Some(at) = find(bytes, delimiter) {
        parts.push(&bytes[..at]);
        bytes = &bytes[at + delimiter.len()..];
    }
    parts
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

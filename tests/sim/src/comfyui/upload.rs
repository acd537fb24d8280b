//! `POST /upload/image`: a multipart form with a file.

use bytes::Bytes;

use super::{
    errors::crash,
    files::{self, Folder},
    process::Process,
};
use crate::{
    json::object,
    ledger::Upload,
    service::{Reply, Request},
};

/// One field of a form.
struct Field {
    name: String,
    filename: Option<String>,
    value: Bytes,
}

/// Stores the file, under another name if the wanted one is taken by other bytes.
pub(super) fn answer(process: &Process, request: &Request) -> Reply {
    let fields = fields(request);
    let text = |name: &str| {
        let field = fields.iter().find(|field| field.name == name)?;
        Some(String::from_utf8_lossy(&field.value).into_owned())
    };
    let kind = text("type").unwrap_or_else(|| "input".to_owned());
    let Some(folder) = Folder::named(&kind) else { return crash() };
    let Some(image) = fields.iter().find(|field| field.name == "image" && field.filename.is_some()) else {
        return Reply::empty(400);
    };
    let filename = image.filename.clone().unwrap_or_default();
    let subfolder = text("subfolder").unwrap_or_default();
    let Some(path) = files::normal(&files::join(&subfolder, &filename)) else { return Reply::empty(400) };
    if filename.is_empty() || subfolder.starts_with('/') {
        return Reply::empty(400);
    }
    let overwrites = matches!(text("overwrite").as_deref(), Some("true" | "1"));
    let name = if overwrites { filename } else { free_name(process, folder, &path, &filename, &image.value) };
    let path = files::normal(&files::join(&subfolder, &name)).unwrap_or(path);
    process.files.save(folder, &path, image.value.clone());
    let bytes = image.value.len() as u64;
    process.book.upload(Upload { name: name.clone(), subfolder: subfolder.clone(), bytes });
    Reply::python_json(200, &object! { "name" => name, "subfolder" => subfolder, "type" => kind })
}

/// The wanted name if it is free or holds the same bytes, else `name (1).ext` and so on.
fn free_name(process: &Process, folder: Folder, path: &str, filename: &str, bytes: &Bytes) -> String {
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    let (stem, extension) = match filename.rfind('.') {
        Some(dot) if dot > 0 => filename.split_at(dot),
        _ => (filename, ""),
    };
    let candidates = (1..).map(|number| format!("{stem} ({number}){extension}"));
    let is_free = |name: &String| match process.files.find(folder, &files::join(parent, name)) {
        Some(file) => file.bytes == bytes,
        None => true,
    };
    let mut candidates = std::iter::once(filename.to_owned()).chain(candidates);
    candidates.find(is_free).unwrap_or_else(|| filename.to_owned())
}

fn fields(request: &Request) -> Vec<Field> {
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

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
    multipart::fields,
    service::{Reply, Request},
};

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

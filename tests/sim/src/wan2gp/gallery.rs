//! The gallery: what was uploaded and made, and the addresses that are good for one transfer.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use bytes::Bytes;

use crate::{
    json::{Json, object},
    uuid,
};

/// One medium.
struct Medium {
    path: String,
    settings: Json,
}

/// What the process knows of media. The files outlive it, their places here do not.
#[derive(Default)]
pub(super) struct Gallery {
    media: Vec<Medium>,
    files: BTreeMap<String, Bytes>,
    /// Names of files to come, by token.
    uploads: BTreeMap<String, String>,
    /// Paths, by token.
    downloads: BTreeMap<String, String>,
}

impl Gallery {
    pub(super) fn offer_upload(&mut self, name: &str) -> Json {
        let token = uuid::hex();
        self.uploads.insert(token.clone(), name.to_owned());
        object! {
            "upload_url" => format!("/wangp_api/gallery/upload/{token}"),
            "method" => "PUT",
            "filename" => name,
            "expires_in_seconds" => 600,
            "max_bytes" => 8_589_934_592_u64,
        }
    }

    /// `None`: nobody waits for it any more.
    pub(super) fn take_upload(&mut self, token: &str) -> Option<String> {
        let name = self.uploads.remove(token)?;
        Some(format!("/srv/Wan2GP/outputs/mcp_uploads/{}/{name}", uuid::hex()))
    }

    pub(super) fn offer_download(&mut self, id: &str) -> Option<Json> {
        let path = self.path(id)?.to_owned();
        let size = self.files.get(&path)?.len();
        let token = uuid::hex();
        self.downloads.insert(token.clone(), path.clone());
        Some(object! {
            "gallery_id" => id,
            "download_url" => format!("/wangp_api/gallery/download/{token}"),
            "filename" => name(&path),
            "media_type" => media_type(&path),
            "size" => size,
            "expires_in_seconds" => 600,
        })
    }

    /// A path and its bytes, once.
    pub(super) fn take_download(&mut self, token: &str) -> Option<(String, Bytes)> {
        let path = self.downloads.remove(token)?;
        let bytes = self.files.get(&path)?.clone();
        Some((path, bytes))
    }

    /// Puts something in. What was made later has replaced what was there before.
    pub(super) fn add(&mut self, path: &str, bytes: Bytes, settings: Json) -> Json {
        self.files.insert(path.to_owned(), bytes);
        self.media.retain(|medium| medium.path != path);
        self.media.push(Medium { path: path.to_owned(), settings });
        self.entry(self.media.len() - 1)
    }

    pub(super) fn path(&self, id: &str) -> Option<&str> {
        self.media.iter().map(|medium| medium.path.as_str()).find(|path| self::id(path) == id)
    }

    pub(super) fn list(&self) -> Vec<Json> {
        (0..self.media.len()).map(|index| self.entry(index)).collect()
    }

    /// The entry of what was made, as results of jobs have it.
    pub(super) fn made(&self, path: &str) -> Option<Json> {
        let index = self.media.iter().position(|medium| medium.path == path)?;
        let mut entry = self.entry(index);
        entry.set("selected", false);
        Some(entry)
    }

    fn entry(&self, index: usize) -> Json {
        let Medium { path, settings } = &self.media[index];
        object! {
            "gallery_id" => id(path),
            "gallery" => "visual",
            "index" => index,
            "path" => path,
            "media_type" => media_type(path),
            "selected" => index + 1 == self.media.len(),
            "in_gallery" => true,
            "settings" => settings,
        }
    }
}

/// The same for the same path in every process, as WanGP's is.
fn id(path: &str) -> String {
    let mut hasher = DefaultHasher::new();
    path.to_lowercase().hash(&mut hasher);
    format!("visual:{:012x}", hasher.finish() & 0xffff_ffff_ffff)
}

pub(super) fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

pub(super) fn media_type(path: &str) -> &'static str {
    if path.ends_with(".mp4") { "video" } else { "image" }
}

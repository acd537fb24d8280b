//! The payload: settings as WanGP's "Export Settings" writes them, or a list of them that is worked on in order.

use crate::problem::{self, refused};
use mdd_driver_api::{Result, files::substitute_files, model::JobFile, text::printable};
use serde_json::Value;
use std::collections::BTreeMap;

/// A payload that makes sense.
#[derive(Debug, Clone)]
pub(crate) struct Generation {
    settings: Value,
    /// The files that it names.
    pub(crate) files: Vec<JobFile>,
}

impl Generation {
    /// # Errors
    /// `REJECTED` for what are no settings, and for a file that the job does not have.
    pub(crate) fn read(mut settings: Value, files: &[JobFile]) -> Result<Self> {
        let is_whole = match &settings {
            Value::Object(fields) => !fields.is_empty(),
            Value::Array(tasks) => !tasks.is_empty() && tasks.iter().all(Value::is_object),
            _ => false,
        };
        if !is_whole {
            let text = "the payload is neither settings nor a list of them";
            return Err(refused(problem::BAD_SETTINGS, text));
        }
        let mut named: Vec<JobFile> = Vec::new();
        let original = settings.clone();
        substitute_files(&mut settings, &mut |name| {
            let file = files.iter().find(|file| file.name == name).ok_or_else(|| {
                let text =
                    format!("the settings name the file \"{}\", which the job does not have", printable(name, 80));
                refused(problem::MISSING_FILE, text)
            })?;
            if !named.iter().any(|known| known.name == file.name) {
                named.push(file.clone());
            }
            Ok(Value::Null)
        })?;
        Ok(Self { settings: original, files: named })
    }

    /// The settings with what stands for each file on the server.
    pub(crate) fn with_files(&self, media: &BTreeMap<String, String>) -> Value {
        let mut settings = self.settings.clone();
        let replaced: std::result::Result<(), std::convert::Infallible> =
            substitute_files(&mut settings, &mut |name| {
                Ok(media.get(name).map_or(Value::Null, |there| Value::from(there.as_str())))
            });
        let Ok(()) = replaced;
        settings
    }

    /// How many tasks it has.
    pub(crate) fn tasks(&self) -> usize {
        self.settings.as_array().map_or(1, Vec::len)
    }
}

/// A name that no earlier upload has: WanGP names what it makes out of a file after it, and overwrites.
pub(crate) fn upload_name(attempt: &str, number: usize, file: &JobFile) -> String {
    let id: String = attempt.chars().filter(char::is_ascii_alphanumeric).take(12).collect();
    format!("mdd-{id}-{number}.{}", extension(file))
}

/// WanGP goes by the ending of a name.
fn extension(file: &JobFile) -> &'static str {
    match file.media_type.as_str() {
        "image/png" => "png",
        "image/jpeg" => "jpg",
        "image/webp" => "webp",
        "image/gif" => "gif",
        "image/bmp" => "bmp",
        "image/tiff" => "tiff",
        "video/mp4" => "mp4",
        "video/quicktime" => "mov",
        "video/webm" => "webm",
        "video/x-matroska" => "mkv",
        "video/x-msvideo" => "avi",
        "audio/wav" => "wav",
        "audio/mpeg" => "mp3",
        "audio/flac" => "flac",
        "audio/ogg" => "ogg",
        "audio/mp4" => "m4a",
        _ => "bin",
    }
}

#[cfg(test)]
mod tests {
    use super::{Generation, upload_name};
    use crate::problem::*;
    use mdd_driver_api::model::JobFile;
    use serde_json::{Value, json};
    use std::collections::BTreeMap;

    fn file(name: &str, media_type: &str) -> JobFile {
        let mut file = JobFile::default();
        (file.name, file.media_type) = (name.to_owned(), media_type.to_owned());
        file
    }

    #[test]
    fn files_are_found_and_replaced() {
        let files = [file("start", "image/png"), file("unused", "image/png")];
        let settings = json!([{"prompt": "a", "image_start": "mdd-file:start"}, {"image_refs": ["mdd-file:start"]}]);
        let generation = Generation::read(settings, &files).unwrap();
        assert_eq!((generation.files.len(), generation.tasks()), (1, 2));
        let media = BTreeMap::from([("start".to_owned(), "visual:1".to_owned())]);
        let expected = json!([{"prompt": "a", "image_start": "visual:1"}, {"image_refs": ["visual:1"]}]);
        assert_eq!(generation.with_files(&media), expected);
    }

    #[test]
    fn what_are_no_settings_is_refused() {
        for odd in [json!({}), json!([]), json!([1]), json!("x"), Value::Null] {
            assert_eq!(Generation::read(odd, &[]).unwrap_err().code, BAD_SETTINGS);
        }
        let error = Generation::read(json!({"image_start": "mdd-file:gone"}), &[]).unwrap_err();
        assert_eq!(error.code, MISSING_FILE);
        assert_eq!(error.message, "the settings name the file \"gone\", which the job does not have");
    }

    #[test]
    fn uploads_have_names_of_their_own() {
        let name = upload_name("0fa1c2d3-4e5f-4711-8111-111111111111", 2, &file("my face.PNG", "image/jpeg"));
        assert_eq!(name, "mdd-0fa1c2d34e5f-2.jpg");
        assert_eq!(upload_name("../..", 1, &file("x", "text/x-sh")), "mdd--1.bin");
    }
}

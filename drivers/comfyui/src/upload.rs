//! Files of a job on their way to the server (`POST /upload/image`, which takes files of any type).

use crate::problem::{self, refused};
use mdd_driver_api::{
    DriverError, ErrorKind, Request, Response, Result,
    abi::{Segment, SegmentKind},
    model::JobFile,
    multipart::{Part, multipart},
    text::printable,
};
use serde_json::Value;
use std::time::Duration;

/// Where the files go below the server's input folder, apart from those of its user.
const FOLDER: &str = "mdd-host";
/// For the server's part of it, after the last byte.
const PATIENCE: Duration = Duration::from_secs(60);
/// A slower way is none, in bytes per second.
const SLOWEST: u64 = 256 * 1024;

/// The form with the file. Without `overwrite` the server keeps other bytes of the same name, and says what it did.
pub(crate) fn request(file: &JobFile, random: u64) -> Request {
    let parts = vec![
        Part::text("type", "input"),
        Part::text("subfolder", FOLDER),
        Part::file("image", name(file), &file.media_type, Segment::named(SegmentKind::FILE, &file.handle)),
    ];
    let within = PATIENCE + Duration::from_secs(file.bytes / SLOWEST);
    multipart(Request::post("/upload/image"), random, parts).head_within(within).total_within(within)
}

/// Its name as nodes choose it, or why there is none. Whatever went wrong, no work was started.
pub(crate) fn read(file: &JobFile, answer: Response) -> Result<String> {
    let name = printable(&file.name, 80);
    match answer.status {
        200 => answer.json().ok().as_ref().and_then(reference).ok_or_else(|| {
            let text = format!("it answered {} to the file \"{name}\"", answer.in_words());
            refused(problem::UPLOAD_REFUSED, text).with_status(200)
        }),
        413 => {
            let text = format!("the file \"{name}\" with its {} bytes is larger than the server takes", file.bytes);
            Err(refused(problem::TOO_LARGE, text).with_status(413))
        }
        401 | 403 | 407 | 429 | 502..=504 => Err(unreached(answer).without_effect()),
        status => {
            let text = format!("it answered HTTP {status} to the file \"{name}\"");
            Err(refused(problem::UPLOAD_REFUSED, text).with_status(status))
        }
    }
}

/// The error of an answer that is none of the service's.
fn unreached(answer: Response) -> DriverError {
    let words = answer.in_words();
    answer.success().map_or_else(|error| error, |_| DriverError::new(ErrorKind::PROTOCOL, words))
}

/// What a node's input is to say.
fn reference(answer: &Value) -> Option<String> {
    let text = |field: &str| answer.get(field).and_then(Value::as_str).unwrap_or_default();
    let name = Some(text("name")).filter(|name| !name.is_empty())?;
    let path = match text("subfolder") {
        "" => name.to_owned(),
        subfolder => format!("{}/{name}", subfolder.replace('\\', "/")),
    };
    Some(match text("type") {
        "" | "input" => path,
        folder => format!("{path} [{folder}]"),
    })
}

/// Some nodes tell by the ending what a file is.
fn name(file: &JobFile) -> String {
    let has_ending = file.name.rsplit_once('.').is_some_and(|(stem, ending)| !stem.is_empty() && !ending.is_empty());
    let ending = match file.media_type.as_str() {
        "image/png" => ".png",
        "image/jpeg" => ".jpg",
        "image/webp" => ".webp",
        "image/gif" => ".gif",
        "video/mp4" => ".mp4",
        "video/webm" => ".webm",
        "video/quicktime" => ".mov",
        "audio/wav" | "audio/x-wav" => ".wav",
        "audio/mpeg" => ".mp3",
        "audio/flac" => ".flac",
        "audio/ogg" => ".ogg",
        _ => "",
    };
    if has_ending { file.name.clone() } else { format!("{}{ending}", file.name) }
}

#[cfg(test)]
mod tests {
    use super::{name, reference};
    use mdd_driver_api::model::JobFile;
    use serde_json::json;

    #[test]
    fn the_servers_name_counts() {
        for (answer, expected) in [
            (json!({"name": "ref.png", "subfolder": "", "type": "input"}), "ref.png"),
            (json!({"name": "ref (1).png", "subfolder": "mdd-host", "type": "input"}), "mdd-host/ref (1).png"),
            (json!({"name": "a.png", "subfolder": "x\\y", "type": "temp", "asset": {}}), "x/y/a.png [temp]"),
            (json!({"name": "a.png"}), "a.png"),
        ] {
            assert_eq!(reference(&answer).unwrap(), expected);
        }
        for recorded in [
            include_bytes!("../../../tests/fixtures/comfyui-0.3.64/upload_image_response.json").as_slice(),
            include_bytes!("../../../tests/fixtures/comfyui-0.33.0/upload_image_response.json"),
        ] {
            assert_eq!(reference(&serde_json::from_slice(recorded).unwrap()).unwrap(), "ref.png");
        }
        for odd in [json!({}), json!([]), json!({"name": ""}), json!({"name": 7})] {
            assert_eq!(reference(&odd), None);
        }
    }

    #[test]
    fn a_name_without_an_ending_gets_one() {
        let mut file = JobFile::default();
        for (given, media_type, expected) in [
            ("ref", "image/png", "ref.png"),
            ("ref.jpg", "image/png", "ref.jpg"),
            ("v1.", "video/mp4", "v1..mp4"),
            (".hidden", "audio/wav", ".hidden.wav"),
            ("thing", "application/octet-stream", "thing"),
        ] {
            (file.name, file.media_type) = (given.to_owned(), media_type.to_owned());
            assert_eq!(name(&file), expected);
        }
    }
}

//! Binary messages of the WebSocket: pictures of the work so far, behind big-endian numbers.

use serde_json::Value;

/// A picture without a word on what it shows.
const IMAGE: u32 = 1;
/// The same behind a JSON object that names the job, for clients that asked for that.
const DESCRIBED_IMAGE: u32 = 4;

/// A picture of the work so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Preview {
    /// The job, where the message says so.
    pub(crate) prompt_id: Option<String>,
    pub(crate) media_type: String,
    pub(crate) bytes: Vec<u8>,
}

impl Preview {
    /// `None` for messages of other types, and for what is no picture.
    pub(crate) fn read(message: &[u8]) -> Option<Self> {
        let (kind, rest) = number(message)?;
        match kind {
            IMAGE => {
                let (format, picture) = number(rest)?;
                let media_type = match format {
                    1 => "image/jpeg",
                    2 => "image/png",
                    _ => return None,
                };
                Some(Self { prompt_id: None, media_type: media_type.to_owned(), bytes: picture.to_vec() })
            }
            DESCRIBED_IMAGE => {
                let (len, rest) = number(rest)?;
                let (description, picture) = rest.split_at_checked(usize::try_from(len).ok()?)?;
                let description: Value = serde_json::from_slice(description).ok()?;
                let media_type = description["image_type"].as_str().filter(|kind| kind.starts_with("image/"))?;
                Some(Self {
                    prompt_id: description["prompt_id"].as_str().map(str::to_owned),
                    media_type: media_type.to_owned(),
                    bytes: picture.to_vec(),
                })
            }
            _ => None,
        }
    }
}

fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use super::Preview;
    use crate::message::tests::{binary, job_events};

    #[test]
    fn recorded_pictures_are_read() {
        for version in ["comfyui-0.3.64", "comfyui-0.33.0"] {
            for (name, described) in [("ws_events_preview", false), ("ws_events_preview_metadata", true)] {
                let id = job_events(version, name)[0].0.clone();
                let messages = binary(version, name);
                assert_eq!(messages.len(), 3, "{version} {name}");
                for message in messages {
                    let preview = Preview::read(&message).unwrap();
                    assert_eq!(preview.prompt_id, described.then(|| id.clone()), "{version} {name}");
                    assert_eq!(preview.media_type, "image/jpeg");
                    assert!(preview.bytes.starts_with(b"\xff\xd8\xff") && preview.bytes.ends_with(b"\xff\xd9"));
                }
            }
        }
        let texts = binary("comfyui-0.33.0", "ws_events_text_binary");
        assert!(!texts.is_empty() && texts.iter().all(|text| Preview::read(text).is_none()));
    }

    fn described(description: &str, picture: &[u8]) -> Vec<u8> {
        let len = u32::try_from(description.len()).unwrap();
        [&4_u32.to_be_bytes(), &len.to_be_bytes(), description.as_bytes(), picture].concat()
    }

    #[test]
    fn both_kinds_of_pictures_are_read() {
        let plain = Preview::read(&[0, 0, 0, 1, 0, 0, 0, 1, 0xff, 0xd8, 0xff]).unwrap();
        assert_eq!((plain.prompt_id, plain.media_type.as_str()), (None, "image/jpeg"));
        assert_eq!(plain.bytes, [0xff, 0xd8, 0xff]);
        assert_eq!(Preview::read(&[0, 0, 0, 1, 0, 0, 0, 2]).unwrap().media_type, "image/png");
        let text = r#"{"node_id": "3", "prompt_id": "1fd5", "display_node_id": "3", "image_type": "image/jpeg"}"#;
        let named = Preview::read(&described(text, &[0xff, 0xd8])).unwrap();
        assert_eq!((named.prompt_id.as_deref(), named.media_type.as_str()), (Some("1fd5"), "image/jpeg"));
        assert_eq!(named.bytes, [0xff, 0xd8]);
    }

    #[test]
    fn everything_else_is_passed_over() {
        let text = [0, 0, 0, 3, 0, 0, 0, 1, 0x34, 0x77];
        let odd: [&[u8]; 6] = [
            b"",
            b"\0\0\0",
            &text,
            &[0, 0, 0, 1, 0, 0, 0, 9, 1],
            &[0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff, 1],
            b"\0\0\0\x04",
        ];
        for message in odd {
            assert_eq!(Preview::read(message), None, "{message:?}");
        }
        assert_eq!(Preview::read(&described("{}", b"x")), None);
        assert_eq!(Preview::read(&described(r#"{"image_type": "text/html"}"#, b"x")), None);
        assert_eq!(Preview::read(&described("{", b"x")), None);
    }
}

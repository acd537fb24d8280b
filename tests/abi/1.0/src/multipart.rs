//! `multipart/form-data` (RFC 7578) out of segments, so that a file's bytes never pass through the driver.

use crate::{Request, abi::Segment};

/// One field of the form.
#[derive(Debug, Clone)]
pub struct Part {
    name: String,
    file_name: Option<String>,
    media_type: Option<String>,
    content: Segment,
}

impl Part {
    /// A text field.
    pub fn text(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), file_name: None, media_type: None, content: Segment::bytes(value.into()) }
    }

    /// A file field; `content` is usually a segment of kind `FILE`.
    pub fn file(
        name: impl Into<String>,
        file_name: impl Into<String>,
        media_type: impl Into<String>,
        content: Segment,
    ) -> Self {
        Self { name: name.into(), file_name: Some(file_name.into()), media_type: Some(media_type.into()), content }
    }
}

/// Sets the body of a request to a form. `random` makes the boundary, from [`Host::random`](crate::Host::random).
pub fn multipart(request: Request, random: u64, parts: Vec<Part>) -> Request {
    let boundary = format!("mdd-{random:016x}");
    let mut segments = Vec::new();
    for part in parts {
        segments.push(Segment::bytes(head(&boundary, &part)));
        segments.push(part.content);
        segments.push(Segment::bytes("\r\n"));
    }
    segments.push(Segment::bytes(format!("--{boundary}--\r\n")));
    request.header("content-type", &format!("multipart/form-data; boundary={boundary}")).body(segments)
}

fn head(boundary: &str, part: &Part) -> String {
    let mut head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"", escaped(&part.name));
    if let Some(file_name) = &part.file_name {
        head.push_str(&format!("; filename=\"{}\"", escaped(file_name)));
    }
    if let Some(media_type) = &part.media_type {
        head.push_str(&format!("\r\nContent-Type: {}", media_type.replace(['\r', '\n'], "")));
    }
    head.push_str("\r\n\r\n");
    head
}

/// As browsers do it (WHATWG HTML, "multipart form data").
fn escaped(name: &str) -> String {
    name.replace('\r', "%0D").replace('\n', "%0A").replace('"', "%22")
}

#[cfg(test)]
mod tests {
    use super::{Part, multipart};
    use crate::{
        Request,
        abi::{Segment, SegmentKind},
    };

    #[test]
    fn a_form_is_segments_around_files() {
        let parts = vec![
            Part::text("overwrite", "true"),
            Part::file("image", "a\"b\r\n.png", "image/png", Segment::named(SegmentKind::FILE, "ref")),
        ];
        let request = multipart(Request::post("/upload"), 7, parts).into_abi();
        assert_eq!(request.headers[0].value, "multipart/form-data; boundary=mdd-0000000000000007");
        let text: String = request
            .body
            .iter()
            .map(|segment| match segment.kind {
                SegmentKind::BYTES => String::from_utf8(segment.bytes.to_vec()).unwrap(),
                _ => format!("<{}>", segment.name),
            })
            .collect();
        assert_eq!(
            text,
            "--mdd-0000000000000007\r\nContent-Disposition: form-data; name=\"overwrite\"\r\n\r\ntrue\r\n\
             --mdd-0000000000000007\r\nContent-Disposition: form-data; name=\"image\"; \
             filename=\"a%22b%0D%0A.png\"\r\nContent-Type: image/png\r\n\r\n<ref>\r\n--mdd-0000000000000007--\r\n"
        );
    }
}

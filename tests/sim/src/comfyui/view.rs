//! `GET /view`: files as aiohttp serves them, with validators and ranges.

use std::{ops::Range, time::Duration};

use bytes::Bytes;

use super::{
    files::{self, File, Folder},
    process::Process,
};
use crate::service::{Reply, ReplyBody, Request};

/// Pictures of the right format for `preview=`; nothing is re-encoded here.
const WEBP: &[u8] = b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0/\0\0\0\x10\x07\x10\x11\x11\x88\x88\xfe\x07\0";
const JPEG: &[u8] = include_bytes!("preview.jpg");

/// Answers with a file, a part of it, or the recorded refusals, whose bodies are all empty.
pub(super) fn answer(process: &Process, request: &Request) -> Reply {
    let Some(filename) = request.parameter("filename") else { return Reply::empty(404) };
    let (filename, folder) = files::annotated(&filename);
    if filename.is_empty() || filename.starts_with('/') || filename.contains("..") {
        return Reply::empty(400);
    }
    let named = || Folder::named(&request.parameter("type").unwrap_or_else(|| "output".to_owned()));
    let Some(folder) = folder.or_else(named) else { return Reply::empty(400) };
    let subfolder = match request.parameter("subfolder") {
        None => String::new(),
        Some(subfolder) => match files::normal(&subfolder) {
            Some(subfolder) => subfolder,
            None => return Reply::empty(403),
        },
    };
    let name = filename.rsplit('/').next().unwrap_or(filename);
    let Some(file) = process.files.find(folder, &files::join(&subfolder, name)) else { return Reply::empty(404) };
    let disposition = format!("filename=\"{name}\"");
    match request.parameter("preview") {
        Some(preview) if preview.starts_with("jpeg") => picture("image/jpeg", JPEG, disposition),
        Some(_) => picture("image/webp", WEBP, disposition),
        None => serve(request, name, file, disposition),
    }
}

fn picture(content_type: &'static str, bytes: &'static [u8], disposition: String) -> Reply {
    Reply::text(200, content_type, Bytes::from_static(bytes)).with("content-disposition", disposition)
}

fn serve(request: &Request, name: &str, file: File, disposition: String) -> Reply {
    let size = file.bytes.len();
    let tag = format!("\"{:x}-{size:x}\"", file.changed.as_nanos());
    let known = request.header("if-none-match").is_some_and(|tags| tags.split(',').any(|known| known.trim() == tag));
    let described = |reply: Reply| {
        reply
            .with("content-disposition", disposition.clone())
            .with("content-type", content_type(name))
            .with("etag", tag.clone())
            .with("last-modified", http_date(file.changed))
    };
    if known {
        return described(Reply::empty(304));
    }
    match request.header("range").map(|range| parse_range(range, size)) {
        None => described(Reply::new(200, ReplyBody::Whole(file.bytes))).with("accept-ranges", "bytes"),
        Some(Some(range)) => {
            let shown = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            described(Reply::new(206, ReplyBody::Whole(file.bytes.slice(range))))
                .with("accept-ranges", "bytes")
                .with("content-range", shown)
        }
        Some(None) => Reply::new(416, ReplyBody::Chunked(Bytes::new()))
            .with("content-disposition", disposition.clone())
            .with("content-type", content_type(name))
            .with("content-range", format!("bytes */{size}")),
    }
}

/// `bytes=a-b`, `bytes=a-` or `bytes=-n`; `None` if it cannot be satisfied.
fn parse_range(range: &str, size: usize) -> Option<Range<usize>> {
    let (first, last) = range.trim().strip_prefix("bytes=")?.split_once('-')?;
    let range = match (first, last) {
        ("", suffix) => size.saturating_sub(suffix.parse().ok()?)..size,
        (first, "") => first.parse().ok()?..size,
        (first, last) => first.parse().ok()?..last.parse::<usize>().ok()?.saturating_add(1).min(size),
    };
    (range.start < range.end && range.start < size).then_some(range)
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "mp4" => "video/mp4",
        "wav" => "audio/x-wav",
        "txt" => "text/plain",
        "json" => "application/json",
        _ => "application/octet-stream",
    }
}

/// A time since 1970 as HTTP writes it.
fn http_date(time: Duration) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (days, seconds) = (time.as_secs() / 86_400, time.as_secs() % 86_400);
    // Days are counted from 1 March of year 0, so that the leap day is the last of its year.
    let era_days = days + 719_468;
    let (era, day) = (era_days / 146_097, era_days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 2, 0) } else { (month - 10, 1) };
    let year = era * 400 + year + carry;
    format!(
        "{}, {day_of_month:02} {} {year} {:02}:{:02}:{:02} GMT",
        DAYS[(days % 7) as usize],
        MONTHS[month as usize],
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(http_date(Duration::ZERO), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(http_date(Duration::from_secs(951_782_400)), "Tue, 29 Feb 2000 00:00:00 GMT");
        assert_eq!(http_date(Duration::from_secs(1_795_382_314)), "Sun, 22 Nov 2026 21:18:34 GMT");
    }

    #[test]
    fn ranges_are_cut_to_the_file() {
        assert_eq!(parse_range("bytes=0-9", 100), Some(0..10));
        assert_eq!(parse_range("bytes=90-", 100), Some(90..100));
        assert_eq!(parse_range("bytes=-5", 100), Some(95..100));
        assert_eq!(parse_range("bytes=50-999", 100), Some(50..100));
        assert_eq!(parse_range("bytes=100-", 100), None);
        assert_eq!(parse_range("lines=1-2", 100), None);
    }
}

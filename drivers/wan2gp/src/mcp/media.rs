//! Media: in and out through the server's gallery, by addresses that are good for one transfer.

use super::{LONGEST, Mcp, not_sent, snapshot::Item, tool::Told};
use crate::problem::{self, refused};
use mdd_driver_api::{
    DriverError, ErrorKind, Job, Request, Result,
    abi::{Segment, SegmentKind},
    model::{JobFile, Problem, ResultMeta, Saved},
    text::printable,
};
use serde_json::{Value, json};
use std::time::Duration;

/// Where the server takes files, and where it gives them away.
const UPLOADS: &str = "/wangp_api/gallery/upload/";
const DOWNLOADS: &str = "/wangp_api/gallery/download/";
/// The server looks into a file before it answers.
const DIGESTION: Duration = Duration::from_secs(120);

impl Mcp {
    /// Sends a file; the answer is its name in the gallery.
    pub(super) async fn upload(&self, file: &JobFile, name: &str) -> Result<String> {
        let told = self.call("wangp_create_gallery_upload", &json!({"filename": name})).await.map_err(not_sent)?;
        let target = match told {
            Told::Done(offer) => place(&offer["upload_url"], UPLOADS).map_err(DriverError::without_effect)?,
            Told::Refused(text) => return Err(refused(problem::UPLOAD_REFUSED, text)),
        };
        let content = vec![Segment::named(SegmentKind::FILE, file.handle.as_str())];
        let request = Request::new("PUT", &target)
            .header("content-type", "application/octet-stream")
            .body(content)
            .head_within(DIGESTION)
            .without_deadline()
            .max_bytes(LONGEST);
        let answer = self.host.send(request).await.map_err(not_sent)?;
        if !answer.is_success() {
            let body: Value = answer.json().unwrap_or_default();
            let said = body["error"].as_str().map_or_else(|| answer.in_words(), |text| printable(&bare(text), 200));
            let text = format!("it did not take the file \"{}\": {said}", printable(&file.name, 60));
            return Err(refused(problem::UPLOAD_REFUSED, text).with_status(answer.status));
        }
        let body: Value = answer.json().map_err(DriverError::without_effect)?;
        let id = body["gallery_id"].as_str().filter(|id| !id.is_empty() && id.len() <= 200).map(str::to_owned);
        id.ok_or_else(|| refused(problem::UPLOAD_REFUSED, "it took a file and did not say where it is"))
    }

    /// The names of everything in the gallery.
    pub(super) async fn gallery(&self) -> Result<Vec<String>> {
        let Told::Done(told) = self.call("wangp_list_gallery", &json!({})).await.map_err(not_sent)? else {
            return Ok(Vec::new());
        };
        let items = told["result"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(items.iter().filter_map(|item| item["gallery_id"].as_str().map(str::to_owned)).collect())
    }

    /// Fetches one result. An address is good for once, so every try gets a new one.
    pub(super) async fn fetch(&self, job: &Job, item: &Item) -> Result<std::result::Result<Saved, Problem>> {
        let lost = |text: String| Ok(Err(Problem::new(problem::MISSING_RESULT, text)));
        let arguments = json!({"gallery_id": item.gallery_id});
        let offer = match self.call("wangp_create_gallery_download", &arguments).await? {
            Told::Done(offer) => offer,
            Told::Refused(text) => return lost(text),
        };
        let target = place(&offer["download_url"], DOWNLOADS)?;
        let name = offer["filename"].as_str().or_else(|| item.path.rsplit(['/', '\\']).next()).unwrap_or_default();
        match job.download(Request::get(&target).without_deadline(), &ResultMeta::new(name, item.role())).await {
            Ok(saved) => Ok(Ok(saved)),
            Err(error) if error.kind == ErrorKind::REJECTED => lost(error.to_string()),
            Err(error) => Err(error),
        }
    }
}

/// A path of this server and of nobody else's.
fn place(url: &Value, below: &str) -> Result<String> {
    let url = url.as_str().unwrap_or_default();
    let token = url.strip_prefix(below).unwrap_or_default();
    let is_plain = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_plain && token.len() <= 200 {
        return Ok(url.to_owned());
    }
    let text = format!("it gave the address \"{}\" for a transfer", printable(url, 100));
    Err(DriverError::new(ErrorKind::PROTOCOL, text))
}

/// Without the folder that it keeps uploads in, which is nobody's business.
fn bare(text: &str) -> String {
    text.split(' ').map(|word| word.rsplit('/').next().unwrap_or(word).trim_matches('\'')).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{DOWNLOADS, bare, place};
    use serde_json::{Value, json};

    #[test]
    fn only_places_of_the_server_are_asked() {
        let good = "/wangp_api/gallery/download/00000000000000000000000000000000";
        assert_eq!(place(&json!(good), DOWNLOADS).unwrap(), good);
        for bad in [
            json!("http://evil.example/wangp_api/gallery/download/0"),
            json!("//evil.example/wangp_api/gallery/download/0"),
            json!("/wangp_api/gallery/download/"),
            json!("/wangp_api/gallery/download/../../etc"),
            json!("/wangp_api/gallery/download/a?b"),
            json!("/wangp_api/gallery/upload/0"),
            json!(7),
            Value::Null,
        ] {
            assert!(place(&bad, DOWNLOADS).is_err(), "{bad}");
        }
    }

    #[test]
    fn folders_of_the_server_are_not_told() {
        let text = "cannot identify image file '/srv/Wan2GP/outputs/mcp_uploads/2dce/bad.png'";
        assert_eq!(bare(text), "cannot identify image file bad.png");
    }
}

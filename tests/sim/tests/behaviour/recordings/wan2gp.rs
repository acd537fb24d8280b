//! Wan2GP's MCP server: the recorded conversation is held again, in its order.

use std::collections::BTreeMap;

use mdd_sim::Sim;
use serde_json::{Value, json};

use super::{files, json as recorded};
use crate::{
    eventually,
    http::{Response, request},
};

const FOLDER: &str = "wan2gp/mcp";
/// As long as the recorded one.
const PICTURE: usize = 37_033;

/// Members whose values differ from run to run.
const VARYING: [&str; 13] = [
    "job_id",
    "created_at",
    "updated_at",
    "timestamp",
    "client_id",
    "creation_date",
    "creation_timestamp",
    "gallery_id",
    "index",
    "selected",
    "size",
    "upload_url",
    "download_url",
];

/// One conversation.
struct Talk {
    sim: Sim,
    /// What stands for recorded ids in this one.
    ids: BTreeMap<String, String>,
    /// The recordings that were compared.
    compared: Vec<String>,
}

#[tokio::test]
async fn the_server_answers_as_recorded() {
    let mut talk = Talk { sim: Sim::start("wan2gp").await.unwrap(), ids: BTreeMap::new(), compared: Vec::new() };
    for name in [
        "initialize",
        "initialize_no_accept",
        "notif",
        "ping",
        "tools_list",
        "resources_list",
        "prompts_list",
        "method_unknown",
        "tool_unknown",
        "wangp_list_models",
        "wangp_search_models",
        "wangp_get_default_settings",
        "wangp_get_model_schema",
        "wangp_get_model_availability",
        "wangp_list_loras",
        "bad_arg_type",
        "get_job_unknown",
        "wangp_list_gallery",
        "generate_bad_arg",
        "generate_path_refused",
    ] {
        talk.compare(name).await;
    }
    talk.media().await;
    talk.jobs().await;
    talk.compared.sort();
    let all: Vec<String> =
        files(FOLDER).into_iter().map(|file| file.strip_suffix(".json").unwrap().to_owned()).collect();
    assert_eq!(talk.compared, all, "every recording is compared");
}

impl Talk {
    async fn media(&mut self) {
        let offer = self.compare("wangp_create_gallery_upload").await;
        let place = told(&offer)["upload_url"].as_str().unwrap().to_owned();
        let mut picture = vec![0; PICTURE];
        picture[..4].copy_from_slice(b"\x89PNG");
        let put = self.put(&place, &picture).await;
        self.compare_plain("gallery_upload_put", &put);
        // The recordings were made in several runs of the server, with an upload in each.
        for recorded in ["visual:7320ab282310", "visual:ce1a80cba452"] {
            self.ids.insert(recorded.to_owned(), put.json()["gallery_id"].as_str().unwrap().to_owned());
        }
        let again = self.put(&place, &picture).await;
        self.compare_plain("gallery_upload_put_reused", &again);
        self.compare("wangp_list_gallery_one").await;
        let call = json!({"name": "wangp_create_gallery_upload", "arguments": {"filename": "bad.png"}});
        let offer = self.rpc("tools/call", &call).await.json();
        let place = told(&offer)["upload_url"].as_str().unwrap().to_owned();
        let bad = self.put(&place, b"no picture").await;
        self.compare_plain("gallery_upload_put_bad", &bad);
        self.compare("postprocess_discovery").await;
        let done = self.job("postprocess_start", &["get_job_postprocess"]).await;
        let made = told(&done)["result"]["gallery_items"][0]["gallery_id"].as_str().unwrap();
        self.ids.insert("visual:0f7180d23a40".to_owned(), made.to_owned());
        let offer = self.compare("create_gallery_download").await;
        let place = told(&offer)["download_url"].as_str().unwrap().to_owned();
        let got = request(&self.sim, "GET", &place, &[], b"").await;
        assert_eq!(got.status, 200);
        assert!(got.body.starts_with(b"\xff\xd8"));
        let recorded = recorded(FOLDER, "gallery_download_get.json");
        for header in ["content-type", "accept-ranges", "content-disposition"] {
            assert_eq!(got.header(header), recorded["headers"][header].as_str(), "{header}");
        }
        self.compared.push("gallery_download_get".to_owned());
        assert_eq!(request(&self.sim, "GET", &place, &[], b"").await.status, 404, "it is good for once");
    }

    async fn jobs(&mut self) {
        self.job("generate_t2v", &["get_job_generate_t2v"]).await;
        self.job("generate_unknown_model", &["get_job_generate_unknown_model"]).await;
        self.job("generate_bad_res", &["get_job_generate_bad_res"]).await;
        let first = self.compare("two_jobs_0").await;
        // One works; the others are refused.
        self.compare("two_jobs_1").await;
        self.compare("two_jobs_2").await;
        let _done = self.done(told(&first)["job_id"].as_str().unwrap()).await;
        self.job("generate_manifest", &["cancel_job_manifest", "get_job_manifest_cancelled"]).await;
        self.job("generate_manifest2", &["get_job_manifest_done"]).await;
    }

    /// Submits a job, waits for its end, and looks at it as recorded.
    async fn job(&mut self, submission: &str, looks: &[&str]) -> Value {
        let answer = self.compare(submission).await;
        let id = told(&answer)["job_id"].as_str().unwrap().to_owned();
        let done = self.done(&id).await;
        for look in looks {
            let request = recorded(FOLDER, &format!("{look}.json"));
            let theirs = request["request"]["body"]["params"]["arguments"]["job_id"].as_str().unwrap();
            self.ids.insert(theirs.to_owned(), id.clone());
            self.compare(look).await;
        }
        done
    }

    async fn done(&self, id: &str) -> Value {
        let call = json!({"name": "wangp_get_job", "arguments": {"job_id": id}});
        let is_done = |answer: &Response| told(&answer.json())["done"] == true;
        eventually("the job's end", || self.rpc("tools/call", &call), is_done).await.json()
    }

    async fn rpc(&self, method: &str, parameters: &Value) -> Response {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).to_string();
        let headers = [("content-type", "application/json"), ("accept", "application/json, text/event-stream")];
        request(&self.sim, "POST", "/mcp/", &headers, body.as_bytes()).await
    }

    async fn put(&self, place: &str, bytes: &[u8]) -> Response {
        let length = bytes.len().to_string();
        request(&self.sim, "PUT", place, &[("Content-Length", &length)], bytes).await
    }

    /// Sends a recorded request and compares the answer.
    async fn compare(&mut self, name: &str) -> Value {
        let recording = recorded(FOLDER, &format!("{name}.json"));
        let (asked, answered) = (&recording["request"], &recording["response"]);
        let headers: Vec<(&str, &str)> = asked["headers"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        let mut body = asked["body"].to_string();
        for (theirs, ours) in &self.ids {
            body = body.replace(theirs, ours);
        }
        let method = asked["method"].as_str().unwrap();
        let response = request(&self.sim, method, asked["path"].as_str().unwrap(), &headers, body.as_bytes()).await;
        assert_eq!(response.status, answered["status"], "{name}");
        for header in ["server", "content-type"] {
            assert_eq!(response.header(header), answered["headers"][header].as_str(), "{name}: {header}");
        }
        self.compared.push(name.to_owned());
        if answered["json"].is_null() {
            assert!(response.body.is_empty(), "{name}");
            return Value::Null;
        }
        let answer = response.json();
        let is_submission =
            told(&answered["json"]).get("job_id").is_some() && !asked["body"].to_string().contains("job_id");
        let (mut left, mut right) = (answer.clone(), answered["json"].clone());
        for side in [&mut left, &mut right] {
            plain(side, is_submission);
        }
        assert_eq!(left, right, "{name}");
        answer
    }

    fn compare_plain(&mut self, name: &str, response: &Response) {
        let recording = recorded(FOLDER, &format!("{name}.json"));
        assert_eq!(response.status, recording["status"], "{name}");
        let (mut left, mut right) = (response.json(), recording["json"].clone());
        for side in [&mut left, &mut right] {
            plain(side, false);
        }
        assert_eq!(left, right, "{name}");
        self.compared.push(name.to_owned());
    }
}

fn told(answer: &Value) -> &Value {
    &answer["result"]["structuredContent"]
}

/// Removes what differs: ids, times, console lines, and how far a job was when its submission was answered. Texts of
/// results say the same as the values beside them.
fn plain(value: &mut Value, is_submission: bool) {
    match value {
        Value::Object(members) => {
            if members.contains_key("structuredContent") {
                members.remove("content");
            }
            if is_submission && members.contains_key("job_id") {
                for moving in ["events", "done", "result"] {
                    members.remove(moving);
                }
            }
            if let Some(Value::Array(events)) = members.get_mut("events") {
                events.retain(|event| event["kind"] != "stream");
            }
            for (name, value) in members.iter_mut() {
                if VARYING.contains(&name.as_str()) {
                    *value = Value::from("<varies>");
                }
                plain(value, is_submission);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| plain(item, is_submission)),
        Value::String(text) => {
            // Each upload has a folder of its own.
            if let Some((before, rest)) = text.split_once("/mcp_uploads/") {
                let name = rest.split_once('/').map_or(rest, |(_, name)| name);
                *text = format!("{before}/mcp_uploads/<id>/{name}");
            }
        }
        _ => {}
    }
}

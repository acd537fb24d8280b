//! Headers, methods, origins, files and uploads.

use serde_json::json;

use super::{VERSIONS, image, start, submit};
use crate::{
    PATIENCE,
    http::{Connection, Response, get, post, post_text, request},
    soon,
};

#[tokio::test]
async fn answers_carry_the_headers_of_aiohttp() {
    let sim = start("0.33.0").await;
    let response = get(&sim, "/prompt").await;
    let names: Vec<&str> = response.headers.iter().map(|(name, _)| name.as_str()).collect();
    for name in ["Server", "Content-Type", "Content-Length", "Date"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert_eq!(response.header("server"), Some("Python/3.11 aiohttp/3.14.5"));
    assert_eq!(response.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(response.text(), "{\"exec_info\": {\"queue_remaining\": 0}}");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_refused_as_recorded() {
    for version in VERSIONS {
        let sim = start(version).await;
        for path in ["/nope", "/jobs", "/interrupt", "/api/nope"] {
            let missing = get(&sim, path).await;
            assert_eq!((missing.status, missing.body.len()), (404, 0), "{path}");
            assert_eq!(missing.header("transfer-encoding"), Some("chunked"), "{path}");
            assert_eq!(missing.header("content-type"), Some("application/octet-stream"), "{path}");
        }
        for (path, allow) in [("/prompt", "GET,HEAD,POST"), ("/view", "GET,HEAD"), ("/nope", "GET,HEAD")] {
            let refused = request(&sim, "DELETE", path, &[], b"").await;
            assert_eq!((refused.status, refused.text().as_str()), (405, "405: Method Not Allowed"), "{path}");
            assert_eq!(refused.header("allow"), Some(allow), "{path}");
        }
        let options = request(&sim, "OPTIONS", "/nope", &[], b"").await;
        assert_eq!((options.status, options.body.len()), (200, 0));
        let head = request(&sim, "HEAD", "/nope", &[], b"").await;
        assert_eq!(head.status, 404);
    }
}

#[tokio::test]
async fn newer_routes_are_missing_from_the_older_version() {
    let old = start("0.3.64").await;
    assert_eq!(get(&old, "/api/jobs").await.status, 404);
    assert_eq!(post(&old, "/api/jobs/x/cancel", &json!({})).await.status, 405);
    let new = start("0.33.0").await;
    assert_eq!(get(&new, "/api/jobs").await.status, 200);
    assert_eq!(get(&new, "/jobs").await.status, 404, "jobs exist below /api only");
    assert_eq!(post(&new, "/api/jobs/x/cancel", &json!({})).await.json(), json!({ "cancelled": false }));
    let invalid = post(&new, "/api/jobs/cancel", &json!({ "job_ids": ["nope"] })).await;
    assert_eq!(invalid.status, 400);
    assert_eq!(invalid.json(), json!({ "error": "job_ids contains invalid id(s)", "invalid_ids": ["nope"] }));
    let bogus = get(&new, "/api/jobs?status=bogus").await;
    assert_eq!(bogus.status, 400);
    assert!(bogus.text().contains("Invalid status value(s): bogus. Valid values: pending, in_progress"));
}

#[tokio::test]
async fn every_path_also_exists_below_api() {
    let sim = start("0.3.64").await;
    for path in ["/prompt", "/queue", "/history", "/features", "/models", "/embeddings", "/users", "/settings"] {
        let (plain, api) = (get(&sim, path).await, get(&sim, &format!("/api{path}")).await);
        assert_eq!((plain.status, plain.body), (api.status, api.body), "{path}");
    }
}

#[tokio::test]
async fn foreign_origins_get_403() {
    for version in VERSIONS {
        let sim = start(version).await;
        let port = sim.addr().port();
        let own = format!("http://127.0.0.1:{port}");
        let by_name = format!("http://localhost:{port}");
        let status = async |headers: &[(&str, &str)]| request(&sim, "GET", "/prompt", headers, b"").await.status;
        assert_eq!(status(&[]).await, 200);
        for allowed in [own.as_str(), "http://127.0.0.1", "null", "", "file://"] {
            assert_eq!(status(&[("Origin", allowed)]).await, 200, "{allowed}");
        }
        for foreign in ["http://127.0.0.1:9999", &by_name, "http://evil.example", "app://x"] {
            assert_eq!(status(&[("Origin", foreign)]).await, 403, "{foreign}");
        }
        let host = format!("localhost:{port}");
        assert_eq!(status(&[("Host", &host), ("Origin", &by_name)]).await, 200);
        assert_eq!(status(&[("Host", &host), ("Origin", "http://evil.example")]).await, 403);
        assert_eq!(status(&[("Host", "localhost"), ("Origin", "http://localhost:3000")]).await, 200);
        assert_eq!(status(&[("Host", "evil.example"), ("Origin", "http://other.example")]).await, 200);
        let cross_site = if version == "0.3.64" { 200 } else { 403 };
        assert_eq!(status(&[("Sec-Fetch-Site", "cross-site")]).await, cross_site);
        assert_eq!(status(&[("Sec-Fetch-Site", "same-site")]).await, 200);
        assert_eq!(sim.ledger().requests.last().unwrap().origin, None);
    }
}

#[tokio::test]
async fn malformed_bodies_crash_the_handler() {
    for version in VERSIONS {
        let sim = start(version).await;
        let crash = |response: Response| {
            assert_eq!(response.status, 500);
            assert_eq!(response.text(), "500 Internal Server Error\n\nServer got itself in trouble");
            assert_eq!(response.header("connection"), Some("close"));
        };
        for body in ["", "{", "{\"prompt\": null}", "{\"prompt\": \"x\"}", "{\"prompt\": {\"1\": null}}", "5"] {
            crash(post_text(&sim, "/prompt", body).await);
        }
        crash(post_text(&sim, "/queue", "{").await);
        crash(post_text(&sim, "/queue", "").await);
        crash(post_text(&sim, "/interrupt", "[]").await);
        crash(get(&sim, "/history?max_items=abc").await);
        // Of an interruption only the JSON is checked, and none at all is fine.
        assert_eq!(post_text(&sim, "/interrupt", "").await.status, 200);
        assert_eq!(post_text(&sim, "/interrupt", "{oops").await.status, 200);
    }
}

#[tokio::test]
async fn an_empty_list_as_workflow_depends_on_the_version() {
    let body = json!({ "prompt": [] });
    let old = post(&start("0.3.64").await, "/prompt", &body).await;
    assert_eq!(old.json()["error"]["type"], "prompt_no_outputs");
    assert_eq!(post(&start("0.33.0").await, "/prompt", &body).await.status, 500);
}

#[tokio::test]
async fn too_large_a_body_gets_413() {
    let sim = start("0.33.0").await;
    let body = vec![b' '; 104_857_601];
    let response = request(&sim, "POST", "/prompt", &[], &body).await;
    assert_eq!(response.status, 413);
    assert_eq!(response.text(), "Maximum request body size 104857600 exceeded.");
}

#[tokio::test]
async fn ids_follow_the_rules_of_their_version() {
    let body = json!({ "prompt": image(1), "prompt_id": "any text" });
    assert_eq!(post(&start("0.3.64").await, "/prompt", &body).await.json()["prompt_id"], "any text");
    let refused = post(&start("0.33.0").await, "/prompt", &body).await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json()["error"]["type"], "invalid_prompt_id");
    assert_eq!(refused.json()["error"]["message"], "prompt_id must be a valid UUID");
}

#[tokio::test]
async fn saved_files_are_real_and_served_in_parts() {
    let sim = start("0.33.0").await;
    let id = submit(&sim, image(0x00FF_8000), None).await;
    sim.wait_for(|ledger| ledger.finished(&id) == 1, PATIENCE).await.unwrap();
    let path = "/view?filename=lab_00001_.png&subfolder=&type=output";
    let whole = get(&sim, path).await;
    assert_eq!(whole.status, 200);
    assert!(whole.body.starts_with(b"\x89PNG\r\n\x1a\n") && whole.body.ends_with(b"IEND\xaeB`\x82"));
    assert_eq!(whole.header("content-type"), Some("image/png"));
    assert_eq!(whole.header("content-disposition"), Some("filename=\"lab_00001_.png\""));
    assert_eq!(whole.header("accept-ranges"), Some("bytes"));
    assert!(whole.header("last-modified").unwrap().ends_with(" GMT"));

    let part = request(&sim, "GET", path, &[("Range", "bytes=1-3")], b"").await;
    assert_eq!((part.status, part.text().as_str()), (206, "PNG"));
    assert_eq!(part.header("content-range"), Some(format!("bytes 1-3/{}", whole.body.len()).as_str()));
    let tag = whole.header("etag").unwrap();
    assert_eq!(request(&sim, "GET", path, &[("If-None-Match", tag)], b"").await.status, 304);
    assert_eq!(request(&sim, "GET", path, &[("Range", "bytes=99999-")], b"").await.status, 416);
    assert_eq!(get(&sim, &format!("{path}&preview=webp;90")).await.header("content-type"), Some("image/webp"));

    let refusals = [
        ("/view", 404),
        ("/view?filename=nope.png", 404),
        ("/view?filename=../x", 400),
        ("/view?filename=%2Fetc", 400),
        ("/view?filename=x&type=bogus", 400),
        ("/view?filename=x&subfolder=../y", 403),
    ];
    for (path, status) in refusals {
        let refused = get(&sim, path).await;
        assert_eq!((refused.status, refused.body.len()), (status, 0), "{path}");
    }
}

#[tokio::test]
async fn an_upload_is_renamed_rather_than_overwritten() {
    let sim = start("0.3.64").await;
    let png = |seed: u8| [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x08\0\0\0\x08", [seed; 9].as_slice()].concat();
    let upload = async |bytes: &[u8], more: &str| {
        let head = "--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"ref.png\"\r\n\r\n";
        let body = [head.as_bytes(), bytes, b"\r\n", more.as_bytes(), b"--b--\r\n"].concat();
        let headers = [("Content-Type", "multipart/form-data; boundary=b")];
        request(&sim, "POST", "/upload/image", &headers, &body).await
    };
    let field =
        |name: &str, value: &str| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    assert_eq!(upload(&png(1), "").await.json()["name"], "ref.png");
    assert_eq!(upload(&png(1), "").await.json()["name"], "ref.png", "the same bytes need no new name");
    assert_eq!(upload(&png(2), "").await.json()["name"], "ref (1).png");
    assert_eq!(upload(&png(3), &field("overwrite", "true")).await.json()["name"], "ref.png");
    let sub = upload(&png(4), &field("subfolder", "a/b")).await.json();
    assert_eq!(sub, json!({ "name": "ref.png", "subfolder": "a/b", "type": "input" }));
    assert_eq!(upload(&png(5), &field("subfolder", "../out")).await.status, 400);
    assert_eq!(upload(&png(5), &field("type", "bogus")).await.status, 500);
    assert_eq!(post_text(&sim, "/upload/image", "").await.status, 400);
    let uploads = sim.ledger().uploads;
    assert_eq!((uploads.len(), uploads[2].name.as_str(), uploads[2].bytes), (5, "ref (1).png", 33));

    // What was uploaded can be loaded, what was not cannot.
    let load = |name: &str| {
        json!({ "prompt": {
            "1": { "class_type": "LoadImage", "inputs": { "image": name } },
            "2": { "class_type": "PreviewImage", "inputs": { "images": ["1", 0] } },
        } })
    };
    assert_eq!(post(&sim, "/prompt", &load("a/b/ref.png")).await.status, 200);
    let refused = post(&sim, "/prompt", &load("no.png")).await;
    let error = &refused.json()["node_errors"]["1"]["errors"][0];
    assert_eq!(error["type"], "custom_validation_failed");
    assert_eq!(error["details"], "image - Invalid image file: no.png");
    let options = get(&sim, "/object_info/LoadImage").await.json();
    assert_eq!(options["LoadImage"]["input"]["required"]["image"][0], json!(["ref (1).png", "ref.png"]));
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let sim = start("0.33.0").await;
    let mut connection = Connection::open(sim.addr()).await.unwrap();
    for _ in 0..50 {
        connection.send("GET", "/prompt", &[("User-Agent", "test/1")], b"").await.unwrap();
        assert_eq!(soon("an answer", connection.receive()).await.unwrap().status, 200);
    }
    let ledger = sim.ledger();
    assert_eq!((ledger.connections_opened, ledger.requests_total), (1, 50));
    assert_eq!(ledger.requests[0].user_agent.as_deref(), Some("test/1"));
}

//! The published schema: fresh, complete, and true of what is really said.

pub(crate) mod check;

use crate::{
    home::Home,
    jobs::workflow,
    talk::{Bridge, SocketTalk},
};
use check::Schema;
use mdd_core::rpc::{ErrorCode, schema};
use mdd_sim::Sim;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::{env, fs, path::Path};

/// From the root of the repository.
const FILE: &str = "docs/schema/rpc.json";

#[test]
fn the_published_file_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(FILE);
    let fresh = serde_json::to_string_pretty(&schema::document()).unwrap() + "\n";
    if env::var_os("MDD_UPDATE").is_some_and(|value| value == "1") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &fresh).unwrap();
    }
    let published = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        published == fresh,
        "{FILE} is not what the code says; write it anew with `MDD_UPDATE=1 cargo test -p mdd-tests --test clients \
         schema` and look at the difference"
    );
}

#[tokio::test]
async fn every_method_of_the_schema_is_known_to_the_host() {
    let home = Home::empty();
    let _host = home.serve().await;
    let document = schema::document();
    let mut talk = SocketTalk::greeted(&home).await;
    // Ends come last.
    let (ends, others): (Vec<_>, Vec<_>) =
        document["methods"].as_object().unwrap().keys().partition(|name| name.starts_with("host."));
    assert!(!ends.is_empty() && others.len() > ends.len());
    for method in others.into_iter().chain(ends) {
        // Whatever it lacks, it is not a method that nobody knows.
        if let Err(error) = talk.call(method, json!({})).await {
            assert_ne!(error["code"], ErrorCode::MethodNotFound as i64, "{method}");
        }
    }
}

#[tokio::test]
async fn what_is_said_is_what_the_schema_says() {
    let sims = [Sim::start("comfyui").await.unwrap(), Sim::start("litellm").await.unwrap()];
    let urls = sims.each_ref().map(Sim::url);
    let nobody = "http://127.0.0.1:9";
    let backends = [("comfyui", urls[0].as_str()), ("litellm", &urls[1]), ("litellm", nobody), ("unheard-of", nobody)];
    let home = Home::with(&["comfyui", "litellm", "panics-in-create"], &backends);
    let document = schema::document();
    let result = |method: &str| Schema::at(&document, &format!("/methods/{method}/result"));
    let update = Schema::at(&document, "/notifications/update/params");
    let (mut bridge, hello) = Bridge::greeted(&home).await;
    let talk = &mut bridge.talk;
    result("hello").accept(&hello);
    talk.ask("subscribe", Value::Null).await;
    let mut seen = (0, 0);
    let mut ready = 0;
    while seen.1 < 10 || ready < 2 {
        let params = talk.notification("update").await;
        update.accept(&params);
        match params["update"].as_str().unwrap() {
            "snapshot" => seen.0 += 1,
            _ => {
                seen.1 += 1;
                let changes = params["changes"].as_array().unwrap();
                let is_ready = |change: &&Value| change.pointer("/value/devices").is_some_and(Value::is_array);
                ready += changes.iter().filter(is_ready).count();
            }
        }
    }
    assert_eq!(seen.0, 1);
    let job = json!({"id": "a-job", "kind": "comfyui", "payload": workflow(2)});
    result("jobs.submit").accept(&talk.ask("jobs.submit", job).await);
    loop {
        let params = talk.notification("update").await;
        update.accept(&params);
        let changes = params["changes"].as_array().unwrap();
        let is_done = |change: &Value| change["what"] == "job" && change["value"]["state"] == "done";
        if changes.iter().any(is_done) {
            break;
        }
    }
    for method in ["jobs.show", "jobs.discard"] {
        result(method).accept(&talk.ask(method, json!({"job": "a-job"})).await);
    }
    talk.ask("unsubscribe", Value::Null).await;
    for method in ["ping", "snapshot", "drivers.list", "jobs.list", "diagnostics", "backends.refresh"] {
        result(method).accept(&talk.ask(method, Value::Null).await);
    }
    let error = talk.call("no.such.method", Value::Null).await.unwrap_err();
    Schema::at(&document, "/error").accept(&error);
    let status = home.output(&["status", "--json"]).await;
    result("snapshot").accept(&serde_json::from_slice(&status.stdout).unwrap());
    crate::processes::signal(u32::try_from(hello["pid"].as_u64().unwrap()).unwrap(), Signal::KILL);
    // Updates that came before `unsubscribe` took effect are behind us by now.
    let notice = loop {
        let message = talk.hear().await.unwrap();
        if message["method"] == "notice" {
            break message["params"].clone();
        }
    };
    Schema::at(&document, "/notifications/notice/params").accept(&notice);
}

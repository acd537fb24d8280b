//! The LiteLLM proxy, both recorded versions, with and without a key.

use crate::stub::Stub;
use mdd_driver_api::{
    ErrorKind,
    model::{Detach, Queue, Verdict},
};
use mdd_sim::{Options, Sim};
use mdd_tests::Subject;

const OLD: &str = "1.75.8";
const NEW: &str = "1.106.2";
const KEY: &str = "sk-test-only";
const ALIVE: (&str, (u16, &str, &str)) = ("/health/liveliness", (200, "application/json", "\"I'm alive!\""));
const NOT_FOUND: (u16, &str, &str) = (404, "application/json", "{\"detail\":\"Not Found\"}");

/// An open proxy, or one with a key, or one with a key and the bug that answers 500.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Door {
    Open,
    Locked,
    LockedWithoutPrisma,
}

async fn sim(version: &str, door: Door) -> Sim {
    let options = Options::new("litellm").version(version);
    let options = match door {
        Door::Open => options,
        Door::Locked => options.key(KEY),
        Door::LockedWithoutPrisma => options.key(KEY).without_prisma(),
    };
    Sim::start(options).await.unwrap()
}

const ALL: [(&str, Door); 5] =
    [(OLD, Door::Open), (OLD, Door::Locked), (NEW, Door::Open), (NEW, Door::Locked), (NEW, Door::LockedWithoutPrisma)];

#[tokio::test]
async fn it_is_identified_and_its_door_is_tried_without_a_key() {
    for (version, door) in ALL {
        let sim = sim(version, door).await;
        let subject = Subject::with("litellm", &sim.url(), serde_json::Value::Null, Some(KEY)).unwrap();
        let identity = subject.identify().await.unwrap();
        let wanted = if door == Door::Open { Verdict::Mine } else { Verdict::Locked };
        assert_eq!(identity.verdict, wanted, "{version}, {door:?}");
        assert!(identity.score >= 90);
        assert_eq!(identity.version.as_deref(), (version == OLD).then_some(OLD));
        let ledger = sim.ledger();
        assert!(ledger.requests.iter().all(|request| !request.has_auth), "a stranger gets no key");
        assert_eq!(ledger.forbidden, [""; 0]);
        assert_eq!(ledger.requests_total, 3);
    }
}

#[tokio::test]
async fn a_missing_key_needs_the_user() {
    for (version, door) in ALL {
        if door == Door::Open {
            continue;
        }
        let sim = sim(version, door).await;
        let subject = Subject::backend("litellm", &sim.url());
        for error in [subject.check().await.unwrap_err(), subject.inspect().await.unwrap_err()] {
            assert_eq!(error.kind, ErrorKind::AUTH, "{version}, {door:?}");
            assert_eq!(error.code, "litellm.key-missing", "{version}, {door:?}");
            let status = if door == Door::LockedWithoutPrisma { 500 } else { 401 };
            assert_eq!(error.http_status, status);
        }
    }
}

#[tokio::test]
async fn a_wrong_key_needs_the_user() {
    for (version, door) in ALL {
        if door == Door::Open {
            continue;
        }
        let sim = sim(version, door).await;
        let subject = Subject::with_key("litellm", &sim.url(), "sk-wrong");
        for error in [subject.check().await.unwrap_err(), subject.inspect().await.unwrap_err()] {
            assert_eq!(error.kind, ErrorKind::AUTH, "{version}, {door:?}");
            assert_eq!(error.code, "litellm.key-rejected", "{version}, {door:?}");
            assert_eq!(error.message, "/v1/models answered HTTP 400 (no_db_connection) with the key");
        }
    }
}

#[tokio::test]
async fn the_right_key_opens_and_an_open_proxy_takes_any() {
    for (version, door) in ALL {
        let sim = sim(version, door).await;
        let subject = Subject::with_key("litellm", &sim.url(), KEY);
        let queue = subject.check().await.unwrap().queue;
        // The older version has no such page.
        let wanted = (version == NEW).then_some(Queue { running: 0, pending: Some(0) });
        assert_eq!(queue, wanted, "{version}, {door:?}");
        let inspection = subject.inspect().await.unwrap();
        assert_eq!(inspection.version.as_deref(), Some(version), "{version}, {door:?}");
        let models: Vec<_> = inspection.models.iter().map(|model| model.name.as_str()).collect();
        assert_eq!(models, ["mock-gpt", "mock-writer", "dead-upstream"]);
        assert_eq!((inspection.slots, inspection.detach), (0, Detach::Kills));
        assert_eq!(sim.ledger().forbidden, [""; 0]);
    }
}

#[tokio::test]
async fn a_key_is_verified_once_and_a_missing_page_is_asked_for_once() {
    for (version, backlogs) in [(OLD, 1), (NEW, 10)] {
        let sim = sim(version, Door::Locked).await;
        let subject = Subject::with_key("litellm", &sim.url(), KEY);
        for _ in 0..10 {
            subject.check().await.unwrap();
        }
        let ledger = sim.ledger();
        assert_eq!(ledger.requests_to("/health/liveliness"), 10, "{version}");
        assert_eq!(ledger.requests_to("/v1/models"), 1, "{version}");
        assert_eq!(ledger.requests_to("/health/backlog"), backlogs, "{version}");
    }
}

#[tokio::test]
async fn a_key_that_is_revoked_while_it_runs_is_noticed_by_the_next_check() {
    let sim = sim(NEW, Door::Open).await;
    let subject = Subject::with_key("litellm", &sim.url(), "sk-wrong");
    subject.check().await.unwrap();
    let port = sim.addr().port();
    sim.stop().await;
    drop(sim);
    let _locked = Sim::start(Options::new("litellm").version(NEW).port(port).key(KEY)).await.unwrap();
    let error = subject.check().await.unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (ErrorKind::AUTH, "litellm.key-rejected"));
}

#[tokio::test]
async fn a_key_for_models_only_is_a_good_key() {
    let models = ("/v1/models", (200, "application/json", r#"{"data": [{"id": "small"}], "object": "list"}"#));
    let forbidden = r#"{"error": {"message": "Only proxy admins", "type": "auth_error", "code": "401"}}"#;
    let answers = [ALIVE, models, ("/health/backlog", (401, "application/json", forbidden))];
    let stub = Stub::start(&answers, NOT_FOUND).await;
    let subject = Subject::with_key("litellm", &stub.url, KEY);
    for _ in 0..5 {
        assert_eq!(subject.check().await.unwrap().queue, None);
    }
    assert_eq!(stub.asked("/health/backlog"), 1);
    assert_eq!(stub.asked("/v1/models"), 2);
    assert_eq!(subject.inspect().await.unwrap().models[0].name, "small");
}

#[tokio::test]
async fn a_refusal_is_asked_about_at_every_check() {
    let refused = r#"{"error": {"message": "x", "type": "auth_error", "code": "401"}}"#;
    let stub = Stub::start(&[ALIVE, ("/v1/models", (401, "application/json", refused))], NOT_FOUND).await;
    let subject = Subject::with_key("litellm", &stub.url, KEY);
    for asked in 1..=3 {
        assert_eq!(subject.check().await.unwrap_err().kind, ErrorKind::AUTH);
        assert_eq!(stub.asked("/v1/models"), asked);
    }
    assert_eq!(stub.asked("/health/backlog"), 0);
}

#[tokio::test]
async fn a_proxy_that_lives_is_alive_whatever_its_models_say() {
    let failing = (500, "application/json", r#"{"error": {"type": "internal_server_error"}}"#);
    let stub = Stub::start(&[ALIVE], failing).await;
    let subject = Subject::with_key("litellm", &stub.url, KEY);
    for _ in 0..3 {
        assert_eq!(subject.check().await.unwrap().queue, None);
    }
    assert_eq!(stub.asked("/v1/models"), 1);
}

#[tokio::test]
async fn shutting_down_is_an_observation_of_its_own() {
    let stub = Stub::start(&[], (503, "application/json", r#"{"status":"shutting_down"}"#)).await;
    let subject = Subject::of("litellm", &stub.url);
    for error in [subject.identify().await.unwrap_err(), subject.check().await.unwrap_err()] {
        assert_eq!((error.kind, error.code.as_str()), (ErrorKind::TRANSPORT, "litellm.shutting-down"));
        assert_eq!(error.message, "it says that it is shutting down");
    }
}

#[tokio::test]
async fn it_has_no_push_channel() {
    let sim = sim(NEW, Door::Open).await;
    let subject = Subject::backend("litellm", &sim.url());
    let (end, _news) = subject.instance.watch();
    let error = end.await.unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (ErrorKind::UNSUPPORTED, ""));
}

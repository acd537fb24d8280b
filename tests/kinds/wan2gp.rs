//! Wan2GP's MCP server.

use crate::stub::Stub;
use mdd_driver_api::{
    ErrorKind,
    model::{Detach, Verdict},
};
use mdd_sim::{Fault, Sim};
use mdd_tests::Subject;

const NOT_FOUND: (u16, &str, &str) = (404, "text/plain; charset=utf-8", "Not Found");

async fn sim() -> Sim {
    Sim::start("wan2gp").await.unwrap()
}

#[tokio::test]
async fn it_is_identified_by_its_own_name() {
    let sim = sim().await;
    let subject = Subject::of("wan2gp", &sim.url());
    let identity = subject.identify().await.unwrap();
    assert_eq!((identity.verdict, identity.flavour.as_deref()), (Verdict::Mine, Some("mcp")));
    assert!(identity.score >= 90, "{identity:?}");
    let ledger = sim.ledger();
    assert!(ledger.jobs.is_empty() && ledger.forbidden.is_empty(), "{ledger:?}");
    assert!(ledger.requests.iter().all(|request| request.path != "/"), "its page would be 6.9 MB");
}

#[tokio::test]
async fn other_servers_are_told_apart() {
    let other = r#"{"jsonrpc": "2.0", "id": 1, "result": {"serverInfo": {"name": "files", "version": "1"}}}"#;
    let nobody = "HTTP 404 with the text \"Not Found\"";
    for (answer, seen) in [
        ((200, "application/json", other), "an MCP server called \"files\""),
        ((200, "application/json", "{}"), nobody),
        ((200, "application/json", r#"{"result": null}"#), nobody),
        ((200, "text/html", "<title>x</title>"), nobody),
        ((405, "application/json", r#"{"detail":"Method Not Allowed"}"#), nobody),
        (NOT_FOUND, nobody),
    ] {
        let stub = Stub::start(&[("/mcp/", answer)], NOT_FOUND).await;
        let identity = Subject::of("wan2gp", &stub.url).identify().await.unwrap();
        assert_eq!((identity.verdict, identity.score), (Verdict::No, 0), "{answer:?}");
        assert_eq!(identity.seen, seen);
    }
}

#[tokio::test]
async fn a_check_is_a_ping_and_costs_nothing() {
    let sim = sim().await;
    let subject = Subject::of("wan2gp", &sim.url());
    subject.identify().await.unwrap();
    let before = sim.ledger();
    let subject = subject.promoted();
    for _ in 0..3 {
        subject.check().await.unwrap();
    }
    let after = sim.ledger();
    assert_eq!(after.requests_to("/mcp/") - before.requests_to("/mcp/"), 3);
    assert_eq!(after.requests_total - before.requests_total, 3);
}

#[tokio::test]
async fn its_models_are_listed() {
    let sim = sim().await;
    let inspection = Subject::backend("wan2gp", &sim.url()).inspect().await.unwrap();
    assert_eq!((inspection.slots, inspection.detach), (1, Detach::Resumes));
    let video = inspection.models.iter().find(|model| model.name == "alpha").unwrap();
    assert_eq!(video.kind, "image, video");
    assert!(inspection.models.iter().any(|model| model.kind == "audio"), "{:?}", inspection.models);
}

#[tokio::test]
async fn a_server_in_trouble_is_no_stranger() {
    for (fault, kind) in [
        (Fault::Drop, ErrorKind::TRANSPORT),
        (Fault::Hang, ErrorKind::TIMEOUT),
        (Fault::HalfJson, ErrorKind::TRANSPORT),
        (Fault::Html, ErrorKind::PROTOCOL),
    ] {
        let sim = sim().await;
        let subject = Subject::backend("wan2gp", &sim.url());
        sim.inject(fault.clone()).await;
        assert_eq!(subject.check().await.unwrap_err().kind, kind, "{fault:?}");
        sim.clear_faults().await;
        subject.check().await.unwrap();
    }
}

//! What is no service of the kind, or one in trouble: the drivers say what they saw.

use crate::stub::{Answer, Stub};
use mdd_driver_api::{ErrorKind, model::Verdict};
use mdd_sim::{Fault, Options, Sim};
use mdd_tests::Subject;

const KINDS: [&str; 2] = ["comfyui", "litellm"];
/// The same with the kinds of Gradio apps: the driver, and who plays its service.
const ALL: [(&str, &str); 4] =
    [("comfyui", "comfyui"), ("litellm", "litellm"), ("audioldm", "audioldm"), ("rvc", "rvc-webui")];

async fn seen(kind: &str, answer: Answer) -> (Verdict, u8, String) {
    let stub = Stub::start(&[], answer).await;
    let identity = Subject::of(kind, &stub.url).identify().await.unwrap();
    (identity.verdict, identity.score, identity.seen)
}

#[tokio::test]
async fn a_stranger_is_no_match_and_is_described() {
    let page = "<!doctype html><html><head><title>My Router</title></head></html>";
    for (kind, _) in ALL {
        for (answer, words) in [
            ((200, "text/html", page), "HTTP 200 with a web page titled \"My Router\""),
            ((404, "text/html", page), "HTTP 404 with a web page titled \"My Router\""),
            ((404, "application/octet-stream", ""), "HTTP 404 with nothing"),
            ((200, "application/json", ""), "HTTP 200 with nothing"),
            ((200, "application/json", "{}"), "HTTP 200 with an empty JSON object"),
            ((200, "application/json", "[1, 2]"), "HTTP 200 with a JSON list"),
            (
                (200, "application/json", r#"{"system": 1, "devices": []}"#),
                "HTTP 200 with a JSON object with devices, system",
            ),
            ((200, "text/plain", "Lamp is running"), "HTTP 200 with the text \"Lamp is running\""),
            (
                (404, "application/json", r#"{"detail":"Not Found"}"#),
                "HTTP 404 of a FastAPI application, such as any Gradio app",
            ),
            ((405, "text/plain", "405: Method Not Allowed"), "HTTP 405 with the text \"405: Method Not Allowed\""),
        ] {
            assert_eq!(seen(kind, answer).await, (Verdict::No, 0, words.to_owned()), "{kind}");
        }
    }
}

#[tokio::test]
async fn each_driver_refuses_the_other_service() {
    for (kind, other) in [("comfyui", "litellm"), ("litellm", "comfyui")] {
        for version in mdd_sim::kinds().iter().find(|kind| kind.name == other).unwrap().versions {
            let sim = Sim::start(Options::new(other).version(*version)).await.unwrap();
            let identity = Subject::of(kind, &sim.url()).identify().await.unwrap();
            assert_eq!(identity.verdict, Verdict::No, "{kind} at {other} {version}");
            assert!(identity.seen.starts_with("HTTP 404 "), "{kind} at {other} {version}: {}", identity.seen);
            let ledger = sim.ledger();
            assert_eq!(ledger.forbidden, [""; 0]);
            assert_eq!(ledger.requests_total, 1, "a stranger is asked one question: {:?}", ledger.requests);
        }
    }
}

#[tokio::test]
async fn a_login_in_front_is_locked_and_claims_nothing() {
    for (kind, _) in ALL {
        for status in [401, 403, 407] {
            let (verdict, score, seen) = seen(kind, (status, "text/plain", "who are you?")).await;
            assert_eq!((verdict, seen), (Verdict::Locked, format!("HTTP {status} with the text \"who are you?\"")));
            assert!(score < 50, "{kind}: a stranger must not be taken for ours");
        }
    }
}

#[tokio::test]
async fn a_service_behind_a_gateway_is_not_there_yet() {
    for (kind, _) in ALL {
        for status in [500, 502, 503, 504] {
            let stub = Stub::start(&[], (status, "text/html", "<title>Bad Gateway</title>")).await;
            let subject = Subject::of(kind, &stub.url);
            for error in [subject.identify().await.unwrap_err(), subject.check().await.unwrap_err()] {
                assert_eq!((error.kind, error.http_status), (ErrorKind::TRANSPORT, status), "{kind}: {error:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_service_in_trouble_is_an_error_with_what_was_observed() {
    let faults = [
        (Fault::Hang, ErrorKind::TIMEOUT, "no-answer"),
        (Fault::Drop, ErrorKind::TRANSPORT, "closed-without-answer"),
        (Fault::Reset, ErrorKind::TRANSPORT, "connection-reset"),
        (Fault::Garbage, ErrorKind::PROTOCOL, "not-http"),
        (Fault::HalfJson, ErrorKind::TRANSPORT, "answer-cut-short"),
        (Fault::EndlessBody, ErrorKind::LIMIT, "answer-too-large"),
        (Fault::GzipBomb, ErrorKind::PROTOCOL, "encoded-answer"),
        (Fault::Freeze, ErrorKind::TIMEOUT, "no-answer"),
        (Fault::Refuse, ErrorKind::TRANSPORT, "connection-refused"),
    ];
    for (fault, wanted, code) in faults {
        for kind in KINDS {
            let sim = Sim::start(kind).await.unwrap();
            let subject = Subject::of(kind, &sim.url());
            sim.inject(fault.clone()).await;
            let (identified, checked) = tokio::join!(subject.identify(), subject.check());
            for error in [identified.unwrap_err(), checked.unwrap_err()] {
                assert_eq!((error.kind, error.code.as_str()), (wanted, code), "{kind}, {fault:?}: {error:?}");
            }
            sim.clear_faults().await;
            subject.check().await.unwrap_or_else(|error| panic!("{kind} after {fault:?}: {error:?}"));
        }
    }
}

#[tokio::test]
async fn a_check_that_meets_another_service_fails() {
    for (kind, played) in ALL {
        let sim = Sim::start(played).await.unwrap();
        let subject = Subject::of(kind, &sim.url());
        subject.check().await.unwrap();
        sim.inject(Fault::Html).await;
        let error = subject.check().await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::PROTOCOL, "{kind}: {error:?}");
        assert!(error.message.contains("a web page"), "{kind}: {}", error.message);
        sim.clear_faults().await;
        sim.inject(Fault::EmptyBody).await;
        let error = subject.check().await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::PROTOCOL, "{kind}: {error:?}");
        assert!(error.message.contains("nothing"), "{kind}: {}", error.message);
    }
}

#[tokio::test]
async fn what_begins_as_json_and_is_none_is_an_error() {
    let stub = Stub::start(&[], (200, "application/json", r#"{"system": {"os": "li"#)).await;
    let error = Subject::of("comfyui", &stub.url).identify().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::PROTOCOL);
    assert!(error.message.starts_with("it answered 21 bytes of broken JSON"), "{}", error.message);
}

#[tokio::test]
async fn a_killed_service_is_gone_and_comes_back() {
    for (kind, played) in ALL {
        let sim = Sim::start(played).await.unwrap();
        let subject = Subject::of(kind, &sim.url());
        subject.check().await.unwrap();
        sim.stop().await;
        let error = subject.check().await.unwrap_err();
        assert_eq!((error.kind, error.code.as_str()), (ErrorKind::TRANSPORT, "connection-refused"), "{kind}");
        sim.restart().await.unwrap();
        assert_eq!(subject.identify().await.unwrap().verdict, Verdict::Mine, "{kind}");
        subject.check().await.unwrap();
    }
}

#[tokio::test]
async fn pythons_nan_and_large_seeds_do_no_harm() {
    // Everything that is an object; LiteLLM's proof of life is a string.
    let objects = ["/system_stats", "/prompt", "/features", "/v1/", "/health/readiness", "/health/backlog"];
    for kind in KINDS {
        for fault in [Fault::Nan, Fault::BigSeeds] {
            let sim = Sim::start(kind).await.unwrap();
            for path in objects {
                sim.inject(fault.clone().on(path)).await;
            }
            let subject = Subject::of(kind, &sim.url());
            assert_eq!(subject.identify().await.unwrap().verdict, Verdict::Mine, "{kind}, {fault:?}");
            assert!(subject.check().await.unwrap().queue.is_some(), "{kind}, {fault:?}");
            assert!(subject.inspect().await.unwrap().version.is_some(), "{kind}, {fault:?}");
        }
    }
}

#[tokio::test]
async fn checks_cost_the_service_nothing_and_share_a_connection() {
    for kind in KINDS {
        let sim = Sim::start(kind).await.unwrap();
        let subject = Subject::of(kind, &sim.url());
        subject.identify().await.unwrap();
        for _ in 0..20 {
            subject.check().await.unwrap();
        }
        let ledger = sim.ledger();
        assert_eq!(ledger.forbidden, [""; 0], "{kind}");
        assert!(ledger.connections_opened <= 2, "{kind}: {}", ledger.connections_opened);
        assert!(ledger.requests.iter().all(|request| request.method == "GET" && request.origin.is_none()), "{kind}");
        assert_eq!(ledger.requests_to("/object_info"), 0);
    }
}

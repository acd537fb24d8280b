//! Apps behind a login.

use super::generations;
use mdd_driver_api::{ErrorKind, model::Verdict};
use mdd_sim::{Options, Sim};
use mdd_tests::Subject;
use serde_json::Value;

/// User name and password alike.
const WORD: &str = "open sesame & more";

async fn locked(version: &str) -> Sim {
    Sim::start(Options::new("gradio").version(version).key(format!("{WORD}:{WORD}"))).await.unwrap()
}

fn with(url: &str, word: Option<&str>) -> Subject {
    Subject::with("any-gradio", url, Value::Null, word).unwrap()
}

#[tokio::test]
async fn a_closed_door_is_known_and_nobody_claims_what_is_behind_it() {
    for version in generations() {
        let sim = locked(version).await;
        for driver in super::KINDS.into_iter().chain(["any-gradio"]) {
            let identity = Subject::of(driver, &sim.url()).identify().await.unwrap();
            assert_eq!(identity.verdict, Verdict::Locked, "{driver} at {version}");
            assert_eq!(identity.seen, "a Gradio app that wants a login", "{driver} at {version}");
            assert!(identity.score < 50);
        }
        assert_eq!(sim.ledger().requests_to("/login"), 0, "a stranger gets no password");
    }
}

#[tokio::test]
async fn the_right_login_opens_and_the_cookie_is_kept() {
    for version in generations() {
        let sim = locked(version).await;
        let subject = with(&sim.url(), Some(WORD));
        subject.identify().await.unwrap();
        let subject = subject.promoted();
        for _ in 0..3 {
            assert_eq!(subject.check().await.unwrap().queue.unwrap().pending, Some(0), "{version}");
        }
        assert_eq!(subject.inspect().await.unwrap().version.as_deref(), Some(*version));
        assert_eq!(sim.ledger().requests_to("/login"), 1, "{version}");
        // The next process knows nothing of the cookie.
        sim.restart().await.unwrap();
        subject.check().await.unwrap();
        assert_eq!(sim.ledger().requests_to("/login"), 2, "{version}");
    }
}

#[tokio::test]
async fn a_missing_and_a_wrong_login_need_the_user() {
    for version in generations() {
        let sim = locked(version).await;
        for (word, code) in [(None, "any-gradio.login-missing"), (Some("wrong"), "any-gradio.login-rejected")] {
            let subject = with(&sim.url(), word);
            subject.identify().await.unwrap();
            let subject = subject.promoted();
            for error in [subject.check().await.unwrap_err(), subject.inspect().await.unwrap_err()] {
                assert_eq!((error.kind, error.code.as_str()), (ErrorKind::AUTH, code), "{version}");
                assert!(!format!("{error:?}").contains("wrong:"), "{error:?}");
            }
        }
    }
}

//! Proofs of life: what they cost, and what they notice.

use super::{APPS, sim};
use mdd_driver_api::{ErrorKind, model::Verdict};
use mdd_sim::Fault;
use mdd_tests::Subject;

#[tokio::test]
async fn checks_cost_the_app_nothing() {
    for (kind, version, driver, _) in APPS {
        let sim = sim(kind, version).await;
        let subject = Subject::of(driver, &sim.url());
        assert_eq!(subject.identify().await.unwrap().verdict, Verdict::Mine);
        let subject = subject.promoted();
        for _ in 0..20 {
            assert_eq!(subject.check().await.unwrap().queue.unwrap().pending, Some(0), "{version}");
        }
        let ledger = sim.ledger();
        assert_eq!(ledger.forbidden, [""; 0], "{version}");
        assert_eq!(ledger.requests_to("/config"), 1, "{version}");
        assert!(ledger.requests.iter().all(|request| matches!(request.method.as_str(), "GET" | "HEAD")), "{version}");
        assert_eq!(ledger.requests_total, 41, "{version}: two small questions each time");
        assert!(ledger.connections_opened <= 2, "{version}: {}", ledger.connections_opened);
        let has_id = ledger.requests_to("/app_id") > 0;
        assert_eq!(has_id, version != "webui", "{version}: 3.14 is asked with HEAD instead");
    }
}

#[tokio::test]
async fn a_restart_is_noticed_where_the_app_has_an_id() {
    for (kind, version, driver, _) in APPS {
        let sim = sim(kind, version).await;
        let subject = Subject::of(driver, &sim.url());
        subject.identify().await.unwrap();
        let subject = subject.promoted();
        let before = subject.check().await.unwrap().boot;
        assert_eq!(before, subject.check().await.unwrap().boot, "{version}");
        sim.restart().await.unwrap();
        let after = subject.check().await.unwrap().boot;
        assert_eq!(before.is_some(), version != "webui", "{version}");
        assert!(before.is_none() || before != after, "{version}");
        // Its functions may have other numbers now. 3.34 tells its id only when it is asked for it.
        let asked = sim.ledger().requests_to("/config");
        assert_eq!(asked, if version == "webui" { 1 } else { 2 }, "{version}");
    }
}

#[tokio::test]
async fn another_app_in_its_place_is_told() {
    for (kind, version, driver, _) in APPS {
        if version == "webui" {
            continue;
        }
        let sim = sim(kind, version).await;
        let subject = Subject::of(driver, &sim.url());
        subject.identify().await.unwrap();
        let subject = subject.promoted();
        subject.check().await.unwrap();
        let other = if version == "audioldm2" { "4.44.1" } else { "3.50.2" };
        sim.inject(Fault::Identity { kind: "gradio".to_owned(), version: Some(other.to_owned()) }).await;
        let error = subject.check().await.unwrap_err();
        assert_eq!((error.kind, error.code.to_string()), (ErrorKind::PROTOCOL, format!("{driver}.other-app")));
        assert_eq!(error.message, "it is now a Gradio app titled \"Mimic Generator\"");
        sim.clear_faults().await;
        subject.check().await.unwrap();
    }
}

#[tokio::test]
async fn voices_and_models_are_listed() {
    let sim = sim("rvc-webui", "webui").await;
    let subject = Subject::of("rvc", &sim.url());
    subject.identify().await.unwrap();
    let inspection = subject.promoted().inspect().await.unwrap();
    let voices: Vec<&str> = inspection.models.iter().map(|model| model.name.as_str()).collect();
    assert_eq!(voices, ["alice.pth", "bob.pth", "broken.pth"]);
    assert!(inspection.models.iter().all(|model| model.kind == "voice"));
    assert_eq!((inspection.slots, inspection.quiet_while_running), (1, true));

    let sim = super::sim("audioldm", "audioldm").await;
    let subject = Subject::of("audioldm", &sim.url());
    subject.identify().await.unwrap();
    let inspection = subject.promoted().inspect().await.unwrap();
    assert_eq!(inspection.models.len(), 6);
    assert!(inspection.models.iter().any(|model| model.name == "audioldm-m-full"));
    assert_eq!(inspection.slots, 1);
}

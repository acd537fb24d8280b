//! Each app against each driver: its own is sure, and no other claims it.

use super::{APPS, KINDS, generations, sim};
use crate::stub::Stub;
use mdd_core::{
    connection::{CHECK_EVERY, Shared, Tempo},
    discovery::{self, Nobody},
    endpoint::Endpoint,
    health::Records,
    plugins::{self, DriverRuntime, LoadedDriver},
    transport::Transport,
};
use mdd_driver_api::model::Verdict;
use mdd_tests::{Subject, built};
use std::sync::{Arc, OnceLock};
use tokio::runtime::Handle;

/// The kinds that have nothing to do with Gradio.
const OTHERS: [&str; 2] = ["comfyui", "litellm"];
const WANGP: &str = include_str!("../../fixtures/wan2gp/webui/config.json");
const NOT_FOUND: (u16, &str, &str) = (404, "application/json", "{\"detail\":\"Not Found\"}");

#[tokio::test]
async fn its_own_driver_is_sure_and_no_other_claims_it() {
    for (kind, version, own, flavour) in APPS {
        let sim = sim(kind, version).await;
        for driver in KINDS.into_iter().chain(OTHERS) {
            let identity = Subject::of(driver, &sim.url()).identify().await.unwrap();
            if driver == own {
                assert_eq!(identity.verdict, Verdict::Mine, "{driver} at {version}");
                assert!(identity.score >= 90, "{driver} at {version}: {}", identity.score);
                assert_eq!(identity.flavour.as_deref(), Some(flavour));
                assert!(identity.reasons.len() >= 2, "{:?}", identity.reasons);
            } else {
                assert!(identity.score < 50, "{driver} at {version}: {}", identity.score);
                assert_eq!(identity.verdict, Verdict::No, "{driver} at {version}");
            }
        }
        assert_eq!(sim.ledger().forbidden, [""; 0], "{version}");
    }
}

#[tokio::test]
async fn no_other_app_is_a_wangp() {
    for (kind, version, ..) in APPS.into_iter().chain([("gradio", "5.50.0", "", ""), ("gradio", "6.31.0", "", "")]) {
        let sim = sim(kind, version).await;
        let identity = Subject::of("wan2gp", &sim.url()).identify().await.unwrap();
        assert_eq!((identity.verdict, identity.score), (Verdict::No, 0), "{version}");
        let asked: Vec<String> = sim.ledger().requests.into_iter().map(|request| request.path).collect();
        assert_eq!(asked, ["/config"], "a Gradio app is asked nothing else");
    }
}

#[tokio::test]
async fn no_driver_of_another_kind_claims_a_wangp() {
    let stub = Stub::start(&[("/config", (200, "application/json", WANGP))], NOT_FOUND).await;
    let identity = Subject::of("wan2gp", &stub.url).identify().await.unwrap();
    assert_eq!((identity.verdict, identity.score, identity.flavour.as_deref()), (Verdict::Mine, 100, Some("webui")));
    assert_eq!((identity.version.as_deref(), identity.reasons.len()), (Some("12.60"), 3));
    let stub = Stub::start(&[("/config", (200, "application/json", WANGP))], NOT_FOUND).await;
    for driver in KINDS.into_iter().chain(OTHERS) {
        let identity = Subject::of(driver, &stub.url).identify().await.unwrap();
        assert_eq!((identity.verdict, identity.score), (Verdict::No, 0), "{driver}");
        if KINDS.contains(&driver) {
            assert_eq!(identity.seen, "a Gradio app titled \"WanGP\", not one of ours");
        }
    }
}

#[tokio::test]
async fn an_unknown_app_of_any_generation_is_named_and_left_alone() {
    for version in generations() {
        let sim = sim("gradio", version).await;
        for driver in KINDS {
            let identity = Subject::of(driver, &sim.url()).identify().await.unwrap();
            assert_eq!((identity.verdict, identity.score), (Verdict::No, 0), "{driver} at {version}");
            assert_eq!(identity.seen, "a Gradio app titled \"Mimic Generator\", not one of ours");
        }
        let asked: Vec<String> = sim.ledger().requests.into_iter().map(|request| request.path).collect();
        assert!(asked.iter().all(|path| path == "/config"), "{version}: {asked:?}");
        assert_eq!(asked.len(), KINDS.len(), "{version}");
    }
}

#[tokio::test]
async fn one_config_is_asked_of_a_candidate_however_many_drivers_look() {
    static RUNTIME: OnceLock<DriverRuntime> = OnceLock::new();
    let copies = tempfile::tempdir().unwrap();
    let load = |kind: &str| Arc::new(plugins::open(&built().driver(kind), copies.path()).unwrap());
    let drivers: Vec<Arc<LoadedDriver>> = OTHERS.into_iter().chain(KINDS).map(load).collect();
    let shared = Shared {
        transport: Transport::new(Handle::current()).unwrap(),
        runtime: RUNTIME.get_or_init(|| DriverRuntime::start().unwrap()).clone(),
        bus: Arc::default(),
        records: Records::default(),
        tempo: Tempo::new(CHECK_EVERY, tokio::time::Instant::now()),
    };
    for (kind, version) in [("rvc-webui", "webui"), ("audioldm", "audioldm2"), ("gradio", "5.50.0")] {
        let sim = sim(kind, version).await;
        let endpoint = Endpoint::parse(&sim.url()).unwrap();
        match discovery::identify(&endpoint, &drivers, &shared, false).await {
            Ok(found) => assert_eq!(found.driver.kind(), if version == "webui" { "rvc" } else { "audioldm" }),
            Err(Nobody::Stranger(seen)) => {
                assert_eq!(seen, "a Gradio app titled \"Mimic Generator\", not one of ours");
            }
            Err(Nobody::Silent(error)) => panic!("it answers: {error}"),
        }
        assert_eq!(sim.ledger().requests_to("/config"), 1, "{version}");
        assert_eq!(sim.ledger().forbidden, [""; 0], "{version}");
    }
}

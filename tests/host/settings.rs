//! Settings of a host that runs: each change counts at once and is written down.

use mdd_core::{
    ChangeError,
    events::{Detail, Origin, StateName},
    rpc::ProjectBackend,
};
use mdd_sim::{Options, Sim};
use mdd_tests::{Running, plugins};
use serde_json::{Value, json};
use std::{fs, time::Duration};

const SOON: Duration = Duration::from_secs(30);

fn text(running: &Running) -> String {
    fs::read_to_string(running.config_file()).unwrap_or_default()
}

#[tokio::test]
async fn a_backend_is_added_moved_switched_off_and_on_and_removed_without_a_restart() {
    let [one, two] = [Sim::start("comfyui").await.unwrap(), Sim::start("comfyui").await.unwrap()];
    let folder = plugins(&["comfyui"]);
    let running = Running::start(folder.path(), &[]);
    running.host.add_backend("comfyui", &one.url()).unwrap();
    let added = running.until("comfyui", SOON, |backend| backend.state == StateName::Connected).await;
    assert_eq!(added.origin, Origin::File);
    assert!(text(&running).contains(&one.url()));

    running.host.default_backend(&added.id).unwrap();
    running.until("comfyui", SOON, |backend| backend.is_default).await;

    running.host.switch_backend(&added.id, false).unwrap();
    running.until("comfyui", SOON, |backend| backend.state == StateName::Disabled).await;
    let asked = one.ledger().requests_total;
    running.host.switch_backend(&added.id, true).unwrap();
    running.until("comfyui", SOON, |backend| backend.state == StateName::Connected).await;
    assert!(one.ledger().requests_total > asked);

    running.host.move_backend(&added.id, &two.url()).unwrap();
    let moved = running.until("comfyui", SOON, |backend| backend.state == StateName::Connected).await;
    assert_eq!(moved.endpoint, Some(two.url()));
    assert_eq!(running.host.snapshot().backends.len(), 1);

    running.host.remove_backend(&moved.id).unwrap();
    assert!(running.host.snapshot().backends.is_empty());
    assert!(!text(&running).contains("url"), "{}", text(&running));
}

#[tokio::test]
async fn what_was_switched_off_is_off_from_the_beginning_of_the_next_host() {
    let sim = Sim::start("comfyui").await.unwrap();
    let folder = plugins(&["comfyui"]);
    let running = Running::start(folder.path(), &[("comfyui", &sim.url())]);
    let backend = running.until("comfyui", SOON, |backend| backend.state == StateName::Connected).await;
    running.host.switch_backend(&backend.id, false).unwrap();
    running.until("comfyui", SOON, |backend| backend.state == StateName::Disabled).await;
    let asked = sim.ledger().requests_total;
    let running = running.restarted(folder.path(), &[("comfyui", &sim.url())]);
    running.until("comfyui", SOON, |backend| backend.state == StateName::Disabled).await;
    assert_eq!(sim.ledger().requests_total, asked);
}

#[tokio::test]
async fn a_key_that_is_set_opens_the_door_at_once_and_never_shows() {
    let sim = Sim::start(Options::new("litellm").key("sk-canary")).await.unwrap();
    let folder = plugins(&["litellm"]);
    let running = Running::start(folder.path(), &[("litellm", &sim.url())]);
    let refused = running.until("litellm", SOON, |backend| backend.detail == Detail::Refused).await;
    let remedy = refused.reason.unwrap().remedies.into_iter().find(|remedy| remedy.action == "set-key").unwrap();
    assert_eq!(remedy.argument.as_deref(), Some("backends.litellm.key"));
    let shown = running.host.set_config("backends.litellm.key", &json!("sk-canary")).unwrap();
    assert!(!format!("{shown:?}").contains("canary"));
    running.until("litellm", SOON, |backend| backend.state == StateName::Connected).await;
    running.host.set_config("backends.litellm.key", &Value::Null).unwrap();
    running.until("litellm", SOON, |backend| backend.detail == Detail::Refused).await;
}

#[tokio::test]
async fn a_setting_of_a_driver_reaches_it_at_once() {
    let sim = Sim::start("comfyui").await.unwrap();
    let folder = plugins(&["comfyui"]);
    let running = Running::start(folder.path(), &[("comfyui", &sim.url())]);
    running.until("comfyui", SOON, |backend| backend.state == StateName::Connected).await;
    let sockets = sim.ledger().sockets.len();
    assert!(sockets > 0);
    running.host.set_config("drivers.comfyui.live_updates", &json!(false)).unwrap();
    let asked = sim.ledger().requests_total;
    // It connects anew, and then there are questions where news came before.
    running.until("comfyui", SOON, |backend| backend.state == StateName::Connected).await;
    let answered = running.backend("comfyui").latency_ms.unwrap().last;
    running.until("comfyui", SOON, |backend| backend.latency_ms.is_some_and(|now| now.last != answered)).await;
    assert!(sim.ledger().requests_total > asked);
    assert_eq!(sim.ledger().sockets.len(), sockets);
}

#[tokio::test]
async fn the_file_may_be_edited_by_hand() {
    let sim = Sim::start("comfyui").await.unwrap();
    let folder = plugins(&["comfyui"]);
    let running = Running::start(folder.path(), &[]);
    fs::write(running.config_file(), format!("[backends.comfyui]\nurl = \"{}\"\n", sim.url())).unwrap();
    running.until("comfyui", SOON, |backend| backend.state == StateName::Connected).await;
    fs::write(running.config_file(), "").unwrap();
    mdd_tests::eventually(&running.host, SOON, |snapshot| snapshot.backends.is_empty().then_some(())).await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_the_reason_and_changes_nothing() {
    let folder = plugins(&["comfyui"]);
    let running = Running::with(folder.path(), &[], &[("COMFYUI_PORT", "9")]);
    let invalid = |result: Result<(), ChangeError>| match result {
        Err(ChangeError::Invalid(text)) => text,
        other => panic!("{other:?}"),
    };
    let set = |key: &str, value: Value| running.host.set_config(key, &value).map(|_| ());
    assert_eq!(
        invalid(set("helth.interval_ms", json!(1))),
        "there is no setting `helth.interval_ms`; did you mean `health.interval_ms`?"
    );
    assert!(invalid(set("health.interval_ms", json!(1))).contains("from 1000 to 10000"));
    assert!(invalid(set("drivers.comfyui.live_updates", json!("x"))).contains("boolean"));
    assert!(invalid(running.host.add_backend("comfyuii", "127.0.0.1:1")).contains("`backends.comfyui.url`"));
    for address in ["169.254.169.254", "[fe80::1]:8188", "http://[::ffff:169.254.1.1]"] {
        let error = invalid(running.host.add_backend("comfyui", address));
        assert!(error.contains("link-local"), "{error}");
    }
    for (result, word) in [
        (running.host.add_backend("comfyui", "127.0.0.1:1"), "COMFYUI_PORT"),
        (running.host.remove_backend("comfyui@127.0.0.1:9"), "COMFYUI_PORT"),
        (running.host.remove_backend("nobody"), "nobody"),
    ] {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
    assert_eq!(text(&running), "");
}

#[tokio::test]
async fn an_address_is_tried_without_being_kept() {
    let sim = Sim::start("comfyui").await.unwrap();
    let locked = Sim::start(Options::new("litellm").key("sk-1")).await.unwrap();
    let folder = plugins(&["comfyui", "litellm"]);
    let running = Running::start(folder.path(), &[]);
    let good = running.host.test_backend(Some("comfyui"), &sim.url()).await.unwrap();
    assert!(good.ok && good.latency_ms.is_some() && good.version.is_some(), "{good:?}");
    let any = running.host.test_backend(None, &sim.url()).await.unwrap();
    assert_eq!((any.ok, any.kind.as_deref()), (true, Some("comfyui")));
    for (kind, url, code) in [
        (Some("litellm"), sim.url(), "wrong-service"),
        (Some("litellm"), locked.url(), "needs-key"),
        (None, "127.0.0.1:1".to_owned(), "connection-refused"),
        (Some("comfyui"), sim.url().replace("http:", "https:"), "tls-failed"),
        (Some("comfyui"), "169.254.169.254".to_owned(), "blocked-by-policy"),
    ] {
        let bad = running.host.test_backend(kind, &url).await.unwrap();
        assert_eq!((bad.ok, bad.reason.unwrap().code.as_str()), (false, code), "{kind:?} {url}");
    }
    assert!(running.host.test_backend(Some("teapot"), &sim.url()).await.is_err());
    assert!(running.host.snapshot().backends.is_empty());
}

#[tokio::test]
async fn projects_add_backends_and_those_elsewhere_wait_for_the_users_word() {
    let sim = Sim::start("comfyui").await.unwrap();
    let folder = plugins(&["comfyui"]);
    let running = Running::start(folder.path(), &[]);
    let names = |url: &str| ProjectBackend { kind: "comfyui".to_owned(), url: url.to_owned() };
    // 192.0.2.1 is for documentation: nobody is there, and nothing may be sent there.
    let named = [names(&sim.url()), names("http://192.0.2.1:8188")];
    let opened = running.host.open_project("one", &named, json!({"seen": 1})).unwrap();
    assert_eq!(opened.pending.len(), 1);
    let pending = opened.pending[0].backend.clone();
    let local = running.until("comfyui", SOON, |backend| backend.state == StateName::Connected).await;
    assert_eq!((local.origin, local.projects.as_slice()), (Origin::Project, ["one".to_owned()].as_slice()));
    assert_eq!(running.host.snapshot().backends.len(), 1);

    // Another project that names the same place keeps it when the first is closed.
    running.host.open_project("two", &named[..1], Value::Null).unwrap();
    running.until("comfyui", SOON, |backend| backend.projects.len() == 2).await;
    running.host.close_project("one");
    assert_eq!(running.backend("comfyui").projects, ["two"]);
    assert!(running.host.accept_project("one", &pending).is_err());

    let opened = running.host.open_project("one", &named, Value::Null).unwrap();
    assert_eq!(opened.remembered, json!({"seen": 1}));
    assert!(running.host.accept_project("one", "comfyui@other").is_err());
    running.host.accept_project("one", &pending).unwrap();
    assert_eq!(running.host.snapshot().backends.len(), 2);
    // The word is for this project alone, and is kept.
    assert_eq!(running.host.open_project("two", &named, Value::Null).unwrap().pending.len(), 1);
    running.host.close_project("one");
    running.host.close_project("two");
    assert!(running.host.snapshot().backends.is_empty());
    assert!(running.host.open_project("one", &named, Value::Null).unwrap().pending.is_empty());
}

#[tokio::test]
async fn whoever_opens_a_project_waits_for_no_pause() {
    let sim = Sim::start("comfyui").await.unwrap();
    let named = [ProjectBackend { kind: "comfyui".to_owned(), url: sim.url() }];
    sim.stop().await;
    let folder = plugins(&["comfyui"]);
    let running = Running::start(folder.path(), &[]);
    running.host.open_project("one", &named, Value::Null).unwrap();
    let waits = running.until("comfyui", 2 * SOON, |row| row.next_try_ms.is_some_and(|pause| pause > 4_000)).await;
    running.host.open_project("one", &named, Value::Null).unwrap();
    running.until("comfyui", Duration::from_secs(3), |row| row.attempt != waits.attempt).await;
    // The other way to open it.
    sim.start_again().await.unwrap();
    running.host.close_project("one");
    running.host.open_project("two", &named, Value::Null).unwrap();
    running.until("comfyui", SOON, |row| row.state == StateName::Connected).await;
    let asked = sim.ledger().sockets.len();
    running.host.open_project("two", &named, Value::Null).unwrap();
    assert_eq!((running.backend("comfyui").state, sim.ledger().sockets.len()), (StateName::Connected, asked));
}

#[tokio::test]
async fn hostile_projects_are_refused_whole() {
    let folder = plugins(&["comfyui"]);
    let running = Running::start(folder.path(), &[]);
    let names = |url: &str| ProjectBackend { kind: "comfyui".to_owned(), url: url.to_owned() };
    for url in ["", "file:///etc/passwd", "http://user:pw@127.0.0.1", "http://0x7f.1", "unix:/run/x", "http://a b/"] {
        assert!(running.host.open_project("p", &[names(url)], Value::Null).is_err(), "{url}");
    }
    let many: Vec<_> = (1..=200).map(|port| names(&format!("127.0.0.1:{port}"))).collect();
    assert!(running.host.open_project("p", &many, Value::Null).is_err());
    assert!(running.host.open_project("", &[], Value::Null).is_err());
    assert!(running.host.open_project("p", &[], json!("x".repeat(100_000))).is_err());
    assert!(running.host.snapshot().backends.is_empty());
}

//! Each remedy that is one click, applied as the button does it: the row becomes green.

use mdd_core::{
    Host,
    diagnosis::Remedy,
    events::{BackendView, Detail, StateName},
};
use mdd_sim::{Options, Sim};
use mdd_tests::{Running, Stub, plugins};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);

/// What the panel does when a remedy is clicked; `input` is what its user types or picks.
pub(crate) fn press(host: &Host, row: &BackendView, remedy: &Remedy, input: &str) {
    let argument = remedy.argument.clone().unwrap_or_default();
    match remedy.action.as_str() {
        "retry" => host.try_now(&row.id).unwrap(),
        "accept" => host.accept_backend(&argument).unwrap(),
        "use-found-endpoint" => host.move_backend(&row.id, &argument).unwrap(),
        "set-url" | "set-key" => _ = host.set_config(&argument, &input.into()).unwrap(),
        "change-setting" | "switch-to-polling" => {
            let (name, value) = argument.split_once('=').unwrap();
            let key = format!("drivers.{}.{name}", row.kind);
            host.set_config(&key, &serde_json::from_str(value).unwrap()).unwrap();
        }
        other => panic!("{other} is not one click"),
    }
}

/// The remedy of that action.
pub(crate) fn remedy(row: &BackendView, action: &str) -> Remedy {
    let reason = row.reason.clone().unwrap_or_else(|| panic!("{row:?} is fine"));
    let found = reason.remedies.iter().find(|remedy| remedy.action == action);
    found.cloned().unwrap_or_else(|| panic!("there is no {action} in {reason:?}"))
}

async fn is_green(running: &Running, kind: &str) {
    running.until(kind, SOON, |row| row.state == StateName::Connected && row.reason.is_none()).await;
}

#[tokio::test]
async fn retry_turns_a_service_that_is_there_again_green() {
    let sim = Sim::start("comfyui").await.unwrap();
    let folder = plugins(&["comfyui"]);
    let running = Running::start(folder.path(), &[("comfyui", &sim.url())]);
    is_green(&running, "comfyui").await;
    sim.stop().await;
    let gone = running.until("comfyui", SOON, |row| row.detail == Detail::Waiting && row.reason.is_some()).await;
    sim.start_again().await.unwrap();
    press(&running.host, &gone, &remedy(&gone, "retry"), "");
    is_green(&running, "comfyui").await;
}

#[tokio::test]
async fn another_address_turns_a_wrong_service_green() {
    let (stranger, sim) = (Stub::start(&[], (404, "text/plain", "")).await, Sim::start("comfyui").await.unwrap());
    let folder = plugins(&["comfyui"]);
    let running = Running::start(folder.path(), &[]);
    running.host.add_backend("comfyui", &stranger.url).unwrap();
    let wrong = running.until("comfyui", SOON, |row| row.detail == Detail::Refused).await;
    press(&running.host, &wrong, &remedy(&wrong, "set-url"), &sim.url());
    is_green(&running, "comfyui").await;
    assert_eq!(running.host.snapshot().backends.len(), 1);
}

#[tokio::test]
async fn a_key_turns_a_locked_service_green() {
    let sim = Sim::start(Options::new("litellm").key("sk-right")).await.unwrap();
    let folder = plugins(&["litellm"]);
    for wrong in [None, Some("sk-wrong")] {
        let running = Running::start(folder.path(), &[("litellm", &sim.url())]);
        if let Some(wrong) = wrong {
            running.host.set_config("backends.litellm.key", &wrong.into()).unwrap();
        }
        let locked = running
            .until("litellm", SOON, |row| {
                let code = row.reason.as_ref().map(|reason| reason.code.as_str());
                row.detail == Detail::Refused && (code == Some("needs-key")) == wrong.is_none()
            })
            .await;
        press(&running.host, &locked, &remedy(&locked, "set-key"), "sk-right");
        is_green(&running, "litellm").await;
    }
}

/// Both parts of a login have a button: in the host's own words before any is set, and in the driver's when one is wrong.
#[tokio::test]
async fn a_login_turns_a_locked_service_green() {
    let sim = Sim::start(Options::new("wan2gp-webui").key("anna:geheim")).await.unwrap();
    let folder = plugins(&["wan2gp"]);
    for wrong in [false, true] {
        let running = Running::start(folder.path(), &[("wan2gp", &sim.url())]);
        if wrong {
            running.host.set_config("backends.wan2gp.username", &"anna".into()).unwrap();
            running.host.set_config("backends.wan2gp.password", &"wrong".into()).unwrap();
        }
        let locked = running
            .until("wan2gp", SOON, |row| {
                let code = row.reason.as_ref().map(|reason| reason.code.as_str());
                let wanted = if wrong { "wan2gp.login-rejected" } else { "needs-key" };
                row.detail == Detail::Refused && code == Some(wanted)
            })
            .await;
        let reason = locked.reason.clone().unwrap();
        let keys: Vec<_> = reason.remedies.iter().filter(|remedy| remedy.action == "set-key").collect();
        let shown: Vec<_> = keys.iter().map(|key| (key.label.as_str(), key.argument.as_deref().unwrap())).collect();
        assert_eq!(
            shown,
            [("Set the user name", "backends.wan2gp.username"), ("Set the password", "backends.wan2gp.password")]
        );
        assert!(wrong || reason.observation.ends_with("wants a login"), "{reason:?}");
        press(&running.host, &locked, keys[0], "anna");
        press(&running.host, &locked, keys[1], "geheim");
        is_green(&running, "wan2gp").await;
    }
}

#[tokio::test]
async fn doing_without_live_updates_turns_a_service_whose_socket_is_refused_green() {
    let sim = Sim::start(Options::new("comfyui").fault(mdd_sim::Fault::SocketRefused)).await.unwrap();
    let folder = plugins(&["comfyui"]);
    let running = Running::start(folder.path(), &[("comfyui", &sim.url())]);
    let limited = running
        .until("comfyui", SOON, |row| row.reason.as_ref().is_some_and(|reason| reason.code == "comfyui.socket-blocked"))
        .await;
    press(&running.host, &limited, &remedy(&limited, "switch-to-polling"), "");
    is_green(&running, "comfyui").await;
}

/// Every failure says what was seen, what that means and what helps, and never only that it is unreachable.
#[tokio::test]
async fn ac_18_every_failure_is_told_apart() {
    let folder = plugins(&["comfyui"]);
    let mut seen = Vec::new();
    for (status, media_type, body) in [
        (401, "text/plain", "who are you"),
        (403, "text/html", "<title>No</title>"),
        (404, "text/plain", ""),
        (500, "text/plain", "Traceback"),
        (502, "text/html", "<title>Bad gateway</title>"),
        (200, "text/html", "<html><title>Radio</title></html>"),
        (200, "application/json", "{\"system\": 3}"),
    ] {
        let stub = Stub::start(&[], (status, media_type, body)).await;
        let running = Running::start(folder.path(), &[("comfyui", &stub.url)]);
        let row = running
            .until("comfyui", SOON, |row| {
                row.state == StateName::Disconnected && row.detail == Detail::Refused || row.attempt > 1
            })
            .await;
        let reason = row.reason.unwrap();
        let port = stub.url.rsplit(':').next().unwrap().to_owned();
        assert!(reason.observation.contains(&status.to_string()), "{status}: {reason:?}");
        assert!(!reason.meaning.is_empty() && !reason.remedies.is_empty(), "{status}: {reason:?}");
        seen.push(reason.observation.replace(&port, "PORT"));
    }
    let different: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!(different.len(), seen.len(), "{seen:#?}");
}

/// What was known stays known while a service is away, and a part that is missing is said of a service that works.
#[tokio::test]
async fn ac_19_what_is_missing_is_said_and_what_was_known_is_kept() {
    let sim = Sim::start(Options::new("comfyui").fault(mdd_sim::Fault::SocketRefused)).await.unwrap();
    let folder = plugins(&["comfyui"]);
    let running = Running::start(folder.path(), &[("comfyui", &sim.url())]);
    let limited = running.until("comfyui", SOON, |row| row.detail == Detail::Degraded && row.devices.is_some()).await;
    assert_eq!(limited.state, StateName::Connected);
    assert!(!limited.reason.unwrap().remedies.is_empty());
    sim.stop().await;
    let away = running.until("comfyui", SOON, |row| row.state == StateName::Disconnected).await;
    assert_eq!((away.devices, away.models, away.version), (limited.devices, limited.models, limited.version));
}

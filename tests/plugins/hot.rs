//! The plugins folder while a host runs: what is put there works, what is replaced is harmless, what is taken away ends.

use mdd_core::{
    Host,
    events::{BackendView, JobState, StateName},
    jobs::{Submission, Target},
};
use mdd_tests::{Running, Stub, drop_in, eventually, variant};
use serde_json::json;
use std::{
    fs,
    time::{Duration, Instant},
};

/// Far longer than anything here takes on an idle machine.
const PATIENCE: Duration = Duration::from_secs(30);
const LAMP: (&str, mdd_tests::Answer) =
    ("/lamp.json", (200, "application/json", r#"{"lamp": "Desk lamp", "detach": "kills"}"#));
const NOT_FOUND: mdd_tests::Answer = (404, "text/plain", "");

/// A version of the lamp's driver, `1.0.0` being the built one.
fn lamp(version: &str) -> Vec<u8> {
    variant(
        "lamp",
        &[(r#""version":"1.0.0""#, &format!(r#""version":"{version}""#)), ("lamp-1.0.0", &format!("lamp-{version}"))],
    )
}

fn connected_by(version: &str) -> impl Fn(&BackendView) -> bool {
    let flavour = format!("lamp-{version}");
    move |backend| backend.state == StateName::Connected && backend.flavour.as_ref() == Some(&flavour)
}

async fn glow(host: &Host, id: &str) {
    glow_at(host, id, Target::Kind("lamp".to_owned())).await;
}

async fn glow_at(host: &Host, id: &str, target: Target) {
    let submission = Submission { id: id.to_owned(), target, operation: None, payload: json!({}), files: Vec::new() };
    host.jobs().submit(submission).await.unwrap();
}

async fn until_running(host: &Host, id: &str) {
    let is_running = |job: &mdd_core::events::JobView| job.state == JobState::Running && job.text.is_some();
    eventually(host, PATIENCE, |_| host.jobs().show(id).filter(is_running)).await;
}

#[tokio::test]
async fn a_file_that_is_dropped_in_works_without_a_restart() {
    let lamp_service = Stub::start(&[LAMP], NOT_FOUND).await;
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), &[("lamp", &lamp_service.url)]);
    assert_eq!(running.backend("lamp").reason.unwrap().code, "no-driver");
    let bytes = lamp("1.0.0");
    let dropped = Instant::now();
    drop_in(folder.path(), "lamp", &bytes);
    running.until("lamp", PATIENCE, connected_by("1.0.0")).await;
    println!("from the drop to a connected backend: {:?}", dropped.elapsed());
}

#[tokio::test]
async fn a_folder_that_appears_later_is_watched_as_well() {
    let lamp_service = Stub::start(&[LAMP], NOT_FOUND).await;
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("share/plugins");
    let running = Running::start(&folder, &[("lamp", &lamp_service.url)]);
    fs::create_dir_all(&folder).unwrap();
    drop_in(&folder, "lamp", &lamp("1.0.0"));
    running.until("lamp", PATIENCE, connected_by("1.0.0")).await;
}

#[tokio::test]
async fn a_slow_copy_is_used_once_it_is_complete() {
    let lamp_service = Stub::start(&[LAMP], NOT_FOUND).await;
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), &[("lamp", &lamp_service.url)]);
    let bytes = lamp("1.0.0");
    let path = folder.path().join("lamp.so");
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let mut changes = running.host.registry_changes();
    // The half is seen and refused, and harms nothing.
    let refused = changes
        .wait_for(|registry| registry.files().iter().any(|file| format!("{:?}", file.status).contains("Truncated")));
    tokio::time::timeout(PATIENCE, refused).await.unwrap().unwrap();
    fs::write(&path, &bytes).unwrap();
    running.until("lamp", PATIENCE, connected_by("1.0.0")).await;
}

#[tokio::test]
async fn a_newer_version_is_used_however_it_arrives() {
    let lamp_service = Stub::start(&[LAMP], NOT_FOUND).await;
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), &[("lamp", &lamp_service.url)]);
    drop_in(folder.path(), "lamp", &lamp("1.0.0"));
    running.until("lamp", PATIENCE, connected_by("1.0.0")).await;
    // Renamed over the old one.
    let path = drop_in(folder.path(), "lamp", &lamp("1.1.0"));
    running.until("lamp", PATIENCE, connected_by("1.1.0")).await;
    // Written into the old one.
    fs::write(&path, lamp("1.2.0")).unwrap();
    running.until("lamp", PATIENCE, connected_by("1.2.0")).await;
    // Beside it: the higher version wins, and both are shown.
    drop_in(folder.path(), "another", &lamp("1.3.0"));
    running.until("lamp", PATIENCE, connected_by("1.3.0")).await;
    let drivers = running.host.drivers().drivers;
    let mut shown: Vec<_> = drivers.iter().map(|row| (row.status.as_str(), row.version.as_deref().unwrap())).collect();
    shown.sort_unstable();
    assert_eq!(shown, [("active", "1.3.0"), ("shadowed", "1.2.0")]);
    let told = running.host.snapshot().notices;
    assert!(told.iter().any(|notice| notice.text.contains("1.3.0 from now on, and was 1.2.0")), "{told:#?}");
}

#[tokio::test]
async fn a_file_that_is_taken_away_ends_its_backends_and_says_why() {
    let lamp_service = Stub::start(&[LAMP], NOT_FOUND).await;
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), &[("lamp", &lamp_service.url)]);
    let path = drop_in(folder.path(), "lamp", &lamp("1.0.0"));
    running.until("lamp", PATIENCE, connected_by("1.0.0")).await;
    glow(&running.host, "one").await;
    until_running(&running.host, "one").await;
    fs::remove_file(&path).unwrap();
    let ended = running.until("lamp", PATIENCE, |backend| backend.state == StateName::Disconnected).await;
    let reason = ended.reason.unwrap();
    assert_eq!(reason.code, "no-driver");
    assert!(reason.observation.contains("is no longer in the plugins folder"), "{}", reason.observation);
    assert!(!running.host.jobs().show("one").unwrap().state.is_final(), "its job waits");
    lamp_service.answer("/done", (200, "text/plain", ""));
    drop_in(folder.path(), "lamp", &lamp("1.0.0"));
    let done = tokio::time::timeout(PATIENCE, running.host.jobs().wait("one")).await.unwrap().unwrap();
    assert_eq!(done.state, JobState::Done);
}

#[tokio::test]
async fn a_job_ends_with_the_driver_that_it_began_with() {
    let lamp_service = Stub::start(&[LAMP], NOT_FOUND).await;
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), &[("lamp", &lamp_service.url)]);
    drop_in(folder.path(), "lamp", &lamp("1.0.0"));
    running.until("lamp", PATIENCE, connected_by("1.0.0")).await;
    glow(&running.host, "old").await;
    until_running(&running.host, "old").await;
    drop_in(folder.path(), "lamp", &lamp("1.1.0"));
    eventually(&running.host, PATIENCE, |snapshot| {
        snapshot.notices.iter().find(|notice| notice.text.contains("a job that runs may end with 1.0.0")).cloned()
    })
    .await;
    lamp_service.answer("/done", (200, "text/plain", ""));
    let old = tokio::time::timeout(PATIENCE, running.host.jobs().wait("old")).await.unwrap().unwrap();
    assert_eq!((old.state, old.text.as_deref()), (JobState::Done, Some("lamp-1.0.0 ")));
    running.until("lamp", PATIENCE, connected_by("1.1.0")).await;
    glow(&running.host, "new").await;
    let new = tokio::time::timeout(PATIENCE, running.host.jobs().wait("new")).await.unwrap().unwrap();
    assert_eq!(new.text.as_deref(), Some("lamp-1.1.0 "));
}

/// A minute is waited for, and no clock can be made faster: the host is a real one.
#[tokio::test]
async fn after_a_minute_jobs_that_can_go_on_move_to_the_newer_driver_and_the_others_end_with_the_old_one() {
    let resuming = ("/lamp.json", (200, "application/json", r#"{"lamp": "Desk lamp", "detach": "resumes"}"#));
    let (moving, draining) = (Stub::start(&[resuming], NOT_FOUND).await, Stub::start(&[LAMP], NOT_FOUND).await);
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), &[("lamp", &moving.url), ("lamp", &draining.url)]);
    let host = &running.host;
    drop_in(folder.path(), "lamp", &lamp("1.0.0"));
    let at = |stub: &Stub, version: &'static str| {
        let (url, is_connected) = (stub.url.clone(), connected_by(version));
        move |backend: &BackendView| {
            backend.endpoint.as_deref().is_some_and(|at| at.starts_with(&url)) && is_connected(backend)
        }
    };
    let mover = running.until("lamp", PATIENCE, at(&moving, "1.0.0")).await.id;
    let drainer = running.until("lamp", PATIENCE, at(&draining, "1.0.0")).await.id;
    for (id, backend) in [("moved", &mover), ("stayed", &drainer)] {
        glow_at(host, id, Target::Backend(backend.clone())).await;
        until_running(host, id).await;
    }
    drop_in(folder.path(), "lamp", &lamp("1.1.0"));
    let replaced = Instant::now();
    eventually(host, PATIENCE, |snapshot| {
        snapshot.notices.iter().find(|notice| notice.text.contains("2 jobs that run may end with 1.0.0")).cloned()
    })
    .await;
    running.until("lamp", Duration::from_secs(60) + PATIENCE, at(&moving, "1.1.0")).await;
    assert!(replaced.elapsed() >= Duration::from_secs(60), "its job had a minute to end: {:?}", replaced.elapsed());
    let goes_on = |job: &mdd_core::events::JobView| job.text.as_deref() == Some("lamp-1.0.0 lamp-1.1.0 ");
    eventually(host, PATIENCE, |_| host.jobs().show("moved").filter(goes_on)).await;
    // The other one keeps its driver until its job has ended, and gets no new ones.
    glow_at(host, "later", Target::Backend(drainer)).await;
    let says_why = |job: &mdd_core::events::JobView| {
        job.reason.as_ref().is_some_and(|reason| reason.observation.contains("before it uses a newer driver"))
    };
    eventually(host, PATIENCE, |_| host.jobs().show("later").filter(says_why)).await;
    draining.answer("/done", (200, "text/plain", ""));
    for (id, text) in [("stayed", "lamp-1.0.0 "), ("later", "lamp-1.1.0 ")] {
        let done = tokio::time::timeout(PATIENCE, host.jobs().wait(id)).await.unwrap().unwrap();
        assert_eq!((done.state, done.text.as_deref()), (JobState::Done, Some(text)), "{id}");
    }
    running.until("lamp", PATIENCE, at(&draining, "1.1.0")).await;
}

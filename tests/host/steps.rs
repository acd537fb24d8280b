//! Steps of a connection that other stories pass by: each is taken by a loaded driver, in a whole host.

use crate::watched::{SOON, Service, Watched};
use mdd_core::{
    events::{BackendView, Detail},
    jobs::{Submission, Target},
};
use mdd_sim::{Fault, Options, Sim};
use mdd_tests::{Neighbour, Running, Stub, THERE, in_own_network, plugins};
use rustix::process::Signal;
use serde_json::json;
use tokio::{io::AsyncWriteExt as _, net::TcpListener};

/// Nothing is wrong, and nothing to do.
pub(crate) const FINE: mdd_tests::Answer = (200, "application/json", "{}");
const STATS: &str = include_str!("../fixtures/comfyui-0.33.0/system_stats.json");
const PROMPT: &str = include_str!("../fixtures/comfyui-0.33.0/prompt_get.json");

/// Switches the only backend of a kind off while it is so, and on again.
async fn switched_off_while(running: &Running, kind: &str, wanted: Detail) {
    let found = running.until(kind, SOON, |view| view.detail == wanted).await;
    running.host.switch_backend(&found.id, false).unwrap();
    running.until(kind, SOON, |view| view.detail == Detail::Off).await;
    running.host.switch_backend(&found.id, true).unwrap();
    running.until(kind, SOON, |view| view.detail != Detail::Off).await;
}

/// Something that ComfyUI works on for ten minutes.
pub(crate) async fn submit_slow_job(running: &Running) {
    let payload = json!({
        "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 1}},
        "2": {"class_type": "LabSlow", "inputs": {"image": ["1", 0], "steps": 6000, "delay": 0.1, "preview": false}},
        "3": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}},
    });
    let target = Target::Kind("comfyui".to_owned());
    let job = Submission { id: "slow".to_owned(), target, operation: None, payload, files: vec![] };
    running.host.jobs().submit(job).await.unwrap();
}

#[tokio::test]
async fn whatever_it_does_it_can_be_switched_off() {
    let folder = plugins(&["comfyui"]);
    for (fault, wanted) in [
        (Some(Fault::Hang.into()), Detail::Identify),
        (Some(Fault::Hang.on("/prompt")), Detail::Check),
        (Some(Fault::SocketSilent.into()), Detail::Watch),
        (Some(Fault::SocketRefused.into()), Detail::Degraded),
        (None, Detail::Ready),
    ] {
        let sim = Sim::start("comfyui").await.unwrap();
        if let Some(fault) = fault {
            let fault: mdd_sim::Rule = fault;
            sim.inject(fault).await;
        }
        let running = Running::start(folder.path(), &[("comfyui", &sim.url())]);
        switched_off_while(&running, "comfyui", wanted).await;
    }
    let sim = Sim::start("comfyui").await.unwrap();
    let running = Running::start(folder.path(), &[("comfyui", &sim.url())]);
    submit_slow_job(&running).await;
    switched_off_while(&running, "comfyui", Detail::Busy).await;
    running.until("comfyui", SOON, |view| view.detail == Detail::Busy).await;
    sim.inject(Fault::Freeze).await;
    switched_off_while(&running, "comfyui", Detail::Unresponsive).await;
    sim.stop().await;
    switched_off_while(&running, "comfyui", Detail::Waiting).await;
}

#[test]
fn a_dial_can_be_switched_off() {
    in_own_network("steps::a_dial_can_be_switched_off", async {
        let neighbour = Neighbour::join();
        neighbour.vanish();
        let folder = plugins(&["comfyui"]);
        let running = Running::start(folder.path(), &[("comfyui", &format!("http://{THERE}:8188"))]);
        switched_off_while(&running, "comfyui", Detail::Dial).await;
    });
}

#[tokio::test]
async fn an_address_that_no_rule_allows_is_not_even_dialled() {
    let folder = plugins(&["comfyui"]);
    let running = Running::start(folder.path(), &[("comfyui", "http://169.254.169.254:80")]);
    let refused = running.until("comfyui", SOON, |view| view.detail == Detail::Refused).await;
    assert_eq!(refused.reason.unwrap().code, "blocked-by-policy");
}

/// What is stopped while it works goes on working, and one that is killed while it is stopped is gone.
#[tokio::test]
async fn a_process_that_works_is_stopped_continued_and_killed() {
    let watched = Watched::start();
    let mut service = Service::simulated(watched.port);
    watched.until_connected().await;
    submit_slow_job(&watched.running).await;
    let is = |wanted: Detail| move |view: &BackendView| view.detail == wanted;
    watched.until(is(Detail::Busy)).await;
    service.signal(Signal::STOP);
    watched.until(is(Detail::Suspended)).await;
    service.signal(Signal::CONT);
    watched.until(is(Detail::Busy)).await;
    service.signal(Signal::STOP);
    watched.until(is(Detail::Suspended)).await;
    service.kill();
    watched.until(is(Detail::Waiting)).await;
}

#[tokio::test]
async fn a_process_with_a_part_missing_is_stopped_continued_and_switched_off() {
    let watched = Watched::start();
    let service = Service::simulated_with(watched.port, &["--fault", "ws-refuse"]);
    let is = |wanted: Detail| move |view: &BackendView| view.detail == wanted && view.process.is_some();
    watched.until(is(Detail::Degraded)).await;
    service.signal(Signal::STOP);
    watched.until(is(Detail::Suspended)).await;
    service.signal(Signal::CONT);
    watched.until(is(Detail::Degraded)).await;
    service.signal(Signal::STOP);
    watched.until(is(Detail::Suspended)).await;
    switched_off_while(&watched.running, "comfyui", Detail::Suspended).await;
    service.signal(Signal::CONT);
}

/// An answer that was on its way when the process was stopped is one all the same.
#[tokio::test]
async fn a_stopped_process_of_which_a_refusal_still_comes_is_refused() {
    let gate = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let watched = Watched::start();
    let service = Service::handed(watched.port, gate.local_addr().unwrap().port());
    let answered = async {
        loop {
            // Whoever asks and is told nothing has nothing to refuse.
            drop(gate.accept().await.unwrap());
        }
    };
    tokio::select! {
        () = answered => unreachable!("it goes on"),
        _connected = watched.until_connected() => {}
    }
    let (mut asked, _) = gate.accept().await.unwrap();
    service.signal(Signal::STOP);
    watched.until(|view| view.detail == Detail::Suspended).await;
    asked.write_all(b"-").await.unwrap();
    watched.until(|view| view.detail == Detail::Refused).await;
    service.signal(Signal::CONT);
}

#[tokio::test]
async fn a_silent_process_that_is_stopped_is_known_to_be() {
    let watched = Watched::start();
    let service = Service::single_threaded(watched.port, 0.0);
    watched.until_connected().await;
    let _sleep = service.ask("/sleep?30").await;
    watched.until(|view| view.detail == Detail::Unresponsive).await;
    service.signal(Signal::STOP);
    watched.until(|view| view.detail == Detail::Suspended).await;
    service.signal(Signal::CONT);
}

#[tokio::test]
async fn a_silent_process_that_begins_to_work_is_busy() {
    let watched = Watched::start();
    let service = Service::single_threaded(watched.port, 0.0);
    watched.until_connected().await;
    let _sleep = service.ask("/sleep?30").await;
    watched.until(|view| view.detail == Detail::Unresponsive).await;
    service.signal(Signal::USR1);
    watched.until(|view| view.detail == Detail::Busy).await;
}

#[tokio::test]
async fn a_silence_that_ends_shows_what_is_still_missing() {
    let sim = Sim::start(Options::new("comfyui").fault(Fault::SocketRefused)).await.unwrap();
    let folder = plugins(&["comfyui"]);
    let running = Running::start(folder.path(), &[("comfyui", &sim.url())]);
    let until = async |wanted: Detail| running.until("comfyui", SOON, |view| view.detail == wanted).await;
    until(Detail::Degraded).await;
    sim.inject(Fault::Hang).await;
    until(Detail::Unresponsive).await;
    sim.clear_faults().await;
    sim.inject(Fault::SocketRefused).await;
    until(Detail::Degraded).await;
}

/// A door that is closed behind a connected client: whatever it did, only its user can open it.
#[tokio::test]
async fn whatever_it_does_it_may_want_a_key() {
    const CLOSED: mdd_tests::Answer = (200, "application/json", r#"{"error": [6, ""]}"#);
    const WORKING: mdd_tests::Answer = (200, "application/json", r#"{"running": 1}"#);
    let folder = plugins(&["told", "comfyui"]);
    for (check, wanted) in [(FINE, Detail::Ready), (WORKING, Detail::Busy), (FINE, Detail::Unresponsive)] {
        let stub = Stub::start(&[("/check", check)], FINE).await;
        let running = Running::start(folder.path(), &[("told", &stub.url)]);
        if wanted == Detail::Unresponsive {
            running.until("told", SOON, |view| view.detail == Detail::Ready).await;
            stub.hold("/check");
        }
        running.until("told", SOON, |view| view.detail == wanted).await;
        stub.answer("/check", CLOSED);
        stub.let_go();
        let refused = running.until("told", SOON, |view| view.detail == Detail::Refused).await;
        assert_eq!(refused.reason.unwrap().code, "needs-key");
    }
    let answers = [("/system_stats", (200, "application/json", STATS)), ("/prompt", (200, "application/json", PROMPT))];
    let stub = Stub::start(&answers, (404, "text/plain", "")).await;
    let running = Running::start(folder.path(), &[("comfyui", &stub.url)]);
    running.until("comfyui", SOON, |view| view.detail == Detail::Degraded).await;
    stub.answer("/prompt", (401, "text/plain", "who are you"));
    let refused = running.until("comfyui", SOON, |view| view.detail == Detail::Refused).await;
    assert_eq!(refused.reason.unwrap().code, "needs-key");
}

#[tokio::test]
async fn a_key_that_is_refused_is_no_missing_one_and_is_told_with_its_place() {
    let answers =
        [("/system_stats", (200, "application/json", STATS)), ("/prompt", (401, "text/plain", "who are you"))];
    let stub = Stub::start(&answers, (404, "text/plain", "")).await;
    let folder = plugins(&["comfyui"]);
    let environment = [("COMFYUI_AUTHORIZATION", "Bearer canary")];
    let running = Running::with(folder.path(), &[("comfyui", &stub.url)], &environment);
    let is_told = |view: &BackendView| view.reason.as_ref().is_some_and(|reason| reason.code == "key-refused");
    let reason = running.until("comfyui", SOON, is_told).await.reason.unwrap();
    assert!(reason.observation.ends_with("the key comes from the variable COMFYUI_AUTHORIZATION"), "{reason:?}");
    assert!(running.host.snapshot().summary.sentence.contains("does not accept the key"));
}

/// Who needs its user is asked again every half minute, and may be right by then, or gone.
#[tokio::test]
async fn a_stranger_is_asked_again_and_may_be_another_one_by_then() {
    let folder = plugins(&["comfyui"]);
    let strangers = [Stub::start(&[], (404, "text/plain", "")).await, Stub::start(&[], (404, "text/plain", "")).await];
    let running = strangers.each_ref().map(|stub| Running::start(folder.path(), &[("comfyui", &stub.url)]));
    for running in &running {
        running.until("comfyui", SOON, |view| view.detail == Detail::Refused).await;
    }
    let [right, gone] = strangers;
    right.answer("/system_stats", (200, "application/json", STATS));
    right.answer("/prompt", (200, "application/json", PROMPT));
    drop(gone);
    running[0].until("comfyui", SOON, |view| view.detail == Detail::Degraded).await;
    running[1].until("comfyui", SOON, |view| view.detail == Detail::Waiting).await;
}

#[tokio::test]
async fn a_driver_that_fails_while_it_opens_the_live_updates_is_made_anew() {
    let folder = plugins(&["told"]);
    let stub = Stub::start(&[("/watch", (200, "application/json", r#"{"error": [12, ""]}"#))], FINE).await;
    let running = Running::start(folder.path(), &[("told", &stub.url)]);
    let waiting = running.until("told", SOON, |view| view.detail == Detail::Waiting && view.attempt > 1).await;
    assert_eq!(waiting.reason.unwrap().code, "host-fault");
    stub.answer("/watch", FINE);
    running.until("told", SOON, |view| view.detail == Detail::Ready).await;
}

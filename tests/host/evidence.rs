//! What the operating system says of a service that does not answer: busy, unresponsive, suspended and gone are apart.

use crate::{
    steps::submit_slow_job,
    watched::{SOON, Service, Watched, free_port},
};
use mdd_core::{
    events::{BackendView, Change, Detail, JobState, NoticeSeverity, Snapshot, StateName, Update},
    metrics::Format,
};
use mdd_tests::{checks, eventually};
use rustix::process::Signal;
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_killed_process_is_said_to_have_exited() {
    let watched = Watched::start();
    let mut service = Service::simulated(watched.port);
    let connected = watched.until_connected().await;
    assert_eq!(connected.process.unwrap().pid, service.pid());
    service.kill();
    let gone = watched.until_code("process-exited").await;
    assert_ne!(gone.state, StateName::Connected);
    let observation = gone.reason.unwrap().observation;
    assert_eq!(observation, format!("process {} of port {} has exited", service.pid(), watched.port));
    // Why, nobody knows: it is not our child.
    assert!(!observation.contains("crash") && !observation.contains("signal"));
    let _again = Service::simulated(watched.port);
    let back = watched.until(|view| view.state == StateName::Connected).await;
    assert_eq!(back.reconnects, 1);
    assert!(back.last_errors.iter().any(|error| error.code == "process-exited"), "{:?}", back.last_errors);
    assert!(back.uptime.unwrap().session < 1.0);
}

/// A service that was connected and is stopped, and what is shown of it.
async fn suspended() -> (Watched, Service, BackendView) {
    let watched = Watched::start();
    let service = Service::simulated(watched.port);
    watched.until_connected().await;
    service.signal(Signal::STOP);
    let shown = watched.until(|view| view.detail == Detail::Suspended).await;
    (watched, service, shown)
}

#[tokio::test]
async fn a_stopped_process_is_suspended_and_comes_back() {
    let (watched, service, suspended) = suspended().await;
    let reason = suspended.reason.unwrap();
    assert_eq!((suspended.state, reason.code.as_str()), (StateName::Connected, "suspended"));
    let remedy = &reason.remedies[0];
    let command = format!("kill -CONT {}", service.pid());
    assert_eq!((remedy.action.as_str(), remedy.argument.as_deref()), ("continue-process", Some(command.as_str())));
    // Word for word what the user is told to do.
    let mut words = command.split(' ');
    let status = std::process::Command::new(words.next().unwrap()).args(words).status().unwrap();
    assert!(status.success());
    let back = watched.until(|view| view.detail == Detail::Ready).await;
    assert_eq!(back.reconnects, 0, "it was never lost");
    assert_eq!(back.last_errors.last().unwrap().code, "suspended");
}

#[tokio::test]
async fn a_process_that_is_killed_while_it_is_stopped_is_of_no_use_in_between() {
    let (watched, mut service, _) = suspended().await;
    let mut news = watched.running.host.subscribe();
    service.kill();
    let mut details = Vec::new();
    while details.last() != Some(&Detail::Waiting) {
        let update = tokio::time::timeout(crate::watched::SOON, news.next()).await.unwrap();
        let Update::Changes { changes, .. } = update else { continue };
        details.extend(changes.into_iter().filter_map(|change| match change.change {
            Change::Backend(view) => Some(view.detail),
            _ => None,
        }));
    }
    details.dedup();
    assert!(matches!(details[..], [Detail::Waiting] | [Detail::Suspended, Detail::Waiting]), "{details:?}");
}

#[tokio::test]
async fn ac_09_a_blocked_event_loop_is_busy_and_not_dead() {
    let watched = Watched::start();
    let service = Service::single_threaded(watched.port, 0.0);
    watched.until_connected().await;
    let _work = service.ask("/work?20").await;
    let begun = Instant::now();
    let busy = watched.until_code("busy-silent").await;
    assert_eq!((busy.state, busy.detail), (StateName::Connected, Detail::Busy));
    let over = watched.until(|view| view.reason.as_ref().is_none_or(|reason| reason.code != "busy-silent")).await;
    assert!(begun.elapsed() >= Duration::from_secs(15), "it was busy for 20 s");
    assert_eq!((over.state, over.reconnects), (StateName::Connected, 0));
    assert!(over.last_errors.iter().all(|error| error.code != "stopped-answering"), "{:?}", over.last_errors);
}

/// Who works may be another process than the one that opened the port, and may use a disk instead of a processor.
#[tokio::test]
async fn whoever_works_for_the_service_makes_it_busy() {
    for (target, forked) in [("/work?30", true), ("/child?30", false), ("/read?30", false)] {
        let watched = Watched::start();
        let service = if forked { Service::forked(watched.port) } else { Service::single_threaded(watched.port, 0.0) };
        watched.until_connected().await;
        let _work = service.ask(target).await;
        let silent = watched.until(|view| view.reason.is_some() && view.detail != Detail::Degraded).await;
        assert_eq!(silent.reason.unwrap().code, "busy-silent", "{target}: {}", silent.detail);
    }
}

/// While the process that opened the port is stopped, a child of it still answers.
#[tokio::test]
async fn a_process_is_not_suspended_while_another_one_answers_in_its_place() {
    let watched = Watched::start();
    let service = Service::forked(watched.port);
    watched.until_connected().await;
    service.signal(Signal::STOP);
    let begun = Instant::now();
    let well = watched.until(|view| view.detail == Detail::Suspended || begun.elapsed() > Duration::from_secs(8)).await;
    assert_ne!(well.detail, Detail::Suspended);
    service.signal(Signal::CONT);
}

/// Some servers let each of their processes listen at the same port with a socket of its own.
#[tokio::test]
async fn processes_that_share_a_port_are_one_service_and_answer_for_each_other() {
    let shared = free_port();
    let url = format!("http://127.0.0.1:{shared}");
    let mut both = Vec::new();
    for _ in 0..2 {
        let own = free_port();
        let service = Service::with_doors(&[("127.0.0.1", shared), ("127.0.0.1", own)]);
        let begun = Instant::now();
        // Its own door opens after the shared one.
        while tokio::net::TcpStream::connect(("127.0.0.1", own)).await.is_err() {
            assert!(begun.elapsed() < SOON, "it does not listen");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        both.push(service);
    }
    both.sort_by_key(Service::pid);
    let plugins = mdd_tests::plugins(&["comfyui"]);
    let running = mdd_tests::Running::start(plugins.path(), &[("comfyui", &url)]);
    let until = async |wanted: &dyn Fn(&BackendView) -> bool| running.until("comfyui", SOON, wanted).await;
    let serves = |view: &BackendView, pid| view.process.as_ref().is_some_and(|process| process.pid == pid);
    let (old, new) = (both[0].pid(), both[1].pid());
    until(&|view| view.state == StateName::Connected && serves(view, old)).await;
    both[0].signal(Signal::STOP);
    let begun = Instant::now();
    let seen = until(&|view| view.detail == Detail::Suspended || begun.elapsed() > Duration::from_secs(4)).await;
    assert_ne!(seen.detail, Detail::Suspended, "the other one answers");
    // A question that lies with a process when it is killed is reset, and a loss.
    both[0].signal(Signal::CONT);
    let answered = || checks(&running.host.metrics(Format::OpenMetrics), &seen.id)["answered"];
    let before = answered();
    until(&|_| answered() >= before + 2).await;
    both[0].kill();
    let after = until(&|view| view.state == StateName::Connected && serves(view, new)).await;
    assert_eq!(after.reconnects, 0);
}

/// Nobody sees who serves it, so it may be at work: that it still accepts connections is what counts.
#[tokio::test]
async fn what_is_silent_and_cannot_be_seen_is_unresponsive_and_not_lost() {
    // In the process of the host.
    let sim = mdd_sim::Sim::start("comfyui").await.unwrap();
    let plugins = mdd_tests::plugins(&["comfyui"]);
    let running = mdd_tests::Running::start(plugins.path(), &[("comfyui", &sim.url())]);
    let until = async |wanted: &dyn Fn(&BackendView) -> bool| running.until("comfyui", SOON, wanted).await;
    until(&|view| view.detail == Detail::Ready && view.devices.is_some()).await;
    sim.inject(mdd_sim::Fault::Freeze).await;
    until(&|view| view.detail == Detail::Unresponsive).await;
    let begun = Instant::now();
    let later = until(&|view| view.state != StateName::Connected || begun.elapsed() > Duration::from_secs(45)).await;
    assert_eq!((later.state, later.detail), (StateName::Connected, Detail::Unresponsive));
    sim.clear_faults().await;
    let back = until(&|view| view.detail == Detail::Ready).await;
    assert_eq!(back.reconnects, 0);
    sim.inject(mdd_sim::Fault::Freeze).await;
    until(&|view| view.detail == Detail::Unresponsive).await;
    sim.stop().await;
    until(&|view| view.state == StateName::Disconnected).await;
}

#[tokio::test]
async fn a_process_that_does_nothing_and_does_not_answer_is_unresponsive() {
    let watched = Watched::start();
    let service = Service::single_threaded(watched.port, 0.0);
    watched.until_connected().await;
    let _sleep = service.ask("/sleep?20").await;
    let hung = watched.until(|view| view.detail == Detail::Unresponsive).await;
    assert_eq!((hung.state, hung.reason.unwrap().code.as_str()), (StateName::Connected, "no-answer"));
    let back = watched.until(|view| view.state == StateName::Connected && view.detail != Detail::Unresponsive).await;
    assert_eq!(back.reconnects, 0, "it came back within half a minute");
}

#[tokio::test]
async fn a_process_that_does_nothing_for_half_a_minute_is_given_up() {
    let watched = Watched::start();
    let service = Service::single_threaded(watched.port, 0.0);
    watched.until_connected().await;
    let _sleep = service.ask("/sleep?120").await;
    let given_up = watched.until_code("stopped-answering").await;
    assert_eq!(given_up.state, StateName::Disconnected);
}

#[tokio::test]
async fn ac_10_a_restart_outside_is_noticed() {
    let watched = Watched::start();
    let mut first = Service::simulated(watched.port);
    let before = watched.until_connected().await.process.unwrap();
    first.kill();
    let second = Service::simulated(watched.port);
    let pid = second.pid();
    let after = watched.until(|view| view.process.as_ref().is_some_and(|process| process.pid == pid)).await;
    assert_eq!(after.state, StateName::Connected);
    assert_ne!(after.process.unwrap(), before);
}

#[tokio::test]
async fn ac_25_a_slow_start_is_no_failure() {
    let watched = Watched::start();
    watched.until_code("connection-refused").await;
    let _service = Service::single_threaded(watched.port, 12.0);
    let starting = watched.until_code("starting").await;
    let observation = starting.reason.unwrap().observation;
    assert!(observation.contains("is open: for ") && observation.contains("503"), "{observation}");
    let summary = watched.running.host.snapshot().summary;
    assert_eq!(summary.severity, mdd_core::health::Severity::Attention, "{}", summary.sentence);
    assert!(summary.sentence.contains("ComfyUI is starting"), "{}", summary.sentence);
    watched.until_connected().await;
}

#[tokio::test]
async fn ac_24_a_loss_and_a_return_are_one_sentence_each() {
    let watched = Watched::start();
    let mut service = Service::simulated(watched.port);
    watched.until_connected().await;
    service.kill();
    let told = |text: &'static str| {
        move |snapshot: &Snapshot| snapshot.notices.iter().find(|notice| notice.text.contains(text)).cloned()
    };
    let host = &watched.running.host;
    let lost = mdd_tests::eventually(host, crate::watched::SOON, told("ComfyUI is not available")).await;
    assert_eq!(lost.severity, NoticeSeverity::Problem);
    assert!(lost.text.contains("has exited"), "{}", lost.text);
    let _again = Service::simulated(watched.port);
    let back = mdd_tests::eventually(host, crate::watched::SOON, told("ComfyUI is back after")).await;
    assert_eq!(back.severity, NoticeSeverity::Info);
    let notices = host.snapshot().notices;
    assert_eq!(notices.iter().filter(|notice| notice.backend.is_some()).count(), 2, "{notices:?}");
}

#[tokio::test]
async fn whoever_is_stopped_is_given_no_job() {
    let (watched, service, _) = suspended().await;
    submit_slow_job(&watched.running).await;
    let why = |state, code: &'static str| {
        move |snapshot: &Snapshot| {
            let job = snapshot.jobs.iter().find(|job| job.id == "slow")?;
            let is_so = job.state == state && job.reason.as_ref().map_or("", |reason| &reason.code) == code;
            is_so.then_some(())
        }
    };
    eventually(&watched.running.host, SOON, why(JobState::Queued, "suspended")).await;
    service.signal(Signal::CONT);
    eventually(&watched.running.host, SOON, why(JobState::Running, "")).await;
}

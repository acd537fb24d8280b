//! The same through a host: its journal, its dispatcher and its rules for running again.

use crate::{PATIENCE, comfyui};
use mdd_core::{
    Host,
    events::{JobState, JobView, Snapshot},
    jobs::{FileSource, Submission, Target},
};
use mdd_sim::{Fault, JobState as Remote, Ledger, Options, Sim};
use mdd_tests::{Running, eventually, plugins, provoked};
use serde_json::{Value, json};
use std::path::Path;
use tokio::time::timeout;

const BOTH: [&str; 2] = ["comfyui", "litellm"];

async fn submit(host: &Host, id: &str, kind: &str, payload: Value, files: Vec<FileSource>) {
    let target = Target::Kind(kind.to_owned());
    let submission = Submission { id: id.to_owned(), target, operation: None, payload, files };
    host.jobs().submit(submission).await.unwrap();
}

async fn end(host: &Host, id: &str) -> JobView {
    let end = timeout(PATIENCE, host.jobs().wait(id)).await;
    end.unwrap_or_else(|_| panic!("it did not end in time: {:#?}", host.jobs().show(id))).unwrap()
}

/// Waits until the job is as wanted.
async fn until(host: &Host, id: &str, wanted: impl Fn(&JobView) -> bool) -> JobView {
    eventually(host, PATIENCE, |_| host.jobs().show(id).filter(|job| wanted(job))).await
}

fn only_result(job: &JobView) -> Vec<u8> {
    assert_eq!(job.results.len(), 1, "{job:#?}");
    std::fs::read(&job.results[0].path).unwrap()
}

fn chat(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "hi"}]})
}

#[tokio::test]
async fn a_workflow_with_a_file_and_a_chat_from_end_to_end() {
    let folder = plugins(&BOTH);
    for version in comfyui::VERSIONS {
        let (comfy, lite) = (comfyui::sim(version).await, Sim::start("litellm").await.unwrap());
        let running = Running::start(folder.path(), &[("comfyui", &comfy.url()), ("litellm", &lite.url())]);
        let host = &running.host;
        submit(host, "first", "comfyui", comfyui::slow(1, 5), Vec::new()).await;
        let first = end(host, "first").await;
        assert_eq!((first.state, first.attempt), (JobState::Done, 1), "{first:#?}");
        assert!(first.previews > 0 && first.progress.is_some(), "{version}: {first:#?}");
        let made = only_result(&first);
        assert!(made.starts_with(b"\x89PNG"));
        let file = FileSource { name: "ref".to_owned(), path: Path::new(&first.results[0].path).to_owned() };
        submit(host, "second", "comfyui", comfyui::copied(), vec![file]).await;
        assert_eq!(only_result(&end(host, "second").await), made);
        submit(host, "chat", "litellm", chat("mock-gpt"), Vec::new()).await;
        let chat = end(host, "chat").await;
        assert_eq!(chat.state, JobState::Done, "{chat:#?}");
        assert_eq!(chat.text.as_deref(), Some("Hello from the mock model."));
        assert_eq!((comfy.ledger().jobs.len(), comfy.ledger().uploads.len(), lite.ledger().jobs.len()), (2, 1, 1));
    }
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_middle_costs_nothing() {
    let folder = plugins(&BOTH);
    let sim = comfyui::sim("0.33.0").await;
    let running = Running::start(folder.path(), &[("comfyui", &sim.url())]);
    submit(&running.host, "a", "comfyui", comfyui::slow(1, 30), Vec::new()).await;
    until(&running.host, "a", |job| job.progress.is_some()).await;
    sim.stop().await;
    sim.wait_for(|ledger| ledger.jobs[0].state == Remote::Finished, PATIENCE).await.unwrap();
    sim.start_again().await.unwrap();
    let job = end(&running.host, "a").await;
    assert_eq!((job.state, job.attempt), (JobState::Done, 1), "{job:#?}");
    only_result(&job);
    assert_eq!((sim.ledger().jobs.len(), sim.ledger().jobs[0].runs), (1, 1));
}

#[tokio::test]
async fn an_answer_that_was_cut_leaves_one_run() {
    let folder = plugins(&BOTH);
    for version in comfyui::VERSIONS {
        let sim = Sim::start(Options::new("comfyui").version(version).fault(Fault::CutAnswer.times(1))).await.unwrap();
        let running = Running::start(folder.path(), &[("comfyui", &sim.url())]);
        submit(&running.host, "a", "comfyui", comfyui::picture(1), Vec::new()).await;
        let job = end(&running.host, "a").await;
        assert_eq!((job.state, job.attempt), (JobState::Done, 1), "{version}: {job:#?}");
        assert_eq!((sim.ledger().jobs.len(), sim.ledger().jobs[0].runs), (1, 1), "{version}");
    }
}

#[tokio::test]
async fn what_never_arrived_is_sent_again_as_another_attempt() {
    let folder = plugins(&BOTH);
    let sim = comfyui::sim("0.33.0").await;
    let running = Running::start(folder.path(), &[("comfyui", &sim.url())]);
    running.until("comfyui", PATIENCE, |backend| backend.models.is_some()).await;
    sim.inject(Fault::Reset.on("/prompt").times(1)).await;
    submit(&running.host, "a", "comfyui", comfyui::picture(1), Vec::new()).await;
    let job = end(&running.host, "a").await;
    assert_eq!((job.state, job.attempt), (JobState::Done, 2), "{job:#?}");
    assert_eq!(sim.ledger().jobs.len(), 1, "{job:#?}");
}

#[tokio::test]
async fn a_restart_of_the_server_loses_its_jobs_and_only_those() {
    let folder = plugins(&BOTH);
    let sim = comfyui::sim("0.33.0").await;
    let running = Running::start(folder.path(), &[("comfyui", &sim.url())]);
    submit(&running.host, "a", "comfyui", comfyui::slow(1, 6000), Vec::new()).await;
    submit(&running.host, "b", "comfyui", comfyui::picture(2), Vec::new()).await;
    until(&running.host, "a", |job| job.progress.is_some()).await;
    sim.restart().await.unwrap();
    let lost = end(&running.host, "a").await;
    assert_eq!((lost.state, lost.reason.unwrap().code.as_str()), (JobState::Lost, "comfyui.job-lost"));
    assert_eq!(end(&running.host, "b").await.state, JobState::Done);
    assert_eq!(sim.ledger().jobs.len(), 2);
}

#[tokio::test]
async fn the_end_of_a_host_is_no_end_of_its_jobs() {
    let folder = plugins(&BOTH);
    let sim = comfyui::sim("0.33.0").await;
    let running = Running::start(folder.path(), &[("comfyui", &sim.url())]);
    submit(&running.host, "a", "comfyui", comfyui::slow(1, 20), Vec::new()).await;
    until(&running.host, "a", |job| job.progress.is_some()).await;
    drop(running);
    sim.wait_for(|ledger| ledger.jobs[0].state == Remote::Finished, PATIENCE).await.unwrap();
}

#[tokio::test]
async fn jobs_are_cancelled_while_they_wait_here_wait_there_and_run() {
    let folder = plugins(&BOTH);
    for version in comfyui::VERSIONS {
        let sim = comfyui::sim(version).await;
        let running = Running::start(folder.path(), &[("comfyui", &sim.url())]);
        let host = &running.host;
        submit(host, "running", "comfyui", comfyui::slow(1, 6000), Vec::new()).await;
        until(host, "running", |job| job.progress.is_some()).await;
        submit(host, "here", "comfyui", comfyui::picture(2), Vec::new()).await;
        assert_eq!(host.jobs().cancel("here").await.unwrap().state, JobState::Cancelled);
        let cancelled = host.jobs().cancel("running").await.unwrap();
        assert_eq!((cancelled.state, cancelled.remote_still_running), (JobState::Cancelled, false), "{version}");
        let theirs = comfyui::others::submit(&sim, &comfyui::slow(3, 6000)).await;
        submit(host, "there", "comfyui", comfyui::picture(4), Vec::new()).await;
        until(host, "there", |job| job.queue_place == Some(0)).await;
        assert_eq!(host.jobs().cancel("there").await.unwrap().state, JobState::Cancelled);
        let ledger = sim.ledger();
        let states: Vec<Remote> = ledger.jobs.iter().map(|job| job.state).collect();
        assert_eq!(states, [Remote::Cancelled, Remote::Started, Remote::Cancelled], "{version}");
        assert_eq!(ledger.jobs[1].prompt_id, theirs);
    }
}

#[tokio::test]
async fn a_refused_workflow_says_why_and_what_helps() {
    let folder = plugins(&BOTH);
    let sim = comfyui::sim("0.33.0").await;
    let running = Running::start(folder.path(), &[("comfyui", &sim.url())]);
    let workflow = json!({"1": {"class_type": "Nowhere", "inputs": {}}});
    submit(&running.host, "a", "comfyui", workflow, Vec::new()).await;
    let job = end(&running.host, "a").await;
    assert_eq!(job.state, JobState::Failed);
    let reason = job.reason.unwrap();
    assert_eq!(reason.code, "comfyui.missing-node");
    assert!(reason.observation.contains("Node 'Nowhere' not found."), "{}", reason.observation);
    assert!(reason.meaning.contains("custom node pack") && reason.remedies.len() == 2, "{reason:#?}");
}

#[tokio::test]
async fn a_chat_keeps_what_came_and_blocks_nobody() {
    let folder = plugins(&BOTH);
    let sim = Sim::start("litellm").await.unwrap();
    let running = Running::start(folder.path(), &[("litellm", &sim.url())]);
    let host = &running.host;
    running.until("litellm", PATIENCE, |backend| backend.models.is_some()).await;
    submit(host, "slow", "litellm", chat("slow"), Vec::new()).await;
    until(host, "slow", |job| job.text.is_some()).await;
    submit(host, "dies", "litellm", chat("midfail"), Vec::new()).await;
    let dies = end(host, "dies").await;
    assert_eq!((dies.state, dies.text.as_deref()), (JobState::Failed, Some("t0 t1 t2 ")), "{dies:#?}");
    assert_eq!(dies.reason.unwrap().code, "litellm.provider-failed");
    sim.inject(Fault::Drop.on("/v1/chat/completions").times(1)).await;
    submit(host, "unknown", "litellm", chat("mock-gpt"), Vec::new()).await;
    let unknown = end(host, "unknown").await;
    assert_eq!((unknown.state, unknown.reason.unwrap().code.as_str()), (JobState::Unknown, "litellm.answer-lost"));
    host.jobs().resubmit("unknown").await.unwrap();
    assert_eq!(end(host, "unknown").await.state, JobState::Done);
    let cancelled = host.jobs().cancel("slow").await.unwrap();
    assert_eq!(cancelled.state, JobState::Cancelled);
    assert!(cancelled.text.is_some_and(|text| !text.is_empty()));
    let ended = |ledger: &Ledger| ledger.jobs[0].state == Remote::Cancelled;
    sim.wait_for(ended, PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_rate_limit_is_waited_out() {
    let folder = plugins(&BOTH);
    let sim = Sim::start("litellm").await.unwrap();
    let running = Running::start(folder.path(), &[("litellm", &sim.url())]);
    submit(&running.host, "a", "litellm", chat("ratelimit"), Vec::new()).await;
    let waiting = |job: &JobView| job.reason.as_ref().is_some_and(|reason| reason.code == "litellm.rate-limited");
    let job = until(&running.host, "a", waiting).await;
    assert_eq!((job.state, job.attempt), (JobState::Queued, 1), "{job:#?}");
    assert_eq!(running.host.jobs().cancel("a").await.unwrap().state, JobState::Cancelled);
}

/// The default of a kind comes first as long as it is there, and nobody waits for it when it is not.
#[tokio::test]
async fn the_default_of_a_kind_gets_its_jobs_while_it_is_connected() {
    let folder = plugins(&BOTH);
    let sims = [comfyui::sim("0.33.0").await, comfyui::sim("0.33.0").await];
    let urls = sims.each_ref().map(Sim::url);
    let running = Running::start(folder.path(), &[("comfyui", &urls[0]), ("comfyui", &urls[1])]);
    let host = &running.host;
    let is_up = |snapshot: &Snapshot, id: &str| {
        snapshot.backends.iter().any(|backend| backend.id == id && backend.models.is_some() && backend.attempt == 0)
    };
    let ids = urls.each_ref().map(|url| url.replace("http://", "comfyui@"));
    eventually(host, PATIENCE, |snapshot| ids.iter().all(|id| is_up(snapshot, id)).then_some(())).await;
    let mut number = 0;
    let mut goes_to = async || {
        number += 1;
        let id = number.to_string();
        submit(host, &id, "comfyui", comfyui::picture(number), Vec::new()).await;
        end(host, &id).await.backend.unwrap()
    };
    for (default, other) in [(0, 1), (1, 0)] {
        host.default_backend(&ids[default]).unwrap();
        assert_eq!(goes_to().await, ids[default]);
        sims[default].stop().await;
        eventually(host, PATIENCE, |snapshot| (!is_up(snapshot, &ids[default])).then_some(())).await;
        assert_eq!(goes_to().await, ids[other], "the default is away");
        sims[default].start_again().await.unwrap();
        host.refresh();
        eventually(host, PATIENCE, |snapshot| is_up(snapshot, &ids[default]).then_some(())).await;
        assert_eq!(goes_to().await, ids[default], "the default is back");
    }
}

/// A setting of another time counts at once.
#[tokio::test]
async fn how_many_jobs_are_kept_is_a_setting() {
    let folder = plugins(&BOTH);
    let sim = Sim::start("litellm").await.unwrap();
    let running = Running::start(folder.path(), &[("litellm", &sim.url())]);
    let host = &running.host;
    for id in ["a", "b", "c"] {
        submit(host, id, "litellm", chat("mock-gpt"), Vec::new()).await;
        assert_eq!(end(host, id).await.state, JobState::Done);
    }
    assert_eq!(host.jobs().list().len(), 3);
    let view = host.set_config("jobs.keep_count", &json!(1)).unwrap();
    assert!(view.values.iter().any(|value| value.key == "jobs.keep_count" && value.value == json!(1)));
    eventually(host, PATIENCE, |snapshot| (snapshot.jobs.len() == 1).then_some(())).await;
    assert_eq!(host.jobs().list()[0].id, "c");
}

/// Whatever is wrong with a submission, or with a wish for a job, is told by a code, and nothing of it is kept.
#[tokio::test]
async fn every_refusal_of_a_submission_has_its_code() {
    let folder = plugins(&["rvc", "litellm"]);
    let sim = Sim::start("rvc-python").await.unwrap();
    let running = Running::start(folder.path(), &[("rvc", &sim.url())]);
    let (host, home) = (&running.host, tempfile::tempdir().unwrap());
    let voice = home.path().join("voice.wav");
    std::fs::write(&voice, b"RIFF").unwrap();
    let kind = || Target::Kind("rvc".to_owned());
    let good = Submission {
        id: "good".to_owned(),
        target: kind(),
        operation: None,
        payload: json!({"voice": "alice", "audio": "mdd-file:voice"}),
        files: vec![FileSource { name: "voice".to_owned(), path: voice.clone() }],
    };
    let file = |name: &str, path: &Path| FileSource { name: name.to_owned(), path: path.to_owned() };
    let nowhere = || Target::Backend("rvc@nowhere".to_owned());
    for (wish, code) in [
        (Submission { id: "so/so".to_owned(), ..good.clone() }, "bad-id"),
        (Submission { target: Target::Kind("radio".to_owned()), ..good.clone() }, "unknown-kind"),
        (Submission { target: nowhere(), ..good.clone() }, "unknown-backend"),
        (Submission { operation: Some("sing".to_owned()), ..good.clone() }, "unknown-operation"),
        (Submission { payload: json!({"voice": "alice"}), files: vec![], ..good.clone() }, "bad-payload"),
        (Submission { files: vec![], ..good.clone() }, "missing-file"),
        (Submission { files: vec![file("voice", &voice), file("voice", &voice)], ..good.clone() }, "extra-file"),
        (Submission { target: Target::Kind("litellm".to_owned()), payload: chat("x"), ..good.clone() }, "unknown-file"),
        (Submission { files: vec![file("voice", &home.path().join("none"))], ..good.clone() }, "unreadable-file"),
    ] {
        let error = host.jobs().submit(wish).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        provoked::code(error.code());
    }
    assert!(host.jobs().list().is_empty());
    host.jobs().submit(good.clone()).await.unwrap();
    let other = Submission { payload: json!({"voice": "bob", "audio": "mdd-file:voice"}), ..good.clone() };
    provoked::code(host.jobs().submit(other).await.unwrap_err().code());
    provoked::code(host.jobs().discard("good", false).await.unwrap_err().code());
    assert_eq!(end(host, "good").await.state, JobState::Done);
    provoked::code(host.jobs().retry("good").await.unwrap_err().code());
    provoked::code(host.jobs().retry("nobody").await.unwrap_err().code());
    host.jobs().close();
    let late = Submission { id: "late".to_owned(), ..good };
    let error = host.jobs().submit(late.clone()).await.unwrap_err();
    assert_eq!(error.code(), "host-ending");
    provoked::code(error.code());
    // Below a file there is no folder.
    let taken = voice.join("jobs").display().to_string();
    let running = Running::with(folder.path(), &[("rvc", &sim.url())], &[("MDD_JOBS_DIR", &taken)]);
    let error = running.host.jobs().submit(late).await.unwrap_err();
    assert_eq!(error.code(), "no-folder");
    provoked::code(error.code());
}

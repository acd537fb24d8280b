//! The laws of `run` in every generation.

use super::{at, generate, is_3, sim, versions};
use crate::{
    PATIENCE,
    port::unwritable,
    run::{Run, resumed},
};
use mdd_driver_api::{Effect, ErrorKind, Stage, model::OutcomeStatus};
use mdd_sim::{JobState, Sim};
use std::sync::{Arc, Mutex};

/// How many requests could have started work.
fn jobs(sim: &Sim) -> usize {
    sim.ledger().jobs.len()
}

#[tokio::test]
async fn law_1_nothing_is_sent_before_it_is_written_down() {
    for version in versions() {
        let sim = Arc::new(sim("gradio", version).await);
        let subject = at("any-gradio", &sim).await;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (watched, writes) = (sim.clone(), seen.clone());
        let run = Run::hooked(&subject, generate("generate", 0.1), move |stage| {
            writes.lock().unwrap().push((stage, jobs(&watched)));
            Ok(())
        });
        assert_eq!(run.outcome().await.0.status, OutcomeStatus::Done, "{version}");
        assert_eq!(seen.lock().unwrap()[0], (Stage::SENT, 0), "{version}");
        assert_eq!(seen.lock().unwrap()[1].1, 1, "{version}");
    }
}

#[tokio::test]
async fn law_1_what_cannot_be_written_down_is_not_sent() {
    for version in versions() {
        let sim = sim("gradio", version).await;
        let subject = at("any-gradio", &sim).await;
        let refuse = |stage| if stage == Stage::SENT { Err(unwritable()) } else { Ok(()) };
        let error = Run::hooked(&subject, generate("generate", 0.1), refuse).error().await;
        assert_eq!((error.kind, error.effect), (ErrorKind::HOST, Effect::NONE), "{version}");
        assert_eq!(jobs(&sim), 0, "{version}");
    }
}

#[tokio::test]
async fn a_cancel_before_anything_sends_nothing() {
    for version in versions() {
        let sim = sim("gradio", version).await;
        let subject = at("any-gradio", &sim).await;
        let (outcome, port) = Run::cancelled(&subject, generate("generate", 0.1)).outcome().await;
        assert_eq!(outcome.status, OutcomeStatus::Cancelled, "{version}");
        assert!(port.notes().checkpoints.is_empty());
        let held = Run::held(&subject, generate("generate", 0.1));
        held.port.until_asked(Stage::SENT).await;
        held.port.cancel();
        held.port.release();
        assert_eq!(held.outcome().await.0.status, OutcomeStatus::Cancelled, "{version}");
        assert_eq!(jobs(&sim), 0, "{version}");
    }
}

#[tokio::test]
async fn law_2_letting_go_asks_the_app_for_nothing_and_the_end_is_unknown() {
    for version in versions() {
        let sim = sim("gradio", version).await;
        let subject = at("any-gradio", &sim).await;
        let run = Run::start(&subject, generate("generate", 1.0));
        let noted = run.port.until_stage(Stage::RUNNING).await;
        let left = resumed(run.detach().await, &noted, Some(true));
        sim.wait_for(|ledger| ledger.jobs[0].state.is_final(), PATIENCE).await.unwrap();
        assert_eq!(sim.ledger().jobs[0].state, JobState::Finished, "{version}: a plain function runs to its end");
        let asked = sim.ledger().requests.into_iter().filter(|request| request.method == "POST").count();
        assert_eq!(asked, usize::from(!is_3(version)), "{version}: only the call itself was posted");
        let (outcome, _) = Run::start(&at("any-gradio", &sim).await, left).outcome().await;
        assert_eq!(outcome.status, OutcomeStatus::Unknown, "{version}: {outcome:?}");
        assert_eq!(outcome.problem.unwrap().code, "any-gradio.connection-lost", "{version}");
        assert!(outcome.remote_still_running);
        assert_eq!(jobs(&sim), 1, "{version}: it is not sent again");
    }
}

#[tokio::test]
async fn law_4_a_restart_loses_what_was_taken_and_sends_again_what_was_not() {
    for version in versions() {
        let sim = sim("gradio", version).await;
        let subject = at("any-gradio", &sim).await;
        subject.check().await.unwrap();
        let run = Run::start(&subject, generate("generate", 60.0));
        let running = run.port.until_stage(Stage::RUNNING).await;
        let sent = run.port.until_stage(Stage::SENT).await;
        sim.restart().await.unwrap();
        let attempt = run.attempt.clone();
        let error = run.error().await;
        assert_eq!((error.kind, error.effect), (ErrorKind::TRANSPORT, Effect::UNKNOWN), "{version}: {error:?}");
        // 3.14 tells no start from another, so the host has to.
        let same_boot = (*version == "3.14.0").then_some(false);
        let (outcome, _) = Run::start(&subject, resumed(attempt.clone(), &running, same_boot)).outcome().await;
        assert_eq!(outcome.status, OutcomeStatus::Lost, "{version}: {outcome:?}");
        assert_eq!(
            (outcome.problem.unwrap().code.as_str(), outcome.remote_still_running),
            ("any-gradio.job-lost", false)
        );
        let error = Run::start(&subject, resumed(attempt, &sent, same_boot)).error().await;
        assert_eq!((error.kind, error.effect), (ErrorKind::TRANSPORT, Effect::NONE), "{version}: {error:?}");
        assert_eq!(error.code, "any-gradio.not-accepted");
    }
}

#[tokio::test]
async fn law_5_an_app_that_is_gone_is_waited_for() {
    for version in versions() {
        let sim = sim("gradio", version).await;
        let subject = at("any-gradio", &sim).await;
        // 3.34 tells which start it is only when it is asked for it.
        subject.check().await.unwrap();
        let run = Run::start(&subject, generate("generate", 60.0));
        let noted = run.port.until_stage(Stage::RUNNING).await;
        let attempt = run.attempt.clone();
        sim.stop().await;
        let error = run.error().await;
        assert_eq!((error.kind, error.effect), (ErrorKind::TRANSPORT, Effect::UNKNOWN), "{version}: {error:?}");
        let error = Run::start(&subject, resumed(attempt, &noted, None)).error().await;
        assert_eq!((error.kind, error.effect), (ErrorKind::TRANSPORT, Effect::UNKNOWN), "{version}: {error:?}");
        let error = Run::start(&subject, generate("generate", 0.1)).error().await;
        assert_eq!((error.kind, error.effect), (ErrorKind::TRANSPORT, Effect::NONE), "{version}: {error:?}");
    }
}

#[tokio::test]
async fn results_are_fetched_by_whoever_comes_next() {
    for version in versions() {
        let sim = sim("gradio", version).await;
        let subject = at("any-gradio", &sim).await;
        let run = Run::start(&subject, generate("generate", 0.1));
        let noted = run.port.until_stage(Stage::FETCHING).await;
        let left = resumed(run.detach().await, &noted, Some(true));
        let (outcome, port) = Run::start(&at("any-gradio", &sim).await, left).outcome().await;
        assert_eq!(outcome.status, OutcomeStatus::Done, "{version}: {outcome:?}");
        assert_eq!(outcome.text.as_deref(), Some("Done: a red bicycle"));
        assert_eq!(outcome.results.len(), 3, "{version}");
        assert!(port.read(&outcome.results[1]).starts_with(b"RIFF"));
        assert_eq!(jobs(&sim), 1, "{version}");
    }
}

#[tokio::test]
async fn what_a_newer_driver_has_written_is_left_alone() {
    let sim = sim("gradio", "6.31.0").await;
    let subject = at("any-gradio", &sim).await;
    let left = crate::run::resumed_at(generate("generate", 0.1), Stage::SENT, serde_json::json!({"v": 2}), 5, None);
    let error = Run::start(&subject, left).error().await;
    assert_eq!((error.kind, error.effect), (ErrorKind::UNSUPPORTED, Effect::UNKNOWN));
    assert_eq!(jobs(&sim), 0);
}

//! Connected backends that do not answer, and what is known of their processes.

use super::{Story, fault, reason};
use crate::{
    connection::{
        life::{Command, Evidence, Fault, Input, State, Tempo},
        view,
    },
    diagnosis::Class,
    events::{Detail, StateName},
};
use mdd_driver_api::model::{Queue, Sample};
use std::time::Duration;

#[test]
fn silence_is_not_death_for_half_a_minute() {
    let mut story = Story::connected();
    let start = story.now;
    let mut misses = 0;
    while story.now - start < Duration::from_secs(29) {
        assert_eq!(story.wake(), [Command::Check]);
        story.tell(Input::Checked(Err(fault(Class::Silent, "no-answer"))));
        misses += 1;
        assert_eq!(story.facts().silence.as_ref().unwrap().misses, misses);
    }
    story.tell(Input::Status(Sample::default()));
    assert_eq!(story.wake(), [Command::Check]);
    story.tell(Input::Checked(Ok(Sample::default())));
    assert!(story.facts().silence.is_none());
}

#[test]
fn silence_of_a_process_that_does_nothing_is_a_loss() {
    let mut story = Story::connected();
    while matches!(story.life.state(), State::Connected(_)) {
        story.wake();
        story.tell(Input::Evidence(Evidence::Idle));
        story.tell(silent());
    }
    assert_eq!(story.waits_because_of(), "stopped-answering");
}

/// Lets it be silent for so long; whoever dials it then is answered like this.
pub(super) fn be_silent(
    story: &mut Story,
    seconds: u64,
    seen: Option<Evidence>,
    dialed: &dyn Fn() -> Result<(), Fault>,
) -> u32 {
    let (end, mut dials) = (story.now + Duration::from_secs(seconds), 0);
    while story.now < end && matches!(story.life.state(), State::Connected(_)) {
        assert_eq!(story.wake(), [Command::Check]);
        story.now += story.life.patience(story.now);
        if let Some(seen) = seen {
            story.tell(Input::Evidence(seen));
        }
        if story.tell(silent()) == [Command::Dial] {
            dials += 1;
            story.tell(Input::Dialed(dialed()));
        }
    }
    dials
}

#[test]
fn who_may_work_unseen_is_not_lost_while_somebody_accepts_connections() {
    for seen in [None, Some(Evidence::Unclear)] {
        for dialed in [&|| Ok(()) as _, &|| Err(fault(Class::Silent, "no-answer"))] as [&dyn Fn() -> _; 2] {
            let mut story = Story::connected();
            let dials = be_silent(&mut story, 600, seen, dialed);
            assert_eq!(view::seen(&story.life).detail, Detail::Unresponsive);
            assert!((10..=20).contains(&dials), "{dials}: each of them lies in its queue");
            story.wake();
            story.tell(Input::Checked(Ok(Sample::default())));
            assert_eq!(view::seen(&story.life).detail, Detail::Ready);
        }
    }
}

#[test]
fn who_may_work_unseen_is_lost_when_nobody_accepts_connections() {
    for (class, code) in
        [(Class::Gone, "connection-refused"), (Class::Silent, "connect-timeout"), (Class::Odd, "reset")]
    {
        let mut story = Story::connected();
        be_silent(&mut story, 60, None, &|| Err(fault(class, code)));
        assert_eq!(story.waits_because_of(), code);
    }
    // That a job was running there proves nothing.
    let mut story = Story::connected();
    story.tell(Input::Status(Sample::with_queue(Queue { running: 1, pending: None })));
    be_silent(&mut story, 60, None, &|| Err(fault(Class::Silent, "connect-timeout")));
    assert_eq!(story.waits_because_of(), "connect-timeout");
}

#[test]
fn whoever_is_slow_is_waited_for_once_its_silence_shows() {
    let mut story = Story::connected();
    be_silent(&mut story, 20, None, &|| Ok(()));
    assert_eq!(story.life.patience(story.now), Duration::from_secs(3));
}

#[test]
fn what_the_process_did_in_one_silence_proves_nothing_for_the_next() {
    for seen in [Evidence::Works, Evidence::Idle] {
        let mut story = Story::connected();
        story.wake();
        story.tell(Input::Evidence(seen));
        story.tell(silent());
        story.wake();
        story.tell(Input::Checked(Ok(Sample::default())));
        story.wake();
        story.tell(silent());
        assert_eq!(view::seen(&story.life).detail, Detail::Ready, "one miss is forgiven");
    }
}

#[test]
fn one_odd_answer_is_forgiven_and_two_are_not() {
    let mut story = Story::connected();
    story.wake();
    story.tell(Input::Checked(Err(fault(Class::Odd, "unexpected-answer"))));
    assert!(story.facts().silence.is_some());
    story.wake();
    story.tell(Input::Checked(Err(fault(Class::Odd, "unexpected-answer"))));
    assert_eq!(story.waits_because_of(), "unexpected-answer");
}

pub(super) fn silent() -> Input {
    Input::Checked(Err(fault(Class::Silent, "no-answer")))
}

#[test]
fn any_loss_shows_within_fifteen_seconds_for_every_interval() {
    for ms in [500, 1_000, 2_500, 5_000, 7_300, 10_000, 3_600_000] {
        let mut story = Story::connected();
        story.life = story.life.paced(Tempo::new(Duration::from_millis(ms), story.now));
        // Well for a while, so that checks are as rare as they become.
        for _ in 0..6 {
            story.wake();
            story.tell(Input::Checked(Ok(Sample::default())));
        }
        let lost = story.now;
        while view::seen(&story.life).detail != Detail::Unresponsive {
            story.wake();
            story.now += story.life.patience(story.now);
            story.tell(silent());
        }
        assert!(story.now - lost <= Duration::from_secs(15), "{ms} ms: {:?}", story.now - lost);
    }
}

#[test]
fn a_busy_process_is_not_dead_however_long_it_is_silent() {
    let mut story = Story::connected();
    let start = story.now;
    let mut checks = 0;
    while story.now - start < Duration::from_secs(600) {
        story.wake();
        story.now += story.life.patience(story.now);
        story.tell(Input::Evidence(Evidence::Works));
        story.tell(silent());
        checks += 1;
        let seen = view::seen(&story.life);
        assert_eq!((seen.state, seen.detail), (StateName::Connected, Detail::Busy));
    }
    // Each of them lies in its queue until it has time.
    assert!(checks < 128, "{checks}");
}

#[test]
fn an_idle_process_that_does_not_answer_is_unresponsive_at_the_first_miss() {
    let mut story = Story::connected();
    story.wake();
    story.tell(Input::Evidence(Evidence::Idle));
    story.tell(silent());
    assert_eq!(view::seen(&story.life).detail, Detail::Unresponsive);
    story.wake();
    story.tell(Input::Checked(Ok(Sample::default())));
    assert_eq!(view::seen(&story.life).detail, Detail::Ready);
}

#[test]
fn a_machine_that_nobody_reaches_is_lost_after_two_misses() {
    let mut story = Story::connected();
    for _ in 0..2 {
        story.wake();
        story.tell(Input::Checked(Err(fault(Class::Silent, "connect-timeout"))));
    }
    assert_eq!(story.waits_because_of(), "connect-timeout");
}

#[test]
fn a_restart_is_seen_by_its_boot() {
    let mut story = Story::connected();
    let boot = |boot: &str| {
        let mut sample = Sample::default();
        sample.boot = Some(boot.to_owned());
        Input::Checked(Ok(sample))
    };
    story.wake();
    assert_eq!(story.tell(boot("1")), []);
    story.wake();
    assert_eq!(story.tell(boot("2")), [Command::Inspect]);
}

#[test]
fn a_stopped_process_is_asked_nothing_until_it_goes_on() {
    let mut story = Story::connected();
    story.tell(Input::Evidence(Evidence::Stopped));
    assert_eq!(view::seen(&story.life).detail, Detail::Suspended);
    for _ in 0..100 {
        assert_eq!(story.wake(), []);
    }
    assert_eq!(story.tell(Input::Evidence(Evidence::Unclear)), [Command::Check]);
    story.tell(Input::Checked(Ok(Sample::default())));
    assert_eq!(view::seen(&story.life).detail, Detail::Ready);
}

#[test]
fn what_was_stopped_to_its_end_is_of_no_use_until_another_one_answers() {
    for answer in [Ok(Sample::default()), Err(fault(Class::Gone, "connection-refused"))] {
        let mut story = Story::connected();
        story.tell(Input::Evidence(Evidence::Stopped));
        assert_eq!(story.tell(Input::Exited(reason("process-exited"))), [Command::Check]);
        let seen = view::seen(&story.life);
        assert_eq!((seen.detail, view::usable(&seen)), (Detail::Suspended, Some(false)));
        assert_eq!(seen.reason.unwrap().code, "process-exited");
        let is_good = answer.is_ok();
        story.tell(Input::Checked(answer));
        let detail = if is_good { Detail::Ready } else { Detail::Waiting };
        assert_eq!(view::seen(&story.life).detail, detail);
    }
}

#[test]
fn the_end_of_the_process_is_the_reason_and_another_one_in_its_place_is_a_restart() {
    let mut story = Story::connected();
    assert_eq!(story.tell(Input::Exited(reason("process-exited"))), [Command::Check]);
    story.tell(Input::Checked(Err(fault(Class::Gone, "connection-refused"))));
    assert_eq!(story.waits_because_of(), "process-exited");

    let mut story = Story::connected();
    story.wake();
    // A question is under way, and is cut.
    assert_eq!(story.tell(Input::Exited(reason("process-exited"))), []);
    story.tell(Input::Checked(Err(fault(Class::Odd, "connection-reset"))));
    assert_eq!(story.wake(), [Command::Check]);
    assert_eq!(story.tell(Input::Checked(Ok(Sample::default()))), [Command::Inspect]);
    assert!(story.facts().exited.is_none());
}

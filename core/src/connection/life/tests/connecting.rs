//! The way to connected, what is heard there, and the pauses on it.

use super::{Story, fault};
use crate::{
    connection::life::{Command, Input, Phase, Push, State},
    diagnosis::Class,
};
use mdd_driver_api::model::{Identity, Queue, Sample};
use std::time::Duration;

#[test]
fn the_way_to_connected() {
    let mut story = Story::new();
    assert_eq!(story.tell(Input::TryNow), [Command::Dial]);
    assert_eq!(story.tell(Input::Dialed(Ok(()))), [Command::Identify]);
    let identity = Identity::mine(95, "it");
    assert_eq!(story.tell(Input::Identified(Ok(identity))), [Command::Promote, Command::Check]);
    assert_eq!(story.tell(Input::Checked(Ok(Sample::default()))), [Command::Watch]);
    let sample = Sample::with_queue(Queue { running: 1, pending: Some(2) });
    assert_eq!(story.tell(Input::Status(sample)), [Command::Inspect]);
    assert_eq!(story.facts().queue, Some(Queue { running: 1, pending: Some(2) }));
    assert_eq!(story.life.attempt(), 0);
    assert_eq!(story.wake(), [Command::Check]);
}

#[test]
fn a_kind_without_a_push_channel_is_connected_all_the_same() {
    let mut story = Story::new();
    story.tell(Input::TryNow);
    story.tell(Input::Dialed(Ok(())));
    story.tell(Input::Identified(Ok(Identity::mine(95, "it"))));
    story.tell(Input::Checked(Ok(Sample::default())));
    story.tell(Input::WatchEnded(None));
    assert!(matches!(story.facts().push, Push::None));
}

#[test]
fn a_push_channel_that_cannot_be_opened_only_degrades() {
    let mut story = Story::new();
    story.tell(Input::TryNow);
    story.tell(Input::Dialed(Ok(())));
    story.tell(Input::Identified(Ok(Identity::mine(95, "it"))));
    story.tell(Input::Checked(Ok(Sample::default())));
    story.tell(Input::WatchEnded(Some(fault(Class::NeedsYou, "upgrade-refused"))));
    assert!(matches!(&story.facts().push, Push::Down(_, reason) if reason.code == "upgrade-refused"));
    // It is tried again, and is whole as soon as news come.
    assert!(story.wake().contains(&Command::Watch));
    story.tell(Input::Status(Sample::default()));
    assert!(matches!(story.facts().push, Push::Open));
}

#[test]
fn a_push_channel_that_says_nothing_does_not_keep_the_backend_waiting() {
    let mut story = Story::new();
    story.tell(Input::TryNow);
    story.tell(Input::Dialed(Ok(())));
    story.tell(Input::Identified(Ok(Identity::mine(95, "it"))));
    story.tell(Input::Checked(Ok(Sample::default())));
    assert_eq!(story.phase(), Phase::Watch);
    assert_eq!(story.wake(), [Command::StopWatch, Command::Inspect]);
    assert!(matches!(&story.facts().push, Push::Down(_, reason) if reason.code == "no-live-updates"));
}

#[test]
fn nobody_there_is_tried_for_ever_with_growing_pauses() {
    let mut story = Story::new();
    story.tell(Input::TryNow);
    let mut pauses = Vec::new();
    for attempt in 2..50 {
        story.tell(Input::Dialed(Err(fault(Class::Gone, "connection-refused"))));
        assert_eq!((story.waits_because_of(), story.life.attempt()), ("connection-refused", attempt));
        let before = story.now;
        assert_eq!(story.wake(), [Command::Dial]);
        pauses.push(story.now - before);
    }
    assert!(pauses.is_sorted());
    assert_eq!(pauses.last(), Some(&Duration::from_secs(30)));
}

#[test]
fn the_reason_stays_while_it_is_tried_again() {
    let mut story = Story::new();
    story.tell(Input::TryNow);
    story.tell(Input::Dialed(Err(fault(Class::Gone, "connection-refused"))));
    story.wake();
    let State::Connecting { last: Some(reason), .. } = story.life.state() else { panic!("{:?}", story.life.state()) };
    assert_eq!(reason.code, "connection-refused");
}

#[test]
fn the_first_good_answer_counts() {
    let mut story = Story::new();
    story.tell(Input::TryNow);
    story.tell(Input::Dialed(Ok(())));
    story.tell(Input::Identified(Ok(Identity::mine(95, "it"))));
    let queue = Queue { running: 2, pending: None };
    story.tell(Input::Checked(Ok(Sample::with_queue(queue))));
    story.tell(Input::WatchEnded(None));
    assert_eq!(story.facts().queue, Some(queue));
}

#[test]
fn a_driver_that_panics_again_and_again_is_tried_less_and_less_often() {
    let mut story = Story::new();
    story.tell(Input::TryNow);
    for _ in 0..8 {
        story.tell(Input::Dialed(Ok(())));
        story.tell(Input::Identified(Ok(Identity::mine(95, "it"))));
        story.tell(Input::Checked(Ok(Sample::default())));
        story.tell(Input::WatchEnded(None));
        story.wake();
        story.tell(Input::Checked(Err(fault(Class::OurFault, "driver-panicked"))));
        story.wake();
    }
    assert_eq!(story.life.attempt(), 9);
}

#[test]
fn every_step_has_a_deadline() {
    for steps in 0..3 {
        let mut story = Story::new();
        story.tell(Input::TryNow);
        if steps > 0 {
            story.tell(Input::Dialed(Ok(())));
        }
        if steps > 1 {
            story.tell(Input::Identified(Ok(Identity::mine(95, "it"))));
        }
        assert_eq!(story.wake(), [Command::Abandon]);
        assert_eq!(story.waits_because_of(), "no-answer");
    }
}

#[test]
fn backoff_is_reset_only_by_a_good_answer() {
    let mut story = Story::new();
    story.tell(Input::TryNow);
    for _ in 0..5 {
        story.tell(Input::Dialed(Ok(())));
        story.tell(Input::Identified(Ok(Identity::mine(95, "it"))));
        story.tell(Input::Checked(Err(fault(Class::Odd, "unexpected-answer"))));
        story.wake();
    }
    assert_eq!(story.life.attempt(), 6);
    story.tell(Input::Dialed(Ok(())));
    story.tell(Input::Identified(Ok(Identity::mine(95, "it"))));
    story.tell(Input::Checked(Ok(Sample::default())));
    assert_eq!(story.life.attempt(), 1);
}

#[test]
fn a_refused_connection_ends_it_at_once() {
    let mut story = Story::connected();
    story.wake();
    let commands = story.tell(Input::Checked(Err(fault(Class::Gone, "connection-refused"))));
    assert_eq!(commands, [Command::Abandon]);
    assert_eq!((story.waits_because_of(), story.life.attempt()), ("connection-refused", 2));
}

#[test]
fn a_broken_push_channel_is_a_reason_to_check_at_once() {
    let mut story = Story::connected();
    let broken = || Input::WatchEnded(Some(fault(Class::Odd, "connection-reset")));
    assert_eq!(story.tell(broken()), [Command::Check]);
    story.tell(Input::Checked(Ok(Sample::default())));
    assert!(matches!(story.facts().push, Push::Down(..)));
}

#[test]
fn a_panic_costs_the_instance_and_nothing_else() {
    let mut story = Story::connected();
    story.wake();
    let commands = story.tell(Input::Checked(Err(fault(Class::OurFault, "driver-panicked"))));
    assert_eq!(commands, [Command::Abandon, Command::DropInstance]);
    assert_eq!(story.wake(), [Command::Dial]);
}

#[test]
fn what_it_holds_is_looked_at_after_its_work_and_once_a_minute_while_it_has_none() {
    let mut story = Story::connected();
    let with = |running| Input::Checked(Ok(Sample::with_queue(Queue { running, pending: Some(0) })));
    let mut looks = Vec::new();
    let start = story.now;
    while story.now - start < Duration::from_secs(300) {
        story.wake();
        let seconds = (story.now - start).as_secs();
        // Two minutes of work.
        let running = u32::from((100..220).contains(&seconds));
        if story.tell(with(running)) == [Command::Refresh] {
            looks.push(seconds);
        }
    }
    assert!(matches!(looks[..], [60..66, 220..226, 280..292]), "{looks:?}");
    // One that tells no queue may be at work.
    let mut story = Story::connected();
    for _ in 0..100 {
        story.wake();
        assert_eq!(story.tell(Input::Checked(Ok(Sample::default()))), []);
    }
}

#[test]
fn trying_now_shortens_every_wait_and_doubles_no_question() {
    let mut story = Story::new();
    story.tell(Input::TryNow);
    assert_eq!(story.tell(Input::TryNow), []);
    story.tell(Input::Dialed(Err(fault(Class::Gone, "connection-refused"))));
    assert_eq!(story.tell(Input::TryNow), [Command::Dial]);
    let mut story = Story::connected();
    assert_eq!(story.tell(Input::TryNow), [Command::Check, Command::Inspect]);
    assert_eq!(story.tell(Input::TryNow), [Command::Inspect]);
}

#[test]
fn answers_that_come_too_late_change_nothing() {
    let mut story = Story::new();
    story.tell(Input::TryNow);
    story.tell(Input::Dialed(Err(fault(Class::Gone, "connection-refused"))));
    for late in [
        Input::Dialed(Ok(())),
        Input::Identified(Ok(Identity::mine(95, "it"))),
        Input::Checked(Ok(Sample::default())),
        Input::Status(Sample::default()),
        Input::WatchEnded(None),
        Input::Problem(None),
        Input::Changed,
        Input::Tick,
    ] {
        assert_eq!(story.tell(late), []);
        assert_eq!(story.waits_because_of(), "connection-refused");
    }
}

#[test]
fn a_disabled_backend_is_left_alone_until_it_is_wanted() {
    let mut story = Story::connected();
    assert_eq!(story.tell(Input::Disable), [Command::Abandon, Command::DropInstance]);
    assert_eq!(story.life.due(), None);
    assert_eq!(story.tell(Input::TryNow), [Command::Dial]);
}

#[test]
fn an_opened_port_shortens_the_pauses_once_a_minute() {
    let mut story = Story::new();
    story.tell(Input::TryNow);
    for _ in 0..9 {
        story.tell(Input::Dialed(Err(fault(Class::Gone, "connection-refused"))));
        story.wake();
    }
    story.tell(Input::Dialed(Err(fault(Class::Gone, "connection-refused"))));
    assert_eq!(story.tell(Input::Listens), [Command::Dial]);
    assert_eq!(story.life.attempt(), 3);
    for attempt in 4..9 {
        story.tell(Input::Dialed(Err(fault(Class::Gone, "connection-refused"))));
        assert_eq!(story.tell(Input::Listens), [Command::Dial]);
        assert_eq!(story.life.attempt(), attempt);
    }
}

#[test]
fn whoever_has_opened_its_port_is_starting_for_a_while() {
    let mut story = Story::new();
    story.tell(Input::TryNow);
    story.tell(Input::Dialed(Err(fault(Class::Gone, "connection-refused"))));
    let opened = story.tell(Input::Listens);
    assert_eq!(opened, [Command::Dial]);
    let start = story.now;
    while story.now - start < Duration::from_secs(400) {
        story.tell(Input::Dialed(Ok(())));
        story.tell(Input::Identified(Err(fault(Class::Silent, "no-answer"))));
        let code = if story.now - start < Duration::from_secs(300) { "starting" } else { "no-answer" };
        assert_eq!(story.waits_because_of(), code);
        story.wake();
    }
}

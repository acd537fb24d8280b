//! A host that was late itself, a machine that slept, and a network that broke under a job.

use super::silence::silent;
use super::{Story, fault};
use crate::{
    connection::{
        life::{Command, Input, Phase},
        view,
    },
    diagnosis::Class,
    events::Detail,
};
use mdd_driver_api::model::Identity;
use std::time::Duration;

#[test]
fn a_dial_that_the_host_was_late_for_is_repeated() {
    let mut story = Story::connected();
    let before = story.now;
    while story.tell(silent()) != [Command::Dial] {
        story.wake();
    }
    assert!(story.now - before >= Duration::from_secs(30));
    story.tell(Input::Late(Duration::from_secs(5)));
    story.tell(Input::Dialed(Err(fault(Class::Silent, "connect-timeout"))));
    assert_eq!(view::seen(&story.life).detail, Detail::Unresponsive);
    assert_eq!(story.wake(), [Command::Check]);
}

#[test]
fn what_was_missed_while_the_host_was_late_does_not_count() {
    let mut story = Story::connected();
    story.wake();
    story.now += Duration::from_secs(10);
    story.tell(Input::Late(Duration::from_secs(10)));
    story.tell(silent());
    assert!(story.facts().silence.is_none());
    // And for a while it is more patient, up to eight times.
    assert_eq!(story.life.patience(story.now), Duration::from_secs(24));
    story.now += Duration::from_secs(11);
    assert_eq!(story.life.patience(story.now), Duration::from_secs(3));
}

#[test]
fn on_the_way_to_connected_it_does_not_count_either_and_is_asked_again_once() {
    let silent = || fault(Class::Silent, "no-answer");
    let late = |story: &mut Story| {
        story.now += Duration::from_secs(10);
        story.tell(Input::Late(Duration::from_secs(10)));
    };
    let mut story = Story::new();
    story.tell(Input::TryNow);
    late(&mut story);
    assert_eq!(story.tell(Input::Dialed(Err(silent()))), [Command::Dial]);
    story.tell(Input::Dialed(Ok(())));
    late(&mut story);
    assert_eq!(story.tell(Input::Identified(Err(silent()))), [Command::Identify]);
    story.tell(Input::Identified(Ok(Identity::mine(95, "it"))));
    late(&mut story);
    assert_eq!(story.tell(Input::Checked(Err(silent()))), [Command::Check]);
    assert_eq!(story.life.due(), Some(story.now + Phase::Check.deadline()));
    assert_eq!(story.tell(Input::Checked(Err(silent()))), [Command::Abandon]);
    assert_eq!(story.waits_because_of(), "no-answer");
    // Whoever refuses has answered.
    story.wake();
    late(&mut story);
    story.tell(Input::Dialed(Err(fault(Class::Gone, "connection-refused"))));
    assert_eq!(story.waits_because_of(), "connection-refused");
    // A stranger stays what it is.
    let mut story = Story::new();
    story.tell(Input::TryNow);
    story.tell(Input::Dialed(Ok(())));
    story.tell(Input::Identified(Ok(Identity::no("a web page"))));
    story.wake();
    late(&mut story);
    assert_eq!(story.tell(Input::Identified(Err(silent()))), [Command::Identify]);
    assert_eq!(story.refused_because_of(), "wrong-service");
}

#[test]
fn a_sleep_is_followed_by_a_question_wherever_it_waits() {
    let mut story = Story::new();
    story.tell(Input::TryNow);
    story.tell(Input::Dialed(Err(fault(Class::Gone, "connection-refused"))));
    assert_eq!(story.tell(Input::Woke), [Command::Dial]);
    assert_eq!(Story::connected().tell(Input::Woke), [Command::Check]);
    let mut story = Story::new();
    story.tell(Input::TryNow);
    story.tell(Input::Dialed(Ok(())));
    story.tell(Input::Identified(Ok(Identity::no("a web page"))));
    assert_eq!(story.tell(Input::Woke), [Command::Identify]);
    assert_eq!(story.tell(Input::Woke), []);
}

#[test]
fn a_job_that_met_a_broken_network_hastens_the_next_check() {
    let mut story = Story::connected();
    assert_eq!(story.tell(Input::Doubted), [Command::Check]);
    assert_eq!(story.tell(Input::Doubted), [], "one is under way");
    let mut story = Story::new();
    story.tell(Input::TryNow);
    assert_eq!(story.tell(Input::Doubted), []);
}

//! Those that need their user: strangers, and doors that are locked.

use super::{Story, fault};
use crate::{
    connection::life::{Command, Input},
    diagnosis::Class,
};
use mdd_driver_api::model::Identity;
use std::time::Duration;

#[test]
fn a_stranger_is_left_alone_and_asked_again_in_half_a_minute() {
    let mut story = Story::new();
    story.tell(Input::TryNow);
    story.tell(Input::Dialed(Ok(())));
    assert_eq!(story.tell(Input::Identified(Ok(Identity::no("a web page")))), []);
    assert_eq!(story.refused_because_of(), "wrong-service");
    let before = story.now;
    assert_eq!(story.wake(), [Command::Identify]);
    assert_eq!(story.now - before, Duration::from_secs(30));
    // It is our service now.
    assert!(story.tell(Input::Identified(Ok(Identity::mine(95, "it")))).contains(&Command::Check));
}

#[test]
fn a_locked_service_without_a_key_needs_its_user() {
    let mut story = Story::new();
    story.tell(Input::TryNow);
    story.tell(Input::Dialed(Ok(())));
    story.tell(Input::Identified(Ok(Identity::locked(95, "it wants a key"))));
    assert_eq!(story.refused_because_of(), "needs-key");
}

#[test]
fn a_wrong_key_is_not_shown_again_until_the_user_asks_for_it() {
    let mut story = Story::with_key(true);
    story.tell(Input::TryNow);
    story.tell(Input::Dialed(Ok(())));
    let locked = || Input::Identified(Ok(Identity::locked(95, "it wants a key")));
    assert_eq!(story.tell(locked()), [Command::Promote, Command::Check]);
    story.tell(Input::Checked(Err(fault(Class::NeedsYou, "lamp.key-rejected"))));
    assert_eq!(story.refused_because_of(), "lamp.key-rejected");
    assert_eq!(story.wake(), [Command::Identify]);
    assert_eq!(story.tell(locked()), []);
    assert_eq!(story.refused_because_of(), "lamp.key-rejected");
    assert_eq!(story.tell(Input::TryNow), [Command::Dial]);
    story.tell(Input::Dialed(Ok(())));
    assert_eq!(story.tell(locked()), [Command::Promote, Command::Check]);
}

#[test]
fn a_key_is_shown_again_to_whoever_may_be_another() {
    let locked = || Input::Identified(Ok(Identity::locked(95, "it wants a key")));
    let gone = || fault(Class::Gone, "connection-refused");
    let exited = || Input::Exited(fault(Class::Gone, "process-exited").reason);
    let refused = || {
        let mut story = Story::with_key(true);
        story.tell(Input::TryNow);
        story.tell(Input::Dialed(Ok(())));
        story.tell(locked());
        story.tell(Input::Checked(Err(fault(Class::NeedsYou, "lamp.key-rejected"))));
        assert_eq!(story.refused_because_of(), "lamp.key-rejected");
        story
    };
    for another in [Input::Listens, exited()] {
        let mut story = refused();
        assert_eq!(story.tell(another), [Command::Identify]);
        assert_eq!(story.tell(locked()), [Command::Promote, Command::Check]);
    }
    let mut story = refused();
    story.wake();
    story.tell(Input::Identified(Err(gone())));
    assert_eq!(story.waits_because_of(), "connection-refused");
    story.wake();
    story.tell(Input::Dialed(Ok(())));
    assert_eq!(story.tell(locked()), [Command::Promote, Command::Check]);
}

#[test]
fn a_wrong_key_is_no_missing_one_after_an_odd_answer_either() {
    let mut story = Story::with_key(true);
    story.tell(Input::TryNow);
    story.tell(Input::Dialed(Ok(())));
    let locked = || Input::Identified(Ok(Identity::locked(95, "it wants a key")));
    story.tell(locked());
    story.tell(Input::Checked(Err(fault(Class::NeedsYou, "lamp.key-rejected"))));
    story.wake();
    story.tell(Input::Identified(Err(fault(Class::Odd, "unexpected-answer"))));
    assert_eq!(story.waits_because_of(), "unexpected-answer");
    story.wake();
    story.tell(Input::Dialed(Ok(())));
    story.tell(locked());
    assert_eq!(story.refused_because_of(), "key-refused");
}

#[test]
fn a_refused_service_that_goes_away_is_waited_for() {
    let mut story = Story::new();
    story.tell(Input::TryNow);
    story.tell(Input::Dialed(Ok(())));
    story.tell(Input::Identified(Ok(Identity::no("a web page"))));
    story.wake();
    story.tell(Input::Identified(Err(fault(Class::Gone, "connection-refused"))));
    assert_eq!(story.waits_because_of(), "connection-refused");
}

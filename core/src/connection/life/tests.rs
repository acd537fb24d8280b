//! Stories of a backend, told without time passing.

use super::{Command, Connected, Evidence, Fault, Input, Life, Phase, Push, State, Tempo, Words};
use crate::{
    connection::view,
    diagnosis::{Class, Reason},
    events::{Detail, StateName},
};
use mdd_driver_api::model::{Identity, Queue, Sample};
use std::time::Duration;
use tokio::time::Instant;

fn reason(code: &str) -> Reason {
    Reason { code: code.to_owned(), observation: code.to_owned(), meaning: String::new(), remedies: vec![] }
}

fn fault(class: Class, code: &str) -> Fault {
    Fault { class, reason: reason(code), may_start: class == Class::Silent }
}

fn words() -> Words {
    Words {
        not_tried: reason("not-tried"),
        no_answer: reason("no-answer"),
        stopped_answering: reason("stopped-answering"),
        no_live_updates: reason("no-live-updates"),
        wrong_service: reason("wrong-service"),
        needs_key: reason("needs-key"),
        key_refused: reason("key-refused"),
        suspended: reason("suspended"),
        busy_silent: reason("busy-silent"),
        starting: reason("starting"),
    }
}

struct Story {
    life: Life,
    now: Instant,
}

impl Story {
    fn with_key(has_key: bool) -> Self {
        let now = Instant::now();
        Self { life: Life::new(words(), has_key, now), now }
    }

    fn new() -> Self {
        Self::with_key(false)
    }

    fn connected() -> Self {
        let mut story = Self::new();
        story.tell(Input::TryNow);
        story.tell(Input::Dialed(Ok(())));
        story.tell(Input::Identified(Ok(Identity::mine(95, "it"))));
        story.tell(Input::Checked(Ok(Sample::default())));
        story.tell(Input::Status(Sample::default()));
        story
    }

    fn tell(&mut self, input: Input) -> Vec<Command> {
        self.life.handle(input, self.now, u64::MAX)
    }

    /// Lets time pass until the machine wants to be woken, and wakes it.
    fn wake(&mut self) -> Vec<Command> {
        self.now = self.life.due().expect("the machine always waits for something");
        self.tell(Input::Tick)
    }

    fn facts(&self) -> &Connected {
        match self.life.state() {
            State::Connected(connected) => connected,
            other => panic!("not connected: {other:?}"),
        }
    }

    fn phase(&self) -> Phase {
        match self.life.state() {
            State::Connecting { phase, .. } => *phase,
            other => panic!("not connecting: {other:?}"),
        }
    }

    fn waits_because_of(&self) -> &str {
        match self.life.state() {
            State::Waiting { reason, .. } => &reason.code,
            other => panic!("not waiting: {other:?}"),
        }
    }

    fn refused_because_of(&self) -> &str {
        match self.life.state() {
            State::Refused { reason, .. } => &reason.code,
            other => panic!("not refused: {other:?}"),
        }
    }
}

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
fn be_silent(story: &mut Story, seconds: u64, seen: Option<Evidence>, dialed: &dyn Fn() -> Result<(), Fault>) -> u32 {
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

#[test]
fn a_panic_costs_the_instance_and_nothing_else() {
    let mut story = Story::connected();
    story.wake();
    let commands = story.tell(Input::Checked(Err(fault(Class::OurFault, "driver-panicked"))));
    assert_eq!(commands, [Command::Abandon, Command::DropInstance]);
    assert_eq!(story.wake(), [Command::Dial]);
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

fn silent() -> Input {
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

#[test]
fn a_machine_that_nobody_reaches_is_lost_after_two_misses() {
    let mut story = Story::connected();
    for _ in 0..2 {
        story.wake();
        story.tell(Input::Checked(Err(fault(Class::Silent, "connect-timeout"))));
    }
    assert_eq!(story.waits_because_of(), "connect-timeout");
}

mod model;
mod returning;
mod simulation;
mod together;
mod world;

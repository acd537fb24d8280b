//! Random inputs, sensible or not, against a model of what the machine may do.

use super::{fault, reason, words};
use crate::{
    connection::{
        backoff::{CAP, FLOOR},
        life::{Command, Evidence, Input, Life, State, Step as Table},
        view,
    },
    diagnosis::Class,
    events::Detail,
};
use mdd_driver_api::model::{Identity, Sample};
use proptest::prelude::*;
use std::time::Duration;
use tokio::time::Instant;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Wait(u64),
    WaitUntilDue,
    Do(Move),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    TryNow,
    Disable,
    Dialed(Option<Class>),
    Mine,
    Locked,
    Stranger,
    NotIdentified(Class),
    Checked(Option<Class>),
    Status,
    WatchEnded(Option<Class>),
    Listens,
    Evidence(Evidence),
    Exited,
    Doubted,
    Late(u64),
    Woke,
}

fn class() -> impl Strategy<Value = Class> {
    prop::sample::select(vec![Class::Gone, Class::Silent, Class::Odd, Class::NeedsYou, Class::OurFault])
}

fn step() -> impl Strategy<Value = Step> {
    let moves = prop_oneof![
        Just(Move::TryNow),
        Just(Move::Listens),
        Just(Move::Woke),
        Just(Move::Mine),
        Just(Move::Mine),
        Just(Move::Locked),
        Just(Move::Stranger),
        Just(Move::Status),
        Just(Move::Exited),
        Just(Move::Doubted),
        prop::bool::weighted(0.1).prop_map(|off| if off { Move::Disable } else { Move::Status }),
        prop::option::of(class()).prop_map(Move::Dialed),
        class().prop_map(Move::NotIdentified),
        prop::option::of(class()).prop_map(Move::Checked),
        prop::option::of(class()).prop_map(Move::Checked),
        prop::option::of(class()).prop_map(Move::WatchEnded),
        prop::sample::select(vec![Evidence::Works, Evidence::Idle, Evidence::Unclear, Evidence::Stopped])
            .prop_map(Move::Evidence),
        (1..20_000u64).prop_map(Move::Late),
    ];
    prop_oneof![
        1 => (0..40_000u64).prop_map(Step::Wait),
        3 => Just(Step::WaitUntilDue),
        8 => moves.prop_map(Step::Do),
    ]
}

fn input(made: Move) -> Input {
    let failed = |class| fault(class, "some-fault");
    match made {
        Move::TryNow => Input::TryNow,
        Move::Disable => Input::Disable,
        Move::Dialed(class) => Input::Dialed(class.map_or(Ok(()), |class| Err(failed(class)))),
        Move::Mine => Input::Identified(Ok(Identity::mine(95, "it"))),
        Move::Locked => Input::Identified(Ok(Identity::locked(95, "it"))),
        Move::Stranger => Input::Identified(Ok(Identity::no("a page"))),
        Move::NotIdentified(class) => Input::Identified(Err(failed(class))),
        Move::Checked(class) => Input::Checked(class.map_or(Ok(Sample::default()), |class| Err(failed(class)))),
        Move::Status => Input::Status(Sample::default()),
        Move::WatchEnded(class) => Input::WatchEnded(class.map(failed)),
        Move::Listens => Input::Listens,
        Move::Evidence(evidence) => Input::Evidence(evidence),
        Move::Exited => Input::Exited(reason("process-exited")),
        Move::Doubted => Input::Doubted,
        Move::Late(ms) => Input::Late(Duration::from_millis(ms)),
        Move::Woke => Input::Woke,
    }
}

/// Questions that are under way, as commands and answers say.
#[derive(Default)]
struct Open {
    questions: Vec<Command>,
}

impl Open {
    fn answered(&mut self, made: Move) {
        let kind = match made {
            Move::Dialed(_) => Command::Dial,
            Move::Mine | Move::Locked | Move::Stranger | Move::NotIdentified(_) => Command::Identify,
            Move::Checked(_) => Command::Check,
            _ => return,
        };
        self.questions.retain(|question| *question != kind);
    }

    /// Whether an answer can come: a real supervisor gives none that was not asked for.
    fn allows(&self, made: Move) -> bool {
        match made {
            Move::Dialed(_) => self.questions.contains(&Command::Dial),
            Move::Mine | Move::Locked | Move::Stranger | Move::NotIdentified(_) => {
                self.questions.contains(&Command::Identify)
            }
            Move::Checked(_) => self.questions.contains(&Command::Check),
            _ => true,
        }
    }

    fn take(&mut self, commands: &[Command]) {
        for command in commands {
            match command {
                Command::Abandon => self.questions.clear(),
                Command::Dial | Command::Identify | Command::Check => self.questions.push(*command),
                _ => {}
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_machine_stays_on_its_paths(
        steps in prop::collection::vec(step(), 1..80),
        randoms in prop::collection::vec(any::<u64>(), 8),
        has_key in any::<bool>(),
        asked_only in any::<bool>(),
    ) {
        let mut now = Instant::now();
        let mut life = Life::new(words(), has_key, now);
        let mut open = Open::default();
        open.take(&life.handle(Input::TryNow, now, 0));
        for (step, random) in steps.into_iter().zip(randoms.into_iter().cycle()) {
            let made = match step {
                Step::Wait(ms) => {
                    now += Duration::from_millis(ms);
                    None
                }
                Step::WaitUntilDue => {
                    now = life.due().unwrap_or(now).max(now);
                    None
                }
                Step::Do(made) if asked_only && !open.allows(made) => continue,
                Step::Do(made) => Some(made),
            };
            if let Some(made) = made {
                open.answered(made);
            }
            let from = view::seen(&life).detail;
            let commands = life.handle(made.map_or(Input::Tick, input), now, random);
            let seen = view::seen(&life);
            let to = seen.detail;
            prop_assert!(Table::between(from, to).is_none_or(Table::is_legal), "{from:?} to {to:?} by {made:?}");
            open.take(&commands);
            if asked_only {
                prop_assert!(open.questions.len() <= 1, "{:?} at once", open.questions);
            }
            match life.state() {
                State::Disabled => prop_assert_eq!(life.due(), None),
                State::Waiting { next_try, .. } if from != to => {
                    let pause = *next_try - now;
                    prop_assert!(pause >= FLOOR && pause <= CAP, "{pause:?}");
                }
                _ => {}
            }
            // It always waits for an answer, a moment, or its user.
            let waits = life.due().is_some() || open.questions.contains(&Command::Check) || to == Detail::Off;
            prop_assert!(!asked_only || waits, "{:?} waits for nothing", life.state());
            prop_assert_eq!(seen.reason.is_none() && matches!(to, Detail::Waiting | Detail::Refused), false);
            prop_assert!(life.patience(now) >= Duration::from_secs(1));
        }
    }
}

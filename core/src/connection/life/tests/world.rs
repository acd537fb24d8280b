//! A simulated service, network, machine and host around the state machine, driven by one seed.
//!
//! Nothing here waits: time is a number that jumps to the next event. The same seed tells the same story, word by word.

use super::{fault, words};
use crate::{
    connection::{
        life::{Ask, Command, Evidence, Input, Life, Phase, Push, State, Tempo},
        view,
    },
    diagnosis::Class,
    events::{Detail, StateName},
};
use mdd_driver_api::model::{Identity, Queue, Sample};
use std::{fmt::Write as _, time::Duration};
use tokio::time::Instant;

/// SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Clone)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// What the service is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// Answers after so many milliseconds.
    Up(u64),
    /// Nobody listens.
    Down,
    /// Listens, and answers 503.
    Starting,
    /// Its loop is blocked by work: the process is busy, nobody is answered.
    Busy,
    /// Accepts connections and does nothing.
    Hung,
    /// Stopped by a signal.
    Stopped,
    /// Packets go nowhere.
    CutOff,
    /// Another program has the port.
    Stranger,
    /// It wants another key.
    Locked,
}

/// What happens from outside at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Happening {
    Becomes(Service),
    /// The live connection breaks, and cannot be opened until the next one of these.
    PushBreaks,
    PushWorks,
    /// The host does not run for so many milliseconds.
    HostStarves(u64),
    /// The machine sleeps.
    Sleeps,
    UserTries,
}

/// A fault of the machine that the checks must find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bug {
    NoFloor,
    LastAttempt,
    EarlyReset,
    TwoProbes,
    LeavesProbeBehind,
    BusyIsDead,
    UnseenIsDead,
    NobodyIsLost,
    BlamesTheServiceForTheHost,
    SlowToConfirm,
    RefusedForEver,
    ShowsTheKeyAgain,
    NeverReopensLiveUpdates,
    ConnectedWithoutIdentity,
}

pub(super) const BUGS: [Bug; 14] = [
    Bug::NoFloor,
    Bug::LastAttempt,
    Bug::EarlyReset,
    Bug::TwoProbes,
    Bug::LeavesProbeBehind,
    Bug::BusyIsDead,
    Bug::UnseenIsDead,
    Bug::NobodyIsLost,
    Bug::BlamesTheServiceForTheHost,
    Bug::SlowToConfirm,
    Bug::RefusedForEver,
    Bug::ShowsTheKeyAgain,
    Bug::NeverReopensLiveUpdates,
    Bug::ConnectedWithoutIdentity,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    Dial,
    Identify,
    Check,
}

#[derive(Debug, Clone, Copy)]
struct Asked {
    question: Question,
    since: u64,
    /// When it is given up.
    until: u64,
}

/// Everything in milliseconds since the start.
pub(super) struct World {
    pub(super) life: Life,
    start: Instant,
    pub(super) now: u64,
    random: Random,
    pub(super) service: Service,
    since: u64,
    push_works: bool,
    push_since: u64,
    asked: Vec<Asked>,
    watching: Option<u64>,
    is_open: bool,
    stopped_told: bool,
    has_process: bool,
    /// That process does the work itself; else it only passes connections on.
    is_service: bool,
    /// The host will not run for so long, from its next question on.
    starves_next: Option<u64>,
    /// Until when the host does not run, and since when.
    starving: Option<(u64, u64)>,
    last_late: u64,
    /// The host has just run again, and did not since then.
    overslept: Option<u64>,
    /// Attempts that nobody hurried, since the last success.
    outage: Vec<u64>,
    failed_at: Option<u64>,
    /// Something has allowed a try before the pause is over.
    hurried: bool,
    identified: bool,
    key_shown: u32,
    pub(super) bug: Option<Bug>,
    pub(super) log: String,
    pub(super) figures: Figures,
    last_seen: String,
    was_connected_when_busy: bool,
    wrong_since: Option<u64>,
}

/// What a story came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) attempts: u32,
    pub(super) successes: u32,
    pub(super) losses: u32,
    pub(super) connected_ms: u64,
    pub(super) total_ms: u64,
    pub(super) checks: u32,
}

impl World {
    pub(super) fn new(seed: u64, bug: Option<Bug>, interval: Duration) -> Self {
        let start = Instant::now();
        let tempo = Tempo::new(interval, start);
        let life = Life::new(words(), true, start).paced(tempo);
        let mut world = Self {
            life,
            start,
            now: 0,
            random: Random(seed),
            service: Service::Down,
            since: 0,
            push_works: true,
            push_since: 0,
            asked: vec![],
            watching: None,
            is_open: false,
            stopped_told: false,
            has_process: false,
            is_service: false,
            starves_next: None,
            starving: None,
            last_late: 0,
            overslept: None,
            outage: vec![],
            failed_at: None,
            hurried: true,
            identified: false,
            key_shown: 0,
            bug,
            log: String::new(),
            figures: Figures::default(),
            last_seen: String::new(),
            was_connected_when_busy: false,
            wrong_since: None,
        };
        world.tell(Input::TryNow).expect("the first step breaks no rule");
        world
    }

    fn instant(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }

    fn millis(&self, at: Instant) -> u64 {
        // Rounded up, so that whatever is due then really is.
        u64::try_from(at.duration_since(self.start).as_nanos().div_ceil(1_000_000)).unwrap()
    }

    pub(super) fn is_connected(&self) -> bool {
        matches!(self.life.state(), State::Connected(_))
    }

    /// Something happens outside.
    pub(super) fn happens(&mut self, happening: Happening) -> Result<(), String> {
        let _infallible = writeln!(self.log, "{} {happening:?}", self.now);
        match happening {
            Happening::Becomes(service) => {
                let before = std::mem::replace(&mut self.service, service);
                self.since = self.now;
                self.was_connected_when_busy = before != Service::Down
                    && matches!(self.life.state(), State::Connected(connected) if connected.exited.is_none());
                let gone = matches!(service, Service::Down | Service::Stranger | Service::Starting);
                if gone {
                    self.is_open = false;
                    if self.watching.is_some() && self.is_connected() {
                        self.watching = None;
                        self.tell(Input::WatchEnded(Some(fault(Class::Odd, "connection-lost"))))?;
                    }
                    if self.has_process && self.is_connected() {
                        self.has_process = false;
                        self.tell(Input::Exited(super::reason("process-exited")))?;
                    }
                }
                if before == Service::Down {
                    // Another process may want another key.
                    self.key_shown = 0;
                }
                if before == Service::Down
                    && service != Service::Down
                    && service != Service::CutOff
                    && self.random.below(2) == 0
                {
                    self.hurried = true;
                    self.tell(Input::Listens)?;
                }
                self.evidence()?;
            }
            Happening::PushBreaks => {
                self.push_works = false;
                self.is_open = false;
                if self.watching.take().is_some() {
                    self.tell(Input::WatchEnded(Some(fault(Class::Odd, "connection-lost"))))?;
                }
            }
            Happening::PushWorks => (self.push_works, self.push_since) = (true, self.now),
            Happening::HostStarves(ms) => self.starves_next = Some(ms),
            Happening::Sleeps => {
                self.hurried = true;
                self.last_late = self.now;
                self.tell(Input::Woke)?;
            }
            Happening::UserTries => {
                self.hurried = true;
                self.key_shown = 0;
                self.tell(Input::TryNow)?;
            }
        }
        Ok(())
    }

    /// What the operating system says, when it is news.
    fn evidence(&mut self) -> Result<(), String> {
        if !self.is_connected() || !self.has_process {
            return Ok(());
        }
        let stopped = self.service == Service::Stopped;
        if stopped != self.stopped_told {
            self.stopped_told = stopped;
            return self.tell(Input::Evidence(if stopped { Evidence::Stopped } else { Evidence::Unclear }));
        }
        let silent = matches!(self.life.state(), State::Connected(connected) if connected.silence.is_some());
        if silent && !stopped {
            let works = self.service == Service::Busy && self.bug != Some(Bug::BusyIsDead);
            return self.tell(Input::Evidence(match (self.is_service, works) {
                (true, true) => Evidence::Works,
                (true, false) => Evidence::Idle,
                (false, _) => Evidence::Unclear,
            }));
        }
        Ok(())
    }

    /// Goes on to a moment.
    pub(super) fn run_until(&mut self, end: u64) -> Result<(), String> {
        while self.now < end {
            let mut next = end.min((self.now / 250 + 1) * 250);
            for asked in &self.asked {
                next = next.min(self.answered_at(asked).min(asked.until));
            }
            if let Some(opened) = self.watching.filter(|opened| !self.is_open && opened + 5 > self.now) {
                next = next.min(opened + 5);
            }
            if let Some(due) = self.life.due() {
                next = next.min(self.millis(due));
            }
            if let Some((_, until)) = self.starving {
                next = next.max(until);
            }
            let next = next.max(self.now);
            self.count(next.min(end) - self.now);
            self.now = next;
            if let Some((since, until)) = self.starving.filter(|(_, until)| self.now >= *until) {
                self.starving = None;
                self.last_late = self.now;
                self.overslept = Some(since);
                if self.bug != Some(Bug::BlamesTheServiceForTheHost) {
                    self.tell(Input::Late(Duration::from_millis(until - since)))?;
                }
            }
            self.settle()?;
            if self.asked.iter().all(|asked| asked.until > self.now) {
                self.overslept = None;
            }
        }
        Ok(())
    }

    fn count(&mut self, ms: u64) {
        self.figures.total_ms += ms;
        if self.is_connected() {
            self.figures.connected_ms += ms;
        }
    }

    /// When an answer comes, as things stand.
    fn answered_at(&self, asked: &Asked) -> u64 {
        match (self.service, asked.question) {
            (Service::Up(latency), Question::Check | Question::Identify) => asked.since.max(self.since) + latency,
            (Service::Down | Service::Starting | Service::Stranger | Service::Locked, _) => {
                asked.since.max(self.since) + 2
            }
            (Service::Up(_) | Service::Busy | Service::Hung | Service::Stopped, Question::Dial) => {
                asked.since.max(self.since) + 1
            }
            (Service::Busy | Service::Hung | Service::Stopped | Service::CutOff, _) => u64::MAX,
        }
    }

    /// Everything that is due now.
    fn settle(&mut self) -> Result<(), String> {
        if let Some(at) = self.asked.iter().position(|asked| self.answered_at(asked).min(asked.until) <= self.now) {
            let asked = self.asked.remove(at);
            let answered = self.answered_at(&asked);
            // Whoever did not run when the answer came finds that its time is over.
            let overslept = asked.until <= self.now && self.overslept.is_some_and(|since| answered >= since);
            let in_time = answered <= self.now.min(asked.until) && !overslept;
            let input = self.outcome(asked.question, in_time);
            if !in_time || self.service == Service::Down {
                self.evidence()?;
            }
            self.tell(input)?;
        }
        if let Some(opened) = self.watching
            && !self.is_open
            && self.now >= opened + 5
        {
            match self.service {
                Service::Up(_) if self.push_works => {
                    self.is_open = true;
                    self.tell(Input::Status(Sample::default()))?;
                }
                Service::Up(_) | Service::Starting | Service::Down => {
                    self.watching = None;
                    self.tell(Input::WatchEnded(Some(fault(Class::Odd, "upgrade-refused"))))?;
                }
                _ => {}
            }
        }
        if self.life.due().is_some_and(|due| self.millis(due) <= self.now) {
            self.tell(Input::Tick)?;
        }
        if self.now.is_multiple_of(250) {
            self.evidence()?;
        }
        self.check_rules()
    }

    fn outcome(&mut self, question: Question, in_time: bool) -> Input {
        // Whichever deadline of a question to a machine that is off comes first.
        let nobody = self.service == Service::CutOff && (question == Question::Dial || self.random.below(8) == 0);
        let silent = fault(Class::Silent, if nobody { "connect-timeout" } else { "no-answer" });
        let refused = fault(Class::Gone, "connection-refused");
        let starting = crate::connection::Fault { may_start: true, ..fault(Class::Odd, "unexpected-answer") };
        match (question, self.service) {
            (Question::Dial, _) if !in_time => Input::Dialed(Err(silent)),
            (Question::Dial, Service::Down) => Input::Dialed(Err(refused)),
            (Question::Dial, _) => Input::Dialed(Ok(())),
            (Question::Identify, _) if !in_time => Input::Identified(Err(silent)),
            (Question::Identify, Service::Up(_)) => {
                self.identified = true;
                Input::Identified(Ok(Identity::mine(95, "it")))
            }
            (Question::Identify, Service::Locked) => {
                self.identified = true;
                Input::Identified(Ok(Identity::locked(95, "a key")))
            }
            (Question::Identify, Service::Stranger) => Input::Identified(Ok(Identity::no("a web page"))),
            (Question::Identify, Service::Starting) => Input::Identified(Err(starting)),
            (Question::Identify, _) => Input::Identified(Err(refused)),
            (Question::Check, _) if !in_time => Input::Checked(Err(silent)),
            (Question::Check, Service::Up(_)) => {
                let running = u32::from(self.random.below(3) == 0);
                Input::Checked(Ok(Sample::with_queue(Queue { running, pending: None })))
            }
            (Question::Check, Service::Locked) => Input::Checked(Err(fault(Class::NeedsYou, "lamp.key-rejected"))),
            (Question::Check, Service::Stranger) => Input::Checked(Err(fault(Class::Odd, "unexpected-answer"))),
            (Question::Check, Service::Starting) => Input::Checked(Err(starting)),
            (Question::Check, _) => Input::Checked(Err(refused)),
        }
    }

    /// The only way into the machine.
    fn tell(&mut self, input: Input) -> Result<(), String> {
        let random = self.random.next();
        let was_waiting = matches!(self.life.state(), State::Waiting { .. });
        let was_connected = self.is_connected();
        let trying = matches!(self.life.state(), State::Connecting { .. });
        let dialed = matches!(input, Input::Dialed(Ok(())));
        let missed = matches!(input, Input::Checked(Err(_)));
        let now = self.instant(self.now);
        let mut commands = self.life.handle(input, now, random);
        self.spoil(&mut commands, dialed, missed);
        for command in &commands {
            self.obey(*command)?;
        }
        let is_waiting = matches!(self.life.state(), State::Waiting { .. });
        if is_waiting && !was_waiting {
            self.failed_at = Some(self.now);
            self.hurried = false;
        }
        match (was_connected, self.is_connected()) {
            (false, true) => {
                self.figures.successes += 1;
                self.outage.clear();
                self.has_process = self.random.below(4) > 0;
                self.is_service = self.random.below(4) > 0;
                self.stopped_told = false;
                self.was_connected_when_busy = !matches!(self.service, Service::Busy);
                if !std::mem::take(&mut self.identified) {
                    return Err("connected without having been identified".to_owned());
                }
            }
            (true, false) => {
                self.figures.losses += 1;
                if self.service == Service::Busy && self.was_connected_when_busy {
                    return Err("a busy service was taken for dead".to_owned());
                }
                if matches!(self.service, Service::Up(latency) if latency < 1_000) && self.now - self.since > 20_000 {
                    return Err("a healthy service was taken for dead".to_owned());
                }
            }
            _ => {}
        }
        if trying && !self.is_connected() && !matches!(self.life.state(), State::Connecting { .. }) {
            self.identified = false;
        }
        self.note(&commands);
        Ok(())
    }

    fn note(&mut self, commands: &[Command]) {
        let seen = view::seen(&self.life);
        let code = seen.reason.as_ref().map_or("", |reason| &reason.code);
        let text = format!("{} {} {code}", seen.state, seen.detail);
        if text != self.last_seen || !commands.is_empty() {
            let _infallible = writeln!(self.log, "{} {text} {commands:?}", self.now);
            self.last_seen = text;
        }
    }

    fn obey(&mut self, command: Command) -> Result<(), String> {
        let patience = u64::try_from(self.life.patience(self.instant(self.now)).as_millis()).unwrap();
        match command {
            // It is silent: that is no attempt to connect.
            Command::Dial if self.is_connected() => self.ask(Question::Dial, 3_000)?,
            Command::Dial => {
                self.figures.attempts += 1;
                if !self.hurried && self.failed_at.is_some_and(|failed| self.now < failed + 250) {
                    return Err(format!("tried again {} ms after a failure", self.now - self.failed_at.unwrap()));
                }
                if !std::mem::take(&mut self.hurried) {
                    self.outage.push(self.now);
                    let lately = self.outage.iter().filter(|at| **at + 600_000 > self.now).count();
                    if lately > 80 {
                        return Err(format!("{lately} attempts in ten minutes"));
                    }
                }
                self.ask(Question::Dial, 1_000)?;
            }
            Command::Identify => self.ask(Question::Identify, 8_000)?,
            Command::Check => {
                self.figures.checks += 1;
                self.ask(Question::Check, patience)?;
            }
            Command::Promote => {
                if self.service == Service::Locked {
                    self.key_shown += 1;
                    if self.key_shown > 1 {
                        return Err("a key that was refused was shown again".to_owned());
                    }
                } else {
                    self.key_shown = 0;
                }
            }
            Command::Watch => (self.watching, self.is_open) = (Some(self.now), false),
            Command::StopWatch => (self.watching, self.is_open) = (None, false),
            Command::Abandon => {
                self.asked.clear();
                (self.watching, self.is_open) = (None, false);
            }
            Command::Inspect | Command::Refresh | Command::DropInstance => {}
        }
        Ok(())
    }

    fn ask(&mut self, question: Question, patience: u64) -> Result<(), String> {
        if let Some(ms) = self.starves_next.take() {
            self.starving = Some((self.now, self.now + ms));
        }
        self.asked.push(Asked { question, since: self.now, until: self.now + patience });
        if self.asked.len() > 1 { Err("two questions at once".to_owned()) } else { Ok(()) }
    }

    /// What a faulty machine would do.
    fn spoil(&mut self, commands: &mut Vec<Command>, dialed: bool, missed: bool) {
        let now = self.instant(self.now);
        match (self.bug, &mut self.life.state) {
            (Some(Bug::NoFloor), State::Waiting { next_try, .. }) => *next_try = now,
            (Some(Bug::LastAttempt), State::Waiting { next_try, .. }) if self.life.backoff.failures() >= 10 => {
                *next_try = now + Duration::from_secs(1_000_000);
            }
            (Some(Bug::EarlyReset), _) if dialed => self.life.backoff.reset(),
            (Some(Bug::TwoProbes), State::Connected(connected)) if missed => {
                if let Ask::At(_) = connected.check {
                    commands.extend([Command::Check, Command::Check]);
                    connected.check = Ask::UnderWay;
                }
            }
            (Some(Bug::UnseenIsDead), State::Connected(_)) if commands[..] == [Command::Dial] => {
                *commands = self.life.failed(fault(Class::Silent, "stopped-answering"), now, 0);
            }
            (Some(Bug::NobodyIsLost), State::Connected(connected)) if commands[..] == [Command::Dial] => {
                commands.clear();
                connected.check = Ask::At(now + Duration::from_secs(5));
            }
            (Some(Bug::LeavesProbeBehind), _) => commands.retain(|command| *command != Command::Abandon),
            (Some(Bug::SlowToConfirm), State::Connected(connected)) if missed && connected.silence.is_some() => {
                connected.check = Ask::At(now + Duration::from_secs(20));
            }
            (Some(Bug::RefusedForEver), State::Refused { due, asking: false, .. }) => {
                *due = now + Duration::from_secs(1_000_000);
            }
            (Some(Bug::ShowsTheKeyAgain), _) => self.life.key_refused = false,
            (Some(Bug::NeverReopensLiveUpdates), State::Connected(connected)) => {
                if let Push::Down(at, _) = &mut connected.push {
                    *at = now + Duration::from_secs(1_000_000);
                }
            }
            (Some(Bug::ConnectedWithoutIdentity), State::Connecting { phase: Phase::Identify, .. }) if dialed => {
                commands.clear();
                commands.extend(self.life.go_on(now));
            }
            _ => {}
        }
    }

    /// What must hold at every moment.
    fn check_rules(&mut self) -> Result<(), String> {
        if self.life.due().is_none() && self.asked.is_empty() {
            return Err("it waits for nothing".to_owned());
        }
        let seen = view::seen(&self.life);
        let usable =
            seen.state == StateName::Connected && !matches!(seen.detail, Detail::Unresponsive | Detail::Suspended);
        // What the host cannot know: it did not run, or has just begun to.
        let since = self.since.max(if self.last_late > 0 { self.last_late + 25_000 } else { 0 });
        let held = self.now.saturating_sub(since);
        let wrong = match self.service {
            Service::Up(latency) if latency < 1_000 => {
                if seen.detail == Detail::Unresponsive && self.now - self.since > 20_000 {
                    return Err("a healthy service is shown as unresponsive".to_owned());
                }
                let limited = self.push_works && seen.detail == Detail::Degraded;
                !usable && held > 75_000 || limited && held.min(self.now - self.push_since) > 75_000
            }
            Service::Down | Service::Starting | Service::Stranger | Service::Locked => usable && held > 15_000,
            // Another machine, whose processes nobody sees.
            Service::CutOff if self.is_connected() && !self.has_process && held > 75_000 => {
                return Err("a machine that is off is not given up".to_owned());
            }
            Service::Hung | Service::CutOff => usable && held > 15_000,
            Service::Stopped => usable && held > 15_000,
            Service::Up(_) | Service::Busy => false,
        };
        if !wrong {
            self.wrong_since = None;
            return Ok(());
        }
        let since = *self.wrong_since.get_or_insert(self.now);
        // A push channel that was reopened may just be breaking again.
        if self.now - since > 1_000 || usable {
            return Err(format!("{:?} for {held} ms is shown as {} ({})", self.service, seen.state, seen.detail));
        }
        Ok(())
    }
}

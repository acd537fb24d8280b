//! A simulated service, network, machine and host around the state machine, driven by one seed.
//!
//! Nothing here waits: time is a number that jumps to the next event. The same seed tells the same story, word by word.

mod bug;
mod figures;
mod rules;
mod service;

pub(super) use bug::{BUGS, Bug};
pub(super) use figures::Figures;
pub(super) use service::Service;
use service::{Asked, Question};

use super::{fault, words};
use crate::{
    connection::{
        backoff::{CAP, FLOOR},
        life::{Command, Evidence, Input, Life, State, Tempo},
        view,
    },
    diagnosis::Class,
    events::Detail,
};
use mdd_driver_api::model::Sample;
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
    /// Questions travel by a connection that was there before the service became like this.
    has_old_connection: bool,
    /// Whether processes are seen; else chance decides it for each connection.
    sees_processes: Option<bool>,
    /// Whether it is told when somebody listens; else chance decides it each time.
    sees_sockets: Option<bool>,
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
    /// The last pause before one.
    pause: Option<Duration>,
    failed_at: Option<u64>,
    /// Something has allowed a try before the pause is over.
    hurried: bool,
    /// It was under way to connected before the last input.
    trying: bool,
    /// The attempt that is under way began while the service was up.
    at_well: bool,
    identified: bool,
    key_shown: u32,
    pub(super) bug: Option<Bug>,
    pub(super) log: String,
    pub(super) figures: Figures,
    last_seen: String,
    was_connected_when_busy: bool,
    wrong_since: Option<u64>,
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
            has_old_connection: false,
            sees_processes: None,
            sees_sockets: None,
            is_service: false,
            starves_next: None,
            starving: None,
            last_late: 0,
            overslept: None,
            outage: vec![],
            pause: None,
            failed_at: None,
            hurried: true,
            trying: false,
            at_well: false,
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

    /// What the host sees of this machine, in place of chance.
    pub(super) fn seeing(self, processes: bool, sockets: bool) -> Self {
        Self { sees_processes: Some(processes), sees_sockets: Some(sockets), ..self }
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
                self.has_old_connection = self.random.below(2) == 0;
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
                    && self.sees_sockets.unwrap_or(self.random.below(2) == 0)
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

    /// At work or not.
    fn is_well(&self) -> bool {
        matches!(self.service, Service::Up(_) | Service::Busy)
    }

    fn count(&mut self, ms: u64) {
        self.figures.total_ms += ms;
        if self.is_well() {
            self.figures.well_ms += ms;
        }
        if self.is_connected() {
            self.figures.connected_ms += ms;
            self.figures.connected_well_ms += if self.is_well() { ms } else { 0 };
        }
        if view::seen(&self.life).detail == Detail::Unresponsive {
            self.figures.unresponsive_ms += ms;
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

    /// The only way into the machine.
    fn tell(&mut self, input: Input) -> Result<(), String> {
        let random = self.random.next();
        let was_waiting = matches!(self.life.state(), State::Waiting { .. });
        let was_connected = self.is_connected();
        self.trying = matches!(self.life.state(), State::Connecting { .. });
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
            self.pauses(now)?;
        }
        match (was_connected, self.is_connected()) {
            (false, true) => {
                self.figures.successes += 1;
                self.figures.successes_at_well += u32::from(std::mem::take(&mut self.at_well));
                self.outage.clear();
                self.has_process = self.sees_processes.unwrap_or(self.random.below(4) > 0);
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
        if self.trying && !self.is_connected() && !matches!(self.life.state(), State::Connecting { .. }) {
            self.identified = false;
        }
        self.note(&commands);
        Ok(())
    }

    /// Hosts that have lost one service together must not ask for it together: no two pauses are the same.
    fn pauses(&mut self, now: Instant) -> Result<(), String> {
        let State::Waiting { next_try, .. } = self.life.state() else { return Ok(()) };
        let pause = next_try.duration_since(now);
        match self.pause.replace(pause) {
            Some(before) if before == pause && pause > FLOOR && pause <= CAP => {
                Err(format!("paused twice for {pause:?}"))
            }
            _ => Ok(()),
        }
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
                if !self.trying {
                    self.figures.attempts += 1;
                    self.at_well = self.is_well();
                    self.figures.attempts_at_well += u32::from(self.at_well);
                }
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
            Command::Identify => {
                self.figures.attempts += u32::from(matches!(self.life.state(), State::Refused { .. }));
                self.ask(Question::Identify, 8_000)?;
            }
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
}

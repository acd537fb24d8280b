//! A driver, the services it is checked with, and what is seen of it everywhere.

use crate::{
    clock::{Clock, Conduct, Driven},
    host::Host,
    job::{Journal, Port, RECIPES},
    laws::Grounds,
    service::{Question, Service},
};
use mdd_core::{endpoint::Endpoint, plugins::LoadedDriver};
use mdd_driver_api::{
    DriverError, ErrorKind,
    abi::{DriverBox, Event, EventKind, EventSink, EventSinkArc, Fut, J},
    model::{Attempt, Identity, Inspection, Instance, JobFile, Outcome, Problem, Role, Sample},
};
use mdd_replay::{Effect, JobScript, Script};
use serde::de::DeserializeOwned;
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

/// Longer than any run of a script takes, in milliseconds: some drivers look for a lost result for hours.
pub(crate) const LONG_MS: u64 = 10_800_000;
/// Where no manifest names a port.
const PORT: u16 = 8099;

/// One driver under check.
pub(crate) struct Bench<'a> {
    pub(crate) driver: &'a LoadedDriver,
    /// Its own services, by the name of their scripts.
    pub(crate) scripts: BTreeMap<String, Arc<Script>>,
    /// Those of others, by name.
    pub(crate) strangers: BTreeMap<String, Arc<Script>>,
    pub(crate) seen: RefCell<Observations>,
    /// What laws stand on, as far as it was tried.
    pub(crate) grounds: RefCell<Grounds>,
}

/// What is wrong wherever it is seen.
#[derive(Debug, Default)]
pub(crate) struct Observations {
    pub(crate) panics: Vec<String>,
    pub(crate) blocked: Vec<String>,
    pub(crate) waited_elsewhere: Vec<String>,
    pub(crate) undeclared: BTreeSet<String>,
    /// Every code of its own that it has reported.
    pub(crate) codes: BTreeSet<String>,
    pub(crate) costly: BTreeSet<String>,
    pub(crate) forbidden: BTreeSet<String>,
    pub(crate) checkpoints: BTreeSet<String>,
}

impl<'a> Bench<'a> {
    /// A fresh service of a script, and a clock that starts with it.
    pub(crate) fn place(&self, script: &Arc<Script>) -> Place<'_> {
        let port = self.driver.manifest.driver.default_ports.first().copied().unwrap_or(PORT);
        let endpoint = Endpoint::parse(&format!("http://127.0.0.1:{port}")).expect("a number is a port");
        let clock = Clock::default();
        let service = Service::new(script, &endpoint.to_string());
        Place { bench: self, script: script.clone(), clock, service, endpoint }
    }

    /// How often it has panicked.
    pub(crate) fn panics(&self) -> usize {
        self.seen.borrow().panics.len()
    }

    /// The codes of its manifest that nothing has provoked.
    pub(crate) fn not_seen(&self) -> Vec<String> {
        let seen = self.seen.borrow();
        let declared = self.driver.manifest.driver.errors.keys();
        declared.filter(|code| !seen.codes.contains(*code)).cloned().collect()
    }
}

/// One service with its clock.
pub(crate) struct Place<'a> {
    bench: &'a Bench<'a>,
    script: Arc<Script>,
    pub(crate) clock: Clock,
    pub(crate) service: Service,
    endpoint: Endpoint,
}

/// The driver's object for that service.
pub(crate) struct Object<'p> {
    place: &'p Place<'p>,
    /// `None` once it is dropped.
    object: Option<DriverBox>,
    host: Host,
    is_candidate: Arc<AtomicBool>,
}

/// A method that has ended, or not.
pub(crate) type Ended<T> = Driven<Result<T, DriverError>>;

impl<'a> Place<'a> {
    /// A candidate's object, and what lives as long as the driver's handle to the host.
    pub(crate) fn candidate(&self) -> Result<(Object<'_>, Weak<()>), DriverError> {
        let declaration = &self.bench.driver.manifest.driver;
        let mut instance = Instance::default();
        instance.backend_id = "conformance".to_owned();
        instance.endpoint = self.endpoint.to_string();
        instance.role = Role::Candidate;
        instance.settings = self.script.settings.clone();
        let is_set = |name: &String| (name.clone(), self.script.secrets.contains(name));
        instance.secrets = declaration.secrets.keys().map(is_set).collect();
        instance.features = RECIPES.map(str::to_owned).to_vec();
        let is_candidate = Arc::new(AtomicBool::new(true));
        let held = Arc::new(());
        let Self { clock, service, endpoint, .. } = self;
        let host = Host::new(clock, service, endpoint, &declaration.probe_posts, &is_candidate, &held);
        let watched = Arc::downgrade(&held);
        drop(held);
        let made = self.bench.driver.create(host.object(), &instance);
        let object = made.inspect_err(|error| self.observe("create", error))?;
        // Ours must not count.
        let idle = Host::new(clock, service, endpoint, &[], &Arc::default(), &Arc::default());
        Ok((Object { place: self, object: Some(object), host: idle, is_candidate }, watched))
    }

    /// An object that was identified, as the host has it before anything else.
    pub(crate) fn backend(&self) -> Result<Object<'_>, String> {
        let (object, _) = self.candidate().map_err(|error| format!("create: {error}"))?;
        match object.identify() {
            Driven::Ready(Ok(identity)) if identity.score >= 50 => {}
            Driven::Ready(Ok(identity)) => return Err(format!("it is not identified: it sees {}", identity.seen)),
            other => return Err(format!("it is not identified: {}", in_words(&other))),
        }
        object.is_candidate.store(false, Ordering::Relaxed);
        Ok(object)
    }

    fn drive<T: 'static>(
        &self,
        method: &'static str,
        future: Fut<T>,
        within_ms: u64,
        stop: impl FnMut() -> bool,
    ) -> Ended<T> {
        let mut conduct = Conduct::default();
        let future = Box::pin(async move { future.await.into_result() });
        let driven = self.clock.drive(future, within_ms, stop, &mut conduct);
        let mut seen = self.bench.seen.borrow_mut();
        if let Some(took) = conduct.blocked {
            seen.blocked.push(format!("{method} did not return from a poll for {:.1} s", took.as_secs_f64()));
        }
        if conduct.waited_elsewhere {
            seen.waited_elsewhere.push(format!("{method} waits for something that is not the host's"));
        }
        drop(seen);
        if let Driven::Ready(Err(error)) = &driven {
            self.observe(method, error);
        }
        driven
    }

    /// The same for a method that must cost nothing.
    fn ask<X: DeserializeOwned + 'static>(&self, method: &'static str, future: Fut<J<X>>, within_ms: u64) -> Ended<X> {
        let from = self.service.len();
        let driven = self.drive(method, future, within_ms, || false);
        self.note_costs(method, from);
        match driven {
            Driven::Ready(answer) => Driven::Ready(answer.and_then(|answer| answer.decode())),
            Driven::Stopped => Driven::Stopped,
            Driven::Quiet => Driven::Quiet,
            Driven::Late => Driven::Late,
        }
    }

    fn note_costs(&self, method: &str, from: usize) {
        let mut seen = self.bench.seen.borrow_mut();
        for question in self.service.questions(from) {
            if matches!(question.effect, Some(Effect::Starts | Effect::Costs)) {
                seen.costly.insert(format!("{method} asks {question}"));
            }
            if let Some(why) = question.forbidden {
                seen.forbidden.insert(format!("{method}: {why}"));
            }
        }
    }

    fn observe(&self, method: &str, error: &DriverError) {
        let mut seen = self.bench.seen.borrow_mut();
        if error.kind == ErrorKind::PANIC && !error.message.starts_with("poisoned") {
            seen.panics.push(format!("{method} {}", error.message));
        }
        self.declared(&mut seen, &error.code);
    }

    fn declared(&self, seen: &mut Observations, code: &str) {
        // The host's own codes have no dot.
        if code.contains('.') {
            seen.codes.insert(code.to_owned());
            if !self.bench.driver.manifest.driver.errors.contains_key(code) {
                seen.undeclared.insert(code.to_owned());
            }
        }
    }

    /// An attempt at the script's job.
    pub(crate) fn attempt(&self, job: &JobScript) -> Attempt {
        let mut attempt = Attempt::default();
        attempt.job = "job-1".to_owned();
        attempt.attempt = "0a1b2c3d-1111-4111-8111-111111111111".to_owned();
        attempt.operation.clone_from(&job.operation);
        attempt.payload = job.payload.clone();
        let file = |file: &mdd_replay::ScriptFile| {
            let mut made = JobFile::default();
            made.name.clone_from(&file.name);
            made.handle = format!("{}/{}", attempt.attempt, file.name);
            made.bytes = 4096;
            made.media_type.clone_from(&file.media_type);
            made.sha256 = "0".repeat(64);
            made
        };
        attempt.files = job.files.iter().map(file).collect();
        attempt
    }

    pub(crate) fn questions(&self, from: usize) -> Vec<Question> {
        self.service.questions(from)
    }

    /// Whether the host did not send something that it was to send here.
    pub(crate) fn was_refused(&self) -> bool {
        self.questions(0).iter().any(|question| question.forbidden.is_some())
    }
}

impl Object<'_> {
    fn object(&self) -> &DriverBox {
        self.object.as_ref().expect("it is only taken when it is dropped")
    }

    pub(crate) fn identify(&self) -> Ended<Identity> {
        self.place.ask("identify", self.object().identify(), LONG_MS)
    }

    pub(crate) fn check(&self) -> Ended<Sample> {
        self.place.ask("check", self.object().check(), LONG_MS)
    }

    pub(crate) fn inspect(&self) -> Ended<Inspection> {
        self.place.ask("inspect", self.object().inspect(), LONG_MS)
    }

    /// One life of the push channel, for at most that long, and the kinds of news.
    pub(crate) fn watch(&self, within_ms: u64) -> (Ended<()>, Vec<EventKind>) {
        let from = self.place.service.len();
        let sink = Sink::default();
        let watching = self.object().watch(EventSinkArc::of(sink.clone()));
        let driven = self.place.drive("watch", watching, within_ms, || false);
        self.place.note_costs("watch", from);
        let news = sink.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut seen = self.place.bench.seen.borrow_mut();
        for event in news.iter().filter(|event| event.kind == EventKind::DEGRADED) {
            let problem: Problem = serde_json::from_str(&event.payload).unwrap_or_default();
            self.place.declared(&mut seen, &problem.code);
        }
        (driven, news.iter().map(|event| event.kind).collect())
    }

    /// A port for a run.
    pub(crate) fn port(&self, journal: Journal) -> Port {
        Port::new(&self.place.clock, &self.place.service, &self.host, journal)
    }

    /// Carries an attempt.
    pub(crate) fn run(
        &self,
        attempt: &Attempt,
        port: &Port,
        within_ms: u64,
        stop: impl FnMut() -> bool,
    ) -> Ended<Outcome> {
        let Ok(encoded) = J::encode(attempt) else { return Driven::Quiet };
        let driven = self.place.drive("run", self.object().run(encoded, port.object()), within_ms, stop);
        let mut seen = self.place.bench.seen.borrow_mut();
        for noted in &port.notes().checkpoints {
            if !noted.state.is_null() && noted.state.get("v").is_none() {
                seen.checkpoints.insert(format!("the state of {:?} has no version in \"v\"", noted.stage));
            }
        }
        let driven = match driven {
            Driven::Ready(answer) => Driven::Ready(answer.and_then(|answer| answer.decode())),
            Driven::Stopped => Driven::Stopped,
            Driven::Quiet => Driven::Quiet,
            Driven::Late => Driven::Late,
        };
        if let Driven::Ready(Ok(Outcome { problem: Some(problem), .. })) = &driven {
            self.place.declared(&mut seen, &problem.code);
        }
        driven
    }
}

impl Drop for Object<'_> {
    fn drop(&mut self) {
        drop(self.object.take());
    }
}

/// Where news of `watch` go.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<Event>>>);

impl EventSink for Sink {
    fn emit(&self, event: Event) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        true
    }
}

/// How something ended, for a report.
pub(crate) fn in_words<T: std::fmt::Debug>(ended: &Ended<T>) -> String {
    match ended {
        Driven::Ready(Ok(value)) => mdd_driver_api::text::printable(&format!("{value:?}"), 120),
        Driven::Ready(Err(error)) => {
            let effect = if error.effect == mdd_driver_api::Effect::NONE { ", without effect" } else { "" };
            format!("{error:?}{effect}")
        }
        Driven::Stopped => "it was let go of".to_owned(),
        Driven::Quiet => "it waits for something that never comes".to_owned(),
        Driven::Late => "it does not end".to_owned(),
    }
}

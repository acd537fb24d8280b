//! One task per backend: performs the commands of its [`Life`] and times what it does.

mod asking;
mod process;
mod publishing;
mod reasons;

use super::{Configuration, Request, Shared};
use crate::{
    connection::{
        Backend, Command, Fault, Input, Instance, Life, Link, State, awake::Awake, instance::News, view,
        witness::Witness,
    },
    diagnosis::{Class, Reason},
    discovery::sockets::Holders,
    events::{BackendView, Bus, ModelView},
    health::Record,
};
use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use mdd_driver_api::{DriverError, ErrorKind, manifest::Declaration, model, model::Identity};
use reasons::{fault, refused_key, words};
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

/// Between two looks at a process that may be stopped.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Between two looks at the clocks when there is nothing else to look at.
const LOOK_SELDOM: Duration = Duration::from_secs(2);
/// A look that comes so much too late is a sign that the host itself is short of time.
const LATE: Duration = Duration::from_millis(500);

/// A question under way. `Inspect` feeds no input: the inventory is beside the life.
enum Answer {
    Life(Input),
    Check(Result<model::Sample, Fault>, Duration),
    Inventory(Result<model::Inspection, DriverError>),
    Holders(Option<Holders>),
}

struct Watching {
    end: BoxFuture<'static, Result<(), DriverError>>,
    news: mpsc::Receiver<News>,
}

pub(super) struct Task {
    backend: Backend,
    shared: Shared,
    life: Life,
    instance: Option<Arc<Instance>>,
    link: watch::Sender<Link>,
    asks: FuturesUnordered<BoxFuture<'static, Answer>>,
    watching: Option<Watching>,
    identity: Option<Identity>,
    inventory: Option<Arc<model::Inspection>>,
    /// Those of the inventory, as clients see them.
    models: Option<Arc<[ModelView]>>,
    /// The process that serves it, while it answers and is on this machine.
    witness: Option<Witness>,
    /// It is being looked for.
    finding: bool,
    /// The inventory is being read; and must be read again after that.
    inspecting: bool,
    inspect_again: bool,
    next_look: Instant,
    awake: Awake,
    record: Record,
    since: SystemTime,
    last: Option<BackendView>,
}

impl Task {
    pub(super) fn new(backend: Backend, shared: Shared) -> Self {
        let life = Life::new(words(&backend), !backend.secrets.is_empty(), Instant::now()).paced(shared.tempo.clone());
        let record = shared.records.of(&backend.id());
        Self {
            backend,
            shared,
            life,
            instance: None,
            link: watch::Sender::default(),
            asks: FuturesUnordered::new(),
            watching: None,
            identity: None,
            inventory: None,
            models: None,
            witness: None,
            finding: false,
            inspecting: false,
            inspect_again: false,
            next_look: Instant::now() + LOOK_EVERY,
            awake: Awake::new(),
            record,
            since: SystemTime::now(),
            last: None,
        }
    }

    /// Goes on with a service that discovery has recognised.
    pub(super) fn recognised(backend: Backend, shared: Shared, instance: Instance, identity: Identity) -> Self {
        let mut task = Self::new(backend, shared);
        let life = Life::recognised(words(&task.backend), !task.backend.secrets.is_empty(), Instant::now());
        task.life = life.paced(task.shared.tempo.clone());
        // It was made without secrets, and a driver may tell by them what an answer means.
        task.instance = task.backend.secrets.is_empty().then(|| Arc::new(instance));
        task.identity = Some(identity);
        task
    }

    pub(super) fn backend(&self) -> &Backend {
        &self.backend
    }

    pub(super) fn link(&self) -> watch::Receiver<Link> {
        self.link.subscribe()
    }

    pub(super) fn bus(&self) -> &Arc<Bus> {
        &self.shared.bus
    }

    pub(super) async fn run(mut self, first: Input, mut requests: mpsc::Receiver<Request>) {
        self.take(first);
        loop {
            let input = tokio::select! {
                request = requests.recv() => match request {
                    Some(Request::TryNow) => Some(Input::TryNow),
                    Some(Request::Listens) => Some(Input::Listens),
                    Some(Request::Disable) => Some(Input::Disable),
                    Some(Request::Configure(configuration)) => {
                        self.configure(*configuration);
                        Some(Input::TryNow)
                    }
                    None => return,
                },
                Some(answer) = self.asks.next(), if !self.asks.is_empty() => self.understand(answer),
                // News come before the end, so that none is lost when both are there.
                input = next_of(&mut self.watching), if self.watching.is_some() => {
                    input.map(|input| self.understand_watch(input))
                }
                () = doubted(&self.instance), if self.instance.is_some() => Some(Input::Doubted),
                () = ended(&mut self.witness), if self.witness.is_some() => self.process_ended(),
                () = sleep_until(self.next_look) => match self.look() {
                    Some(input) => Some(input),
                    // Nothing new, some times a second and for each backend: nothing to tell either.
                    None => continue,
                },
                () = sleep_until(self.life.due().unwrap_or_else(Instant::now)), if self.life.due().is_some() => self.due(),
            };
            match input {
                Some(input) => self.take(input),
                None => self.publish(),
            }
        }
    }

    /// Begins a new life: what the one before learned was learned with other settings.
    fn configure(&mut self, configuration: Configuration) {
        self.take(Input::Disable);
        let Configuration { settings, secrets, is_trusted } = configuration;
        self.backend = Backend { settings, secrets, is_trusted, ..self.backend.clone() };
        let life = Life::new(words(&self.backend), !self.backend.secrets.is_empty(), Instant::now());
        self.life = life.paced(self.shared.tempo.clone());
    }

    /// A deadline has passed. It counts for nothing that the host itself was late: an answer may be there already, and
    /// who is asked has had less time than it seems.
    fn due(&mut self) -> Option<Input> {
        if let Some(Some(answer)) = self.asks.next().now_or_never() {
            return self.understand(answer);
        }
        if let Some(Some(input)) = next_of(&mut self.watching).now_or_never() {
            return Some(self.understand_watch(input));
        }
        if let Some(due) = self.life.due() {
            self.hear_lateness(due, Instant::now());
        }
        Some(Input::Tick)
    }

    /// Whether the host itself was too late for what was `due`.
    fn hear_lateness(&mut self, due: Instant, now: Instant) -> bool {
        let late = now.saturating_duration_since(due);
        let is_late = late >= LATE;
        if is_late {
            tracing::debug!(?late, "the host was short of time");
            self.take(Input::Late(late));
        }
        is_late
    }

    /// Looks at everything that does not tell by itself when it changes.
    fn look(&mut self) -> Option<Input> {
        let now = Instant::now();
        if let Some(slept) = self.awake.slept() {
            tracing::debug!(?slept, "the machine has slept");
            self.record.history().skip(slept);
            self.next_look = self.tempo_of_looks(now);
            return Some(Input::Woke);
        }
        self.hear_lateness(self.next_look, now);
        self.next_look = self.tempo_of_looks(now);
        let silent = self.is_silent();
        self.witness.as_mut()?.look(silent, now).map(Input::Evidence)
    }

    /// The same, at any other time than that of a look.
    fn hear_own_lateness(&mut self) {
        let now = Instant::now();
        if self.hear_lateness(self.next_look, now) {
            self.next_look = self.tempo_of_looks(now);
        }
    }

    fn tempo_of_looks(&self, now: Instant) -> Instant {
        let pace = if self.witness.is_some() || self.is_connected() { LOOK_EVERY } else { LOOK_SELDOM };
        self.shared.tempo.beat(now, pace)
    }

    fn is_connected(&self) -> bool {
        matches!(self.life.state(), State::Connected(_))
    }

    /// The only place where the life changes.
    fn take(&mut self, input: Input) {
        let before = view::seen(&self.life).detail;
        tracing::trace!(?input, "input");
        let random = self.shared.transport.random();
        for command in self.life.handle(input, Instant::now(), random) {
            self.perform(command);
        }
        let after = view::seen(&self.life);
        if before != after.detail {
            let code = after.reason.as_ref().map(|reason| reason.code.as_str());
            tracing::debug!(from = ?before, to = ?after.detail, code, "state");
        }
        self.publish();
    }

    fn perform(&mut self, command: Command) {
        match command {
            Command::Dial => self.dial(),
            Command::Identify => self.identify(),
            Command::Promote => self.promote(),
            Command::Check => self.check(),
            Command::Watch => self.watch(),
            Command::StopWatch => self.watching = None,
            Command::Inspect => self.inspect(),
            Command::Refresh => {
                // Memory is taken and given back; the rest seldom changes, and to ask for it may cost more.
                if self.inventory.as_ref().is_some_and(|inventory| !inventory.devices.is_empty()) {
                    self.inspect();
                }
            }
            Command::Abandon => {
                self.asks.clear();
                self.watching = None;
                (self.finding, self.inspecting, self.inspect_again) = (false, false, false);
            }
            Command::DropInstance => {
                if let Some(instance) = self.instance.take() {
                    instance.close();
                }
            }
        }
    }

    /// The driver's object, made when it is first needed and after a panic.
    fn instance(&mut self) -> Result<Arc<Instance>, DriverError> {
        if let Some(instance) = &self.instance {
            return Ok(instance.clone());
        }
        let Shared { transport, runtime, .. } = &self.shared;
        let (policy, facts) = (self.backend.policy(), self.backend.instance());
        let made = Arc::new(Instance::create(&self.backend.driver, transport, runtime, policy, &facts)?);
        self.instance = Some(made.clone());
        Ok(made)
    }

    fn promote(&mut self) {
        if let Ok(instance) = self.instance() {
            asking::promote(&self.backend, &instance);
        }
    }

    fn understand(&mut self, answer: Answer) -> Option<Input> {
        if matches!(answer, Answer::Inventory(_)) {
            self.inspecting = false;
            if std::mem::take(&mut self.inspect_again) {
                self.inspect();
            }
        }
        match answer {
            Answer::Life(input) => {
                match &input {
                    Input::Identified(Ok(identity)) => self.identity = Some(identity.clone()),
                    // What the host missed by its own fault is told before the failure.
                    Input::Dialed(Err(_)) | Input::Identified(Err(_)) => self.hear_own_lateness(),
                    _ => {}
                }
                Some(input)
            }
            Answer::Check(checked, time) => {
                match &checked {
                    Ok(_) => self.answered(time),
                    Err(fault) => {
                        self.record.history().check_failed(&fault.reason.code);
                        self.hear_witness();
                    }
                }
                Some(Input::Checked(checked))
            }
            Answer::Inventory(Ok(inventory)) => {
                self.models = Some(inventory.models.iter().map(ModelView::from).collect());
                self.inventory = Some(Arc::new(inventory));
                None
            }
            Answer::Inventory(Err(error)) if error.kind == ErrorKind::PANIC => {
                // The instance is poisoned: the next check says so and starts the recovery.
                Some(Input::Checked(Err(self.fault(&error))))
            }
            Answer::Inventory(Err(error)) => {
                tracing::warn!(%error, "the inventory could not be read");
                None
            }
            Answer::Holders(holders) => {
                self.found_process(holders);
                None
            }
        }
    }

    fn understand_watch(&mut self, input: FromWatch) -> Input {
        match input {
            FromWatch::News(News::Status(sample)) => Input::Status(sample),
            FromWatch::News(News::Problem(problem)) => {
                Input::Problem(problem.map(|problem| Reason::of_problem(&problem, self.declaration())))
            }
            FromWatch::News(News::Changed) => Input::Changed,
            FromWatch::End(result) => {
                self.watching = None;
                let fault = match result {
                    Err(error) if error.kind == ErrorKind::UNSUPPORTED && error.code.is_empty() => None,
                    Err(error) => Some(self.fault(&error)),
                    Ok(()) => {
                        let reason =
                            Reason::new("no-live-updates", "the live connection was closed", self.declaration());
                        Some(Fault { class: Class::Odd, reason, may_start: false })
                    }
                };
                Input::WatchEnded(fault)
            }
        }
    }

    fn declaration(&self) -> &Declaration {
        &self.backend.driver.manifest.driver
    }

    fn fault(&self, error: &DriverError) -> Fault {
        refused_key(fault(error, self.declaration()), error, &self.backend)
    }

    fn answered(&mut self, time: Duration) {
        self.record.history().answered(time, Instant::now());
        let exited = matches!(self.life.state(), State::Connected(connected) if connected.exited.is_some());
        if exited {
            // Somebody has taken its place.
            self.find_process();
        }
    }
}

/// Resolves when a job has met a network that broke.
async fn doubted(instance: &Option<Arc<Instance>>) {
    match instance {
        Some(instance) => instance.doubted().await,
        None => std::future::pending().await,
    }
}

/// Resolves when the process of a backend has ended.
async fn ended(witness: &mut Option<Witness>) {
    match witness {
        Some(witness) => (&mut witness.ended).await,
        None => std::future::pending().await,
    }
}

enum FromWatch {
    News(News),
    End(Result<(), DriverError>),
}

async fn next_of(watching: &mut Option<Watching>) -> Option<FromWatch> {
    let Watching { end, news } = watching.as_mut()?;
    Some(tokio::select! {
        biased;
        Some(news) = news.recv() => FromWatch::News(news),
        result = end => FromWatch::End(result),
    })
}

//! One task per backend: performs the commands of its [`Life`] and times what it does.

mod publishing;
mod reasons;

use super::{Request, Shared};
use crate::{
    connection::{
        Backend, Command, Fault, Input, Instance, Life, Link, State, awake::Awake, instance::News, view,
        witness::Witness,
    },
    diagnosis::{Class, Reason},
    discovery::sockets,
    events::{BackendView, Bus, ModelView},
    health::Record,
    process::{Activity, Process},
    transport::Credential,
};
use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use mdd_driver_api::{DriverError, ErrorKind, manifest::Declaration, model, model::Identity};
use reasons::{fault, refused_key, suspended, words};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until, timeout},
};

/// Between two looks at a process that may be stopped.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Between two looks at the clocks when there is nothing else to look at.
const LOOK_SELDOM: Duration = Duration::from_secs(2);
/// A look that comes so much too late is a sign that the host itself is short of time.
const LATE: Duration = Duration::from_millis(500);
/// From the close of a process's sockets to its end.
const ENDING: Duration = Duration::from_millis(100);

/// A question under way. `Inspect` feeds no input: the inventory is beside the life.
enum Answer {
    Life(Input),
    Check(Result<model::Sample, DriverError>, Duration),
    Inventory(Result<model::Inspection, DriverError>),
    Process(Option<Process>),
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
    /// The process that serves it, while it is connected and on this machine.
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
        task.instance = Some(Arc::new(instance));
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
                    Some(Request::Configure(settings, secrets)) => {
                        self.configure(settings, secrets);
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
    fn configure(&mut self, settings: serde_json::Value, secrets: BTreeMap<String, Credential>) {
        self.take(Input::Disable);
        self.backend.settings = settings;
        self.backend.secrets = secrets;
        let life = Life::new(words(&self.backend), !self.backend.secrets.is_empty(), Instant::now());
        self.life = life.paced(self.shared.tempo.clone());
    }

    /// A deadline has passed. It counts for nothing that the host itself was late: an answer may be there already, and
    /// who is asked has had less time than it seems.
    fn due(&mut self) -> Option<Input> {
        if let Some(Some(answer)) = self.asks.next().now_or_never() {
            return self.understand(answer);
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
        let silent = matches!(self.life.state(), State::Connected(connected) if connected.silence.is_some());
        self.witness.as_mut()?.look(silent, now).map(Input::Evidence)
    }

    fn tempo_of_looks(&self, now: Instant) -> Instant {
        let pace = if self.witness.is_some() || self.is_connected() { LOOK_EVERY } else { LOOK_SELDOM };
        self.shared.tempo.beat(now, pace)
    }

    fn is_connected(&self) -> bool {
        matches!(self.life.state(), State::Connected(_))
    }

    fn process_ended(&mut self) -> Option<Input> {
        let process = *self.witness.take()?.process();
        let observation = format!("process {} of {} has exited", process.pid(), self.backend.endpoint.subject());
        Some(Input::Exited(Reason::new("process-exited", observation, self.declaration())))
    }

    /// The only place where the life changes.
    fn take(&mut self, input: Input) {
        let before = view::seen(&self.life).detail;
        tracing::trace!(?input, "input");
        let random = self.shared.transport.random();
        for command in self.life.handle(input, Instant::now(), random) {
            self.perform(command);
        }
        let after = view::seen(&self.life).detail;
        if before != after {
            tracing::debug!(from = ?before, to = ?after, "state");
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

    fn dial(&mut self) {
        let backend = self.backend.clone();
        let dialing = self.shared.transport.dial(&backend.endpoint, backend.is_named());
        self.asks.push(
            async move {
                let result = dialing
                    .await
                    .map_err(|failure| fault(&failure.into_error(&backend.endpoint), &backend.driver.manifest.driver));
                Answer::Life(Input::Dialed(result))
            }
            .boxed(),
        );
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

    fn identify(&mut self) {
        let driver = self.backend.driver.clone();
        let asked = self.instance().map(|instance| {
            // Whoever listens there now may be a stranger.
            instance.demote();
            instance.identify()
        });
        self.asks.push(
            async move {
                let result = match asked {
                    Ok(answer) => answer.await,
                    Err(error) => Err(error),
                };
                Answer::Life(Input::Identified(result.map_err(|error| fault(&error, &driver.manifest.driver))))
            }
            .boxed(),
        );
    }

    fn promote(&mut self) {
        let secrets = self.backend.secrets.values().cloned().collect();
        if let Ok(instance) = self.instance()
            && let Err(error) = instance.promote(secrets)
        {
            tracing::error!(%error, "a secret cannot be used, so the backend is asked without it");
        }
    }

    fn check(&mut self) {
        let start = Instant::now();
        if let Some(witness) = &mut self.witness {
            witness.begin(start);
        }
        let asked = self.instance().map(|instance| instance.check());
        let patience = self.life.patience(start);
        let place = self.backend.endpoint.subject();
        let process = self.witness.as_ref().map(|witness| *witness.process());
        self.asks.push(
            async move {
                let result = match asked {
                    Ok(answer) => timeout(patience, answer).await.unwrap_or_else(|_| {
                        let seconds = (patience.as_secs_f64() * 10.0).round() / 10.0;
                        let text = format!("{place} gave no answer within {seconds} s");
                        Err(DriverError::new(ErrorKind::TIMEOUT, text).with_code("no-answer"))
                    }),
                    Err(error) => Err(error),
                };
                let time = start.elapsed();
                if let (Err(error), Some(process)) = (&result, process)
                    && Class::of(error) == Class::Gone
                {
                    // Its port is closed a moment before it has ended, and that is what is to be told.
                    let _goes_on_without_its_port = timeout(ENDING, process.ended()).await;
                }
                Answer::Check(result, time)
            }
            .boxed(),
        );
    }

    fn watch(&mut self) {
        self.watching = Some(match self.instance().map(|instance| instance.watch()) {
            Ok((end, news)) => Watching { end: end.boxed(), news },
            Err(error) => Watching { end: async move { Err(error) }.boxed(), news: mpsc::channel(1).1 },
        });
    }

    fn inspect(&mut self) {
        if std::mem::replace(&mut self.inspecting, true) {
            self.inspect_again = true;
            return;
        }
        let Ok(asked) = self.instance().map(|instance| instance.inspect()) else { return };
        self.asks.push(async move { Answer::Inventory(asked.await) }.boxed());
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
                if let Input::Identified(Ok(identity)) = &input {
                    self.identity = Some(identity.clone());
                }
                Some(input)
            }
            Answer::Check(result, time) => {
                let checked = result.map_err(|error| self.fault(&error));
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
            Answer::Process(process) => {
                self.finding = false;
                self.witness = process.and_then(Witness::of);
                if let Some(witness) = &self.witness {
                    let suspended = suspended(&self.backend, witness.process().pid());
                    self.life.explain_suspension(suspended);
                }
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

    /// What the process did while a check went without a good answer.
    fn hear_witness(&mut self) {
        let now = Instant::now();
        if self.hear_lateness(self.next_look, now) {
            self.next_look = self.tempo_of_looks(now);
        }
        if let Some(witness) = &self.witness
            && witness.process().activity() == Activity::Gone
        {
            if let Some(exited) = self.process_ended() {
                self.take(exited);
            }
        } else if let Some(evidence) = self.witness.as_mut().and_then(|witness| witness.judge(now)) {
            self.take(Input::Evidence(evidence));
        }
    }

    /// Looks up who serves it.
    fn find_process(&mut self) {
        let endpoint = &self.backend.endpoint;
        if !endpoint.is_loopback() {
            return;
        }
        self.finding = true;
        let addresses = endpoint.loopback_addresses();
        self.asks.push(async move { Answer::Process(sockets::holder(addresses).await) }.boxed());
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

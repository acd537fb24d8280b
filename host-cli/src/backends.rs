//! `backends`: naming, switching and trying services.

mod choice;

use crate::{
    Verdict,
    arguments::{BackendsCommand, Global},
    failure::{self, Coded},
    output::{self, BAD, DIM, GOOD, styled},
    reach::Reach,
    remedies::{About, explained, quoted},
    status,
};
use mdd_core::{
    endpoint::{Endpoint, Host},
    events::{BackendView, Snapshot, StateName},
    rpc::{BackendAddition, BackendChoice, BackendMove, BackendTest, BackendTested, CallError, Nothing},
    settings::Settings,
};
use mdd_driver_api::text::printable;
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Longer than a service is given for its first answer.
const FIRST_ANSWER: Duration = Duration::from_secs(10);
/// Between two looks whether it has answered.
const LOOK_EVERY: Duration = Duration::from_millis(50);

pub(crate) async fn run(global: &Global, settings: Settings, command: BackendsCommand) -> anyhow::Result<Verdict> {
    let mut host = Reach::host(global, settings, "mdd-host backends").await?;
    if let BackendsCommand::Test { url, kind } = command {
        return test(&mut host, &BackendTest { kind, url }, global.json).await;
    }
    // An id that was found can only be known once it was looked for.
    host.settled().await;
    let known = known(&mut host).await?;
    let Some(change) = Change::of(command, &known)? else { return print(known, global.json) };
    let done = host.call::<_, Nothing>(change.method, &change.params).await;
    done.map_err(|error| change.refused(error, &known))?;
    host.settled().await;
    let answer = change.answer(&mut host, &known).await?;
    if global.json {
        return print(self::known(&mut host).await?, true);
    }
    match (&change.subject, answer) {
        (Subject::All, _) => return print(self::known(&mut host).await?, false),
        (Subject::Gone(id), _) => output::text(&format!("{} is no longer in the settings.\n", printable(id, 200)))?,
        (_, None) => output::text("It is in the settings, and no driver uses it yet.\n")?,
        (_, Some(backend)) => output::text(&with_reason(&backend))?,
    }
    Ok(Verdict::InOrder)
}

/// What there is.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Backends {
    /// In the order of their ids.
    backends: Vec<BackendView>,
}

/// What a change is about.
enum Subject {
    All,
    /// The backend with this id.
    Id(String),
    /// The one with this id, which is taken out.
    Gone(String),
    /// The one of this kind that will be at this address, if it is one.
    At(String, Option<Endpoint>),
}

impl Subject {
    fn is(&self, backend: &BackendView) -> bool {
        match self {
            Self::All => false,
            Self::Id(id) | Self::Gone(id) => backend.id == *id,
            Self::At(kind, endpoint) => {
                let at = backend.endpoint.as_deref().and_then(|url| Endpoint::parse(url).ok());
                backend.kind == *kind && at.zip(endpoint.as_ref()).is_some_and(|(at, to)| at.place() == to.place())
            }
        }
    }
}

/// What is asked of the host.
struct Change {
    method: &'static str,
    params: serde_json::Value,
    subject: Subject,
}

impl Change {
    /// `None`: nothing is changed.
    fn of(command: BackendsCommand, known: &[BackendView]) -> anyhow::Result<Option<Self>> {
        let (method, word) = match command {
            BackendsCommand::List | BackendsCommand::Test { .. } => return Ok(None),
            BackendsCommand::Add { kind, url } => return Self::add(kind, url).map(Some),
            BackendsCommand::Set { id, url } => return Self::set(&id, url, known).map(Some),
            BackendsCommand::Refresh => {
                return Ok(Some(Self::new("backends.refresh", &Nothing {}, Subject::All)?));
            }
            BackendsCommand::Remove { id } => ("backends.remove", id),
            BackendsCommand::Enable { id } => ("backends.enable", id),
            BackendsCommand::Disable { id } => ("backends.disable", id),
            BackendsCommand::Default { id } => ("backends.default", id),
            BackendsCommand::Accept { id } => ("backends.accept", id),
            BackendsCommand::Try { id } => ("backends.try", id),
        };
        let backend = choice::id_of(&word, known)?;
        let of = if method == "backends.remove" { Subject::Gone } else { Subject::Id };
        let subject = of(backend.clone());
        Self::new(method, &BackendChoice { backend }, subject).map(Some)
    }

    fn new(method: &'static str, params: &impl Serialize, subject: Subject) -> anyhow::Result<Self> {
        Ok(Self { method, params: serde_json::to_value(params)?, subject })
    }

    fn add(kind: String, url: String) -> anyhow::Result<Self> {
        doubt(&url);
        let subject = Subject::At(kind.clone(), Endpoint::parse(&url).ok());
        Self::new("backends.add", &BackendAddition { kind, url }, subject)
    }

    fn set(word: &str, url: String, known: &[BackendView]) -> anyhow::Result<Self> {
        doubt(&url);
        let backend = choice::id_of(word, known)?;
        let kind = known.iter().find(|view| view.id == backend).map(|view| view.kind.clone()).unwrap_or_default();
        let subject = Subject::At(kind, Endpoint::parse(&url).ok());
        Self::new("backends.set", &BackendMove { backend, url }, subject)
    }

    /// What was found by itself cannot be removed, and there is something else to do.
    fn refused(&self, error: CallError, known: &[BackendView]) -> anyhow::Error {
        let found = known.iter().find(|view| self.subject.is(view)).filter(|view| view.origin.is_found());
        match (found, &self.subject) {
            (Some(view), Subject::Gone(_)) if failure::is_refused(&error) => {
                Coded::helped(&error.into(), format!("`mdd-host backends disable {}`", quoted(&view.id))).into()
            }
            _ => error.into(),
        }
    }

    /// The backend after its first answer, or as it stands when that takes too long.
    async fn answer(&self, host: &mut Reach, before: &[BackendView]) -> anyhow::Result<Option<BackendView>> {
        let before = before.iter().find(|view| self.subject.is(view));
        let deadline = Instant::now() + FIRST_ANSWER;
        loop {
            let now = known(host).await?.into_iter().find(|view| self.subject.is(view));
            let is_answered = match &now {
                _ if matches!(self.subject, Subject::All | Subject::Gone(_)) => true,
                None => false,
                Some(now) => self.is_answered(now, before),
            };
            if is_answered || Instant::now() >= deadline {
                return Ok(now);
            }
            sleep(LOOK_EVERY).await;
        }
    }

    fn is_answered(&self, now: &BackendView, before: Option<&BackendView>) -> bool {
        let is_as_before =
            || before.is_some_and(|it| (it.state, &it.since, it.attempt) == (now.state, &now.since, now.attempt));
        match (self.method, now.state) {
            ("backends.default", _) => now.is_default,
            ("backends.disable", state) => state == StateName::Disabled,
            ("backends.enable", StateName::Disabled) | (_, StateName::Connecting) => false,
            (_, StateName::Connected | StateName::Disabled) => true,
            (_, StateName::Disconnected) => now.reason.is_some() && !is_as_before(),
        }
    }
}

/// A word alone is the name of a machine, and is often meant as something else.
fn doubt(url: &str) {
    let is_word = !url.contains([':', '/', '.', '[']) && url != "localhost";
    let Some(endpoint) = Endpoint::parse(url).ok().filter(|it| is_word && matches!(it.host(), Host::Name(_))) else {
        return;
    };
    tracing::warn!(
        remedy = format!("did you mean a port? NUMBER is a port of this machine, {url}:NUMBER one of that machine"),
        "{url:?} looks like a host name, so the address is {endpoint}"
    );
}

async fn known(host: &mut Reach) -> anyhow::Result<Vec<BackendView>> {
    let snapshot: Snapshot = host.call("snapshot", &Nothing {}).await?;
    Ok(snapshot.backends)
}

fn print(backends: Vec<BackendView>, json: bool) -> anyhow::Result<Verdict> {
    if json {
        output::json(&Backends { backends })?;
        return Ok(Verdict::InOrder);
    }
    let width = backends.iter().map(|backend| backend.id.len()).max().unwrap_or_default();
    let text: String = backends.iter().map(|backend| row(backend, width)).collect();
    output::text(if text.is_empty() { "No AI service is known yet.\n" } else { &text })?;
    Ok(Verdict::InOrder)
}

fn row(backend: &BackendView, width: usize) -> String {
    let (mark, style) = status::mark(backend);
    let state = styled(style, format_args!("{mark} {:<24}", status::state(backend)));
    let mut facts = vec![backend.origin.to_string()];
    facts.extend(backend.is_default.then(|| "default".to_owned()));
    facts.extend(backend.reason.as_ref().map(|reason| reason.code.clone()));
    format!("{:<width$}  {state} {}\n", backend.id, styled(DIM, facts.join(" · ")))
}

fn with_reason(backend: &BackendView) -> String {
    let mut text = row(backend, 0);
    text.extend(backend.reason.iter().map(|reason| explained(reason, About::Backend(&backend.id))));
    text
}

async fn test(host: &mut Reach, test: &BackendTest, json: bool) -> anyhow::Result<Verdict> {
    let tested: BackendTested = host.call("backends.test", test).await?;
    if json {
        output::json(&tested)?;
    } else {
        output::text(&report(&test.url, &tested))?;
    }
    Ok(if tested.ok { Verdict::InOrder } else { Verdict::NotInOrder })
}

fn report(url: &str, tested: &BackendTested) -> String {
    let mut facts: Vec<String> = tested.title.iter().cloned().collect();
    facts.extend(tested.version.iter().map(|version| format!("version {version}")));
    facts.extend(tested.flavour.iter().cloned());
    facts.extend(tested.latency_ms.iter().map(|latency| format!("{latency:.1} ms")));
    let word = if tested.ok { styled(GOOD, "good") } else { styled(BAD, "not usable") };
    let mut text = format!("{word}  {}\n", [vec![printable(url, 200)], facts].concat().join(" · "));
    if let Some(reason) = &tested.reason {
        text.push_str(&explained(reason, About::Other));
    }
    text
}

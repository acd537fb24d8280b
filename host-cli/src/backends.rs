//! `backends`: naming, switching and trying services.

use crate::{
    Verdict,
    arguments::{BackendsCommand, Global},
    output::{self, BAD, DIM, GOOD, styled},
    reach::Reach,
    remedies::{About, explained},
    status,
};
use mdd_core::{
    events::{BackendView, Snapshot},
    rpc::{BackendAddition, BackendChoice, BackendMove, BackendTest, BackendTested, Nothing},
    settings::Settings,
};
use mdd_driver_api::text::printable;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;

pub(crate) async fn run(global: &Global, settings: Settings, command: BackendsCommand) -> anyhow::Result<Verdict> {
    let mut host = Reach::host(global, settings, "mdd-host backends").await?;
    let call = match command {
        BackendsCommand::List => return list(&mut host, global.json).await,
        BackendsCommand::Test { url, kind } => return test(&mut host, &BackendTest { kind, url }, global.json).await,
        BackendsCommand::Add { kind, url } => Call::of("backends.add", &BackendAddition { kind, url }),
        BackendsCommand::Set { id, url } => Call::of("backends.set", &BackendMove { backend: id, url }),
        BackendsCommand::Remove { id } => Call::of("backends.remove", &BackendChoice { backend: id }),
        BackendsCommand::Enable { id } => Call::of("backends.enable", &BackendChoice { backend: id }),
        BackendsCommand::Disable { id } => Call::of("backends.disable", &BackendChoice { backend: id }),
        BackendsCommand::Default { id } => Call::of("backends.default", &BackendChoice { backend: id }),
        BackendsCommand::Accept { id } => Call::of("backends.accept", &BackendChoice { backend: id }),
        BackendsCommand::Try { id } => Call::of("backends.try", &BackendChoice { backend: id }),
        BackendsCommand::Refresh => Call::of("backends.refresh", &Nothing {}),
    }?;
    // An id that was found can only be known once it was looked for.
    host.settled().await;
    host.call::<_, Nothing>(call.method, &call.params).await?;
    host.settled().await;
    list(&mut host, global.json).await
}

/// What there is.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Backends {
    /// In the order of their ids.
    backends: Vec<BackendView>,
}

struct Call {
    method: &'static str,
    params: serde_json::Value,
}

impl Call {
    fn of(method: &'static str, params: &impl Serialize) -> anyhow::Result<Self> {
        Ok(Self { method, params: serde_json::to_value(params)? })
    }
}

async fn list(host: &mut Reach, json: bool) -> anyhow::Result<Verdict> {
    host.settled().await;
    let snapshot: Snapshot = host.call("snapshot", &Nothing {}).await?;
    if json {
        output::json(&Backends { backends: snapshot.backends })?;
        return Ok(Verdict::InOrder);
    }
    let width = snapshot.backends.iter().map(|backend| backend.id.len()).max().unwrap_or_default();
    let mut text = String::new();
    for backend in &snapshot.backends {
        let (mark, style) = status::mark(backend);
        let state = styled(style, format_args!("{mark} {:<24}", status::state(backend)));
        let mut facts = vec![backend.origin.to_string()];
        facts.extend(backend.is_default.then(|| "default".to_owned()));
        facts.extend(backend.reason.as_ref().map(|reason| reason.code.clone()));
        let _infallible = writeln!(text, "{:<width$}  {state} {}", backend.id, styled(DIM, facts.join(" · ")));
    }
    if text.is_empty() {
        text.push_str("No AI service is known yet.\n");
    }
    output::text(&text)?;
    Ok(Verdict::InOrder)
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

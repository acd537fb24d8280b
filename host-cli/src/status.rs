//! `status`: a host of its own that looks around once, or stays with `--follow`.

use crate::{
    Verdict,
    arguments::{Global, StatusOptions},
    connect,
    output::{self, BAD, DIM, FAIR, GOOD, styled},
    remedies::{self, About, explained},
};
use anstyle::Style;
use mdd_core::{
    Host,
    events::{BackendView, Detail, Origin, Snapshot, StateName, Update},
    health::Severity,
    rpc::{Client, Nothing},
    settings::Settings,
};
use std::{fmt::Write as _, time::Duration};
use tokio::time::timeout;

/// A first look never takes longer: a service that has not answered by then is shown as it stands.
const FIRST_LOOK: Duration = Duration::from_secs(7);

pub(crate) async fn run(global: &Global, settings: Settings, options: StatusOptions) -> anyhow::Result<Verdict> {
    if !global.wants_own_host()
        && let Some(client) = connect::running(&settings.state_folder, "mdd-host status").await
    {
        return of_running_host(client, &options, global).await;
    }
    let host = Host::start_vetting(settings, crate::drivers::vetting()?)?;
    // Running out of time is no failure here: whatever is known by then is the answer.
    let _in_time = match options.wait {
        Some(time) => timeout(time, host.ready()).await,
        None => timeout(FIRST_LOOK, host.settled()).await,
    };
    let mut printer = Printer::new(global);
    printer.print(&host.snapshot())?;
    if options.follow {
        follow(&host, &mut printer).await?;
    }
    Ok(verdict(&host.snapshot(), &options))
}

/// The status that the host of this user has anyway.
async fn of_running_host(mut client: Client, options: &StatusOptions, global: &Global) -> anyhow::Result<Verdict> {
    client.call::<_, Nothing>("subscribe", &Nothing {}).await?;
    let mut seen = Seen::of(&mut client).await?;
    if let Some(time) = options.wait {
        // Running out of time is no failure here: whatever is known by then is the answer.
        let _in_time = timeout(time, async {
            while !seen.snapshot.is_ready() {
                seen.go_on(&mut client).await?;
            }
            anyhow::Ok(())
        })
        .await;
    }
    let mut printer = Printer::new(global);
    printer.print(&seen.snapshot)?;
    if options.follow {
        let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
        loop {
            tokio::select! {
                result = &mut interrupted => break result?,
                result = seen.go_on(&mut client) => if let Err(error) = result {
                    tracing::warn!("the host has ended: {error:#}");
                    break;
                },
            }
            printer.print(&seen.snapshot)?;
        }
    }
    Ok(verdict(&seen.snapshot, options))
}

/// What a client knows after all updates so far.
struct Seen {
    snapshot: Snapshot,
}

impl Seen {
    async fn of(client: &mut Client) -> anyhow::Result<Self> {
        match client.update().await? {
            Update::Snapshot(snapshot) => Ok(Self { snapshot: *snapshot }),
            Update::Changes { .. } => anyhow::bail!("the host sent changes before a snapshot"),
        }
    }

    async fn go_on(&mut self, client: &mut Client) -> anyhow::Result<()> {
        self.snapshot.apply(client.update().await?);
        Ok(())
    }
}

fn verdict(snapshot: &Snapshot, options: &StatusOptions) -> Verdict {
    match snapshot.summary.severity {
        Severity::Attention | Severity::Problem if options.exit_code => Verdict::NotInOrder,
        _ => Verdict::InOrder,
    }
}

/// Until Ctrl-C or until nobody reads any more.
async fn follow(host: &Host, printer: &mut Printer) -> anyhow::Result<()> {
    let mut changes = host.changes();
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        tokio::select! {
            result = &mut interrupted => return Ok(result?),
            more = changes.next() => match more {
                true => printer.print(&host.snapshot())?,
                false => return Ok(()),
            },
        }
    }
}

/// Prints one status after the other; for people only what is news to them.
struct Printer {
    json: bool,
    /// Whether what is not running is explained too.
    in_full: bool,
    last: Option<String>,
}

impl Printer {
    fn new(global: &Global) -> Self {
        Self { json: global.json, in_full: global.verbose > 0, last: None }
    }

    fn print(&mut self, snapshot: &Snapshot) -> anyhow::Result<()> {
        if self.json {
            return output::json(snapshot);
        }
        let news = Some(table(&without_figures(snapshot), self.in_full));
        if news != self.last {
            if self.last.is_some() {
                output::text("\n")?;
            }
            output::text(&table(snapshot, self.in_full))?;
            self.last = news;
        }
        Ok(())
    }
}

/// Without what changes all the time.
fn without_figures(snapshot: &Snapshot) -> Snapshot {
    let mut snapshot = snapshot.clone();
    for backend in &mut snapshot.backends {
        (backend.latency_ms, backend.next_try_ms, backend.devices) = (None, None, None);
    }
    snapshot
}

fn table(snapshot: &Snapshot, in_full: bool) -> String {
    let style = match snapshot.summary.severity {
        Severity::Ok => GOOD,
        Severity::Attention => FAIR,
        Severity::Problem => BAD,
    };
    let mut text = format!("{}\n", styled(style, &snapshot.summary.sentence));
    let titles = snapshot.backends.iter().map(|backend| backend.title.chars().count());
    let width = titles.max().unwrap_or_default();
    for backend in &snapshot.backends {
        row(&mut text, backend, width, in_full);
    }
    if !in_full && snapshot.backends.iter().any(|backend| not_running(backend).is_some()) {
        let _infallible = writeln!(text, "{}", styled(DIM, "  → What is not running, in full: mdd-host status -v"));
    }
    text
}

fn row(text: &mut String, backend: &BackendView, width: usize, in_full: bool) {
    let (mark, style) = mark(backend);
    let title = &backend.title;
    if let Some(how) = not_running(backend).filter(|_| !in_full) {
        let _infallible = writeln!(
            text,
            "{}  {}",
            styled(style, format_args!("{mark} {title:<width$}  not running")),
            styled(DIM, how)
        );
        return;
    }
    let state = styled(style, format_args!("{mark} {title:<width$}  {:<24}", state(backend)));
    let _infallible = writeln!(text, "{state} {}", facts(backend).join(" · "));
    if let Some(reason) = &backend.reason {
        text.push_str(&explained(reason, About::Backend(&backend.id)));
    }
}

/// How to start what was never seen: that it is not there is no more than one line.
fn not_running(backend: &BackendView) -> Option<String> {
    let reason = backend.reason.as_ref().filter(|_| backend.origin == Origin::Missing)?;
    Some(remedies::start_in_short(reason))
}

/// A sign beside every colour.
pub(crate) fn mark(backend: &BackendView) -> (char, Style) {
    match (backend.state, backend.detail) {
        (StateName::Connected, Detail::Ready | Detail::Busy) => ('●', GOOD),
        (StateName::Connected, _) => ('◐', FAIR),
        (StateName::Connecting, _) => ('◌', FAIR),
        (StateName::Disconnected, _) if backend.origin == Origin::Missing => ('○', FAIR),
        (StateName::Disconnected, _) => ('✖', BAD),
        (StateName::Disabled, _) => ('○', DIM),
    }
}

pub(crate) fn state(backend: &BackendView) -> String {
    match backend.detail {
        Detail::Ready | Detail::Off => backend.state.to_string(),
        detail => format!("{} ({detail})", backend.state),
    }
}

fn facts(backend: &BackendView) -> Vec<String> {
    let mut facts: Vec<String> = backend.endpoint.iter().cloned().collect();
    facts.extend(backend.version.iter().map(|version| format!("version {version}")));
    facts.extend(backend.flavour.iter().cloned());
    facts.extend(backend.latency_ms.iter().map(|latency| format!("{:.1} ms", latency.last)));
    facts.extend(backend.queue.iter().map(|queue| match queue.pending {
        Some(pending) => format!("{} running, {pending} waiting", queue.running),
        None => format!("{} running", queue.running),
    }));
    facts.extend(backend.next_try_ms.iter().map(|ms| format!("next try in {:.0} s", (*ms as f64 / 1000.0).ceil())));
    facts
}

//! `doctor`: looks at everything that can be wrong, and says what was seen, what it means and what helps.

use crate::{
    Verdict,
    arguments::Global,
    output::{self, BAD, DIM, FAIR, GOOD, styled},
    reach::Reach,
    remedies::{self, About, explained},
    status,
};
use mdd_core::{
    config::ConfigView,
    diagnosis::{Reason, without_home},
    events::{Origin, Snapshot, StateName},
    rpc::{ConfigChoice, DriverView, Drivers, Nothing},
    settings::Settings,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::{fmt::Write as _, fs, io, path::Path};

/// What came of all looks.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Findings {
    /// In the order in which things depend on each other.
    findings: Vec<Finding>,
}

/// What came of one look.
#[derive(Serialize, JsonSchema)]
struct Finding {
    /// What was looked at: `host`, `state-folder`, `settings`, `drivers`, `sockets`, or the id of a backend.
    subject: String,
    /// Whether it is in order.
    verdict: Word,
    /// What was seen.
    observation: String,
    /// Why it is not simply fine.
    reason: Option<Reason>,
}

/// Whether something is in order.
#[derive(Serialize, JsonSchema, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Word {
    /// It is.
    Good,
    /// Nothing is wrong, and something could be better.
    Attention,
    /// It is not.
    Problem,
}

impl Finding {
    /// Only ids of backends have an at sign.
    fn about(&self) -> About<'_> {
        if self.subject.contains('@') { About::Backend(&self.subject) } else { About::Other }
    }

    fn hide_home(&mut self) {
        self.observation = without_home(&self.observation);
        if let Some(reason) = &mut self.reason {
            reason.observation = without_home(&reason.observation);
            let arguments = reason.remedies.iter_mut().filter_map(|remedy| remedy.argument.as_mut());
            arguments.for_each(|argument| *argument = without_home(argument));
        }
    }

    fn good(subject: &str, observation: impl Into<String>) -> Self {
        Self { subject: subject.to_owned(), verdict: Word::Good, observation: observation.into(), reason: None }
    }

    fn bad(subject: &str, verdict: Word, reason: Reason) -> Self {
        Self { subject: subject.to_owned(), verdict, observation: reason.observation.clone(), reason: Some(reason) }
    }
}

pub(crate) async fn run(global: &Global, settings: Settings) -> anyhow::Result<Verdict> {
    let mut findings = vec![state_folder(&settings.state_folder)];
    if findings.iter().all(|finding| finding.verdict != Word::Problem) {
        let mut host = Reach::host(global, settings, "mdd-host doctor").await?;
        host.settled().await;
        findings.push(running(&host));
        findings.extend(environment(&host));
        findings.extend(of_settings(&host.call("config.show", &ConfigChoice::default()).await?));
        findings.extend(of_drivers(&host.call("drivers.list", &Nothing {}).await?));
        findings.push(sockets());
        findings.extend(of_backends(&host.call("snapshot", &Nothing {}).await?));
    }
    // It is copied into reports.
    findings.iter_mut().for_each(Finding::hide_home);
    let seen = Findings { findings };
    if global.json {
        output::json(&seen)?;
    } else {
        output::text(&seen.findings.iter().map(|finding| shown(finding, global.verbose > 0)).collect::<String>())?;
    }
    let is_problem = seen.findings.iter().any(|finding| finding.verdict == Word::Problem);
    Ok(if is_problem { Verdict::NotInOrder } else { Verdict::InOrder })
}

fn shown(finding: &Finding, in_full: bool) -> String {
    if let Some(reason) = finding.reason.as_ref().filter(|reason| reason.code == "not-running" && !in_full) {
        let head = styled(FAIR, format_args!("○ {}  not running", finding.subject));
        return format!("{head}  {}\n", styled(DIM, remedies::start_in_short(reason)));
    }
    let (mark, style) = match finding.verdict {
        Word::Good => ('✔', GOOD),
        Word::Attention => ('◐', FAIR),
        Word::Problem => ('✖', BAD),
    };
    let mut text = String::new();
    let head = styled(style, format_args!("{mark} {}", finding.subject));
    match &finding.reason {
        None => _ = writeln!(text, "{head}  {}", styled(DIM, &finding.observation)),
        Some(reason) => _ = write!(text, "{head}\n{}", explained(reason, finding.about())),
    }
    text
}

fn state_folder(folder: &Path) -> Finding {
    const SUBJECT: &str = "state-folder";
    match tried(folder) {
        Err(error) => {
            let observation = format!("{} cannot be written to: {error}", folder.display());
            Finding::bad(SUBJECT, Word::Problem, Reason::of_host("state-folder-unusable", observation))
        }
        Ok(()) if is_open_to_others(folder) => {
            let observation = format!("{} can be read by other users of this machine", folder.display());
            Finding::bad(SUBJECT, Word::Attention, Reason::of_host("state-folder-open", observation))
        }
        Ok(()) => Finding::good(SUBJECT, folder.display().to_string()),
    }
}

/// Writes something there and takes it away again. A folder that is not there yet is made when it is needed.
fn tried(folder: &Path) -> io::Result<()> {
    let nearest = folder.ancestors().find(|folder| folder.exists()).unwrap_or(folder);
    if !nearest.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotADirectory, format!("{} is no folder", nearest.display())));
    }
    tempfile::Builder::new().prefix(".mdd-doctor-").tempfile_in(nearest).map(drop)
}

#[cfg(unix)]
fn is_open_to_others(folder: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(folder).is_ok_and(|facts| facts.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(folder: &Path) -> bool {
    let _inherited_from_the_profile = fs::metadata(folder);
    false
}

fn running(host: &Reach) -> Finding {
    match host.answer() {
        None => Finding::good("host", "none runs, so this command has looked for itself"),
        Some(answer) if answer.version != env!("CARGO_PKG_VERSION") => {
            let observation =
                format!("version {} runs, and this program is {}", answer.version, env!("CARGO_PKG_VERSION"));
            Finding::bad("host", Word::Attention, Reason::of_host("other-version-runs", observation))
        }
        Some(answer) => Finding::good(
            "host",
            format!("version {}, process {}, since {}", answer.version, answer.pid, answer.started),
        ),
    }
}

fn environment(host: &Reach) -> Option<Finding> {
    let differs = &host.answer()?.environment_differs;
    let observation = format!("{}: changed since mdd-host was started", differs.join(", "));
    (!differs.is_empty())
        .then(|| Finding::bad("host", Word::Attention, Reason::of_host("environment-differs", observation)))
}

fn of_settings(view: &ConfigView) -> Vec<Finding> {
    let bad = view.problems.iter().map(|problem| {
        let mut reason = Reason::of_host("settings-mistake", format!("{}: {}", problem.source, problem.observation));
        for remedy in reason.remedies.iter_mut().filter(|remedy| remedy.action == "edit-settings") {
            remedy.argument = Some(problem.remedy.clone());
        }
        Finding::bad("settings", Word::Problem, reason)
    });
    let bad: Vec<Finding> = bad.collect();
    if !bad.is_empty() {
        return bad;
    }
    let place = view.file.as_deref().unwrap_or("no file");
    let set = view.values.iter().filter(|value| value.origin != mdd_core::config::Layer::Default).count();
    vec![Finding::good("settings", format!("{set} of {} are set; {place}", view.values.len()))]
}

fn of_drivers(list: &Drivers) -> Vec<Finding> {
    let active: Vec<String> = list
        .drivers
        .iter()
        .filter(|driver| driver.status == "active")
        .map(|driver| {
            format!("{} {}", driver.kind.as_deref().unwrap_or("?"), driver.version.as_deref().unwrap_or_default())
        })
        .collect();
    let refused = |driver: &&DriverView| driver.status != "active" && driver.status != "shadowed";
    let mut findings: Vec<Finding> = list.drivers.iter().filter(refused).map(refused_file).collect();
    findings.insert(
        0,
        match active.as_slice() {
            [] => {
                let observation = "no file in the plugins folders is used as a driver".to_owned();
                Finding::bad("drivers", Word::Problem, Reason::of_host("no-driver", observation))
            }
            active => Finding::good("drivers", active.join(", ")),
        },
    );
    findings
}

/// A refusal has its own words, code and remedy.
fn refused_file(driver: &DriverView) -> Finding {
    let why = driver.reason.clone().unwrap_or_default();
    let mut reason = Reason::of_host("driver-refused", format!("{}: {why}", driver.path));
    reason.code = driver.code.clone().unwrap_or(reason.code);
    for remedy in reason.remedies.iter_mut().filter(|remedy| remedy.action == "mend-driver") {
        remedy.argument.clone_from(&driver.remedy);
    }
    Finding::bad("drivers", Word::Problem, reason)
}

fn sockets() -> Finding {
    match mdd_core::discovery::sockets::of_system().and_then(|mut sockets| sockets.list()) {
        Ok(listed) => Finding::good("sockets", format!("{} listen on this machine", listed.len())),
        Err(error) => {
            let observation = format!("the listening sockets of this machine cannot be listed: {error}");
            Finding::bad("sockets", Word::Attention, Reason::of_host("sockets-unseen", observation))
        }
    }
}

fn of_backends(snapshot: &Snapshot) -> Vec<Finding> {
    let finding = |backend: &mdd_core::events::BackendView| {
        let verdict = match (backend.state, &backend.reason) {
            (StateName::Disabled, _) | (StateName::Connected, None) => Word::Good,
            (StateName::Disconnected, _) if backend.origin == Origin::Missing || backend.needs_word => Word::Attention,
            (StateName::Disconnected, _) => Word::Problem,
            (StateName::Connected | StateName::Connecting, _) => Word::Attention,
        };
        match &backend.reason {
            Some(reason) if verdict != Word::Good => Finding::bad(&backend.id, verdict, reason.clone()),
            Some(_) | None => Finding {
                subject: backend.id.clone(),
                verdict,
                observation: format!("{} is {}", backend.title, status::state(backend)),
                reason: None,
            },
        }
    };
    snapshot.backends.iter().map(finding).collect()
}

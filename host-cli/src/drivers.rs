//! `drivers list`, `check`, `trust`, `quarantine`, `forget`, and what the host itself calls to try a driver.

mod check;
mod new;

pub(crate) use check::{Checked, check, conform};
pub(crate) use new::{Made, new};

use crate::{
    Verdict,
    arguments::{Global, ListOptions},
    connect,
    failure::Coded,
    output::{self, BAD, DIM, FAIR, GOOD, styled},
    stdout,
};
use anyhow::Context as _;
use mdd_core::{
    plugins::{Gate, Meant, Registry, SearchPath, Vetting, is_hash, vet},
    rpc::{DriverAnswer, DriverChoice, DriverView, Drivers, Nothing, SearchedFolder},
    settings::Settings,
};
use std::{fmt::Write as _, path::Path};

/// Drivers are tried by this program.
pub(crate) fn vetting() -> anyhow::Result<Vetting> {
    Ok(Vetting::By(connect::program().context("this program cannot find itself")?.to_owned()))
}

/// Tries the file on stdin and tells on stdout.
pub(crate) fn vet() -> anyhow::Result<Verdict> {
    let copies = tempfile::tempdir()?;
    vet::run_child(&mut stdout::ours()?, copies.path())?;
    Ok(Verdict::InOrder)
}

fn gate(settings: &Settings) -> anyhow::Result<Gate> {
    Ok(Gate::new(&settings.state_folder.join("drivers"), vetting()?))
}

/// What a user decides on a driver.
pub(crate) enum Decision {
    Trust,
    Quarantine(String),
    Forget,
}

impl Decision {
    /// Which driver of a kind it is about.
    fn meant(&self) -> Meant {
        match self {
            Self::Trust => Meant::Refused,
            Self::Quarantine(_) | Self::Forget => Meant::InUse,
        }
    }
}

pub(crate) async fn decide(
    global: &Global,
    settings: &Settings,
    driver: &str,
    decision: Decision,
) -> anyhow::Result<Verdict> {
    let path = Path::new(driver);
    let named = if path.is_file() {
        DriverChoice { file: Some(std::path::absolute(path)?.display().to_string()), ..Default::default() }
    } else if is_hash(driver) {
        DriverChoice { sha256: Some(driver.to_owned()), ..Default::default() }
    } else {
        DriverChoice { kind: Some(driver.to_owned()), ..Default::default() }
    };
    let running = match global.wants_own_host() {
        true => None,
        false => connect::running(&settings.state_folder, "mdd-host drivers").await,
    };
    let sha256 = match running {
        Some(mut client) => {
            let (method, reason) = match &decision {
                Decision::Trust => ("drivers.trust", None),
                Decision::Quarantine(reason) => ("drivers.quarantine", Some(reason.clone())),
                Decision::Forget => ("drivers.forget", None),
            };
            client.call::<_, DriverAnswer>(method, &DriverChoice { reason, ..named }).await?.sha256
        }
        None => {
            let gate = gate(settings)?;
            let not_found = |text| Coded::new("not-found", text);
            let sha256 = match gate.hash_of(driver).map_err(not_found)? {
                Some(sha256) => sha256,
                None => {
                    let registry = Registry::scan(&SearchPath::new(settings.plugins.clone()), &gate);
                    registry.hash_of_kind(driver, decision.meant()).map_err(not_found)?
                }
            };
            match &decision {
                Decision::Trust => gate.trust(&sha256)?,
                Decision::Quarantine(reason) => gate.quarantine(&sha256, reason)?,
                Decision::Forget => gate.forget(&sha256)?,
            }
            sha256
        }
    };
    let done = match decision {
        Decision::Trust => "is trusted",
        Decision::Quarantine(_) => "is in quarantine",
        Decision::Forget => "is forgotten",
    };
    if global.json {
        output::json(&DriverAnswer { sha256 })?;
    } else {
        output::text(&format!("The driver {}… {done}.\n", &sha256[..16]))?;
    }
    Ok(Verdict::InOrder)
}

pub(crate) async fn list(global: &Global, settings: &Settings, options: ListOptions) -> anyhow::Result<Verdict> {
    let path = SearchPath::new(settings.plugins.clone());
    let list = match of_running_host(global, settings).await {
        Some(list) => list,
        None => {
            let registry = Registry::scan(&path, &gate(settings)?);
            Drivers::of(&registry, &path)
        }
    };
    let rows = &list.drivers;
    if global.json {
        output::json(&list)?;
    } else if rows.is_empty() {
        output::text(&nothing_found(&path))?;
    } else {
        let mut text: String = rows.iter().map(line).collect();
        if options.why {
            text.push_str("\nSearched, in this order:\n");
            text.extend(list.searched.iter().map(folder_line));
        }
        output::text(&text)?;
    }
    Ok(Verdict::InOrder)
}

/// What the host that runs has loaded, unless other folders are asked for.
async fn of_running_host(global: &Global, settings: &Settings) -> Option<Drivers> {
    if global.wants_own_host() {
        return None;
    }
    let mut client = connect::running(&settings.state_folder, "mdd-host drivers").await?;
    client.call("drivers.list", &Nothing {}).await.ok()
}

fn nothing_found(path: &SearchPath) -> String {
    let mut text = "No drivers were found. These folders were searched:\n".to_owned();
    for (folder, _) in path.folders() {
        let _infallible = writeln!(text, "  {}", folder.display());
    }
    text
}

fn folder_line(row: &SearchedFolder) -> String {
    let state = match (&row.reason, row.exists) {
        (Some(reason), _) => reason,
        (None, true) => "searched",
        (None, false) => "is not there",
    };
    let asked_by = match row.origin.as_str() {
        "flag" => "--plugins",
        "environment" => "MDD_PLUGIN_PATH",
        "executable" => "beside the program",
        "user" => "the user's own",
        "system" => "everybody's",
        other => other,
    };
    format!("  {:<18} {}  {}\n", asked_by, row.folder, styled(DIM, format_args!("({state})")))
}

fn line(row: &DriverView) -> String {
    let style = match row.status.as_str() {
        "active" => GOOD,
        "shadowed" => FAIR,
        _ => BAD,
    };
    let kind = row.kind.as_deref().unwrap_or("?");
    let version = row.version.as_deref().unwrap_or("");
    let status = styled(style, format_args!("{:<11}", row.status));
    let mut line = format!("{status} {kind:<12} {version:<8} {}\n", row.path);
    if let Some(reason) = &row.reason {
        let code = row.code.as_ref().map(|code| format!("{code}: ")).unwrap_or_default();
        let remedy = row.remedy.as_ref().map(|remedy| format!("; {remedy}")).unwrap_or_default();
        let _infallible = writeln!(line, "            {}", styled(DIM, format_args!("{code}{reason}{remedy}")));
    }
    line
}

//! `drivers list` and `drivers check`.

use crate::{
    Verdict,
    arguments::{CheckOptions, Global, ListOptions},
    connect,
    output::{self, BAD, DIM, FAIR, GOOD, styled},
};
use mdd_core::{
    plugins::{self, DriverFile, Registry, SearchPath},
    rpc::{DriverView, Drivers, Nothing},
    settings::Settings,
};
use std::fmt::Write as _;

pub(crate) async fn list(global: &Global, settings: &Settings, options: ListOptions) -> anyhow::Result<Verdict> {
    let path = SearchPath::new(settings.plugins.clone());
    let list = match of_running_host(global, settings).await {
        Some(list) => list,
        None => {
            let registry = Registry::scan(&path, &settings.state_folder.join("drivers"));
            Drivers { drivers: registry.files().iter().map(DriverView::of).collect() }
        }
    };
    let rows = &list.drivers;
    if options.json {
        output::json(&list)?;
    } else if rows.is_empty() {
        output::text(&nothing_found(&path))?;
    } else {
        output::text(&rows.iter().map(line).collect::<String>())?;
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

fn line(row: &DriverView) -> String {
    let style = match row.status.as_str() {
        "active" => GOOD,
        "shadowed" => FAIR,
        _ => BAD,
    };
    let kind = row.kind.as_deref().unwrap_or("?");
    let version = row.version.as_deref().unwrap_or("");
    let status = styled(style, format_args!("{:<9}", row.status));
    let mut line = format!("{status} {kind:<12} {version:<8} {}\n", row.path);
    if let Some(reason) = &row.reason {
        let code = row.code.as_ref().map(|code| format!("{code}: ")).unwrap_or_default();
        let remedy = row.remedy.as_ref().map(|remedy| format!("; {remedy}")).unwrap_or_default();
        let _infallible = writeln!(line, "          {}", styled(DIM, format_args!("{code}{reason}{remedy}")));
    }
    line
}

pub(crate) fn check(settings: &Settings, options: &CheckOptions) -> anyhow::Result<Verdict> {
    let result = plugins::open(&options.file, &settings.state_folder.join("drivers"));
    let file = DriverFile::of(options.file.clone(), result);
    let row = DriverView::of(&file);
    if options.json {
        output::json(&row)?;
    } else {
        output::text(&report(&row))?;
    }
    Ok(if row.status == "rejected" { Verdict::NotInOrder } else { Verdict::InOrder })
}

fn report(row: &DriverView) -> String {
    match (&row.reason, &row.code, &row.remedy) {
        (Some(reason), Some(code), Some(remedy)) => {
            format!(
                "{} {}\n  code    {code}\n  reason  {reason}\n  remedy  {remedy}\n",
                styled(BAD, "refused"),
                row.path
            )
        }
        _ => format!(
            "{} {}\n  driver  {} {}\n  api     {}\n  sha256  {}\n  passed  inspection, load, layout, manifest, trial\n",
            styled(GOOD, "good"),
            row.path,
            row.kind.as_deref().unwrap_or_default(),
            row.version.as_deref().unwrap_or_default(),
            row.api_version.as_deref().unwrap_or_default(),
            row.sha256.as_deref().unwrap_or_default(),
        ),
    }
}

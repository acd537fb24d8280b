//! `drivers list` and `drivers check`.

use crate::{
    Verdict,
    arguments::{CheckOptions, ListOptions},
    output::{self, BAD, DIM, FAIR, GOOD, styled},
};
use mdd_core::{
    plugins::{self, DriverFile, DriverStatus, Refusal, Registry, SearchPath},
    settings::Settings,
};
use serde::Serialize;
use std::fmt::Write as _;

/// One file, for programs.
#[derive(Debug, Serialize)]
struct Row {
    kind: Option<String>,
    version: Option<String>,
    api_version: Option<String>,
    path: String,
    sha256: Option<String>,
    status: &'static str,
    /// Why it is not used.
    reason: Option<String>,
    code: Option<&'static str>,
    remedy: Option<&'static str>,
}

impl Row {
    fn new(file: &DriverFile) -> Self {
        let manifest = file.manifest();
        let (status, reason, refusal) = match &file.status {
            DriverStatus::Active(_) => ("active", None, None),
            DriverStatus::Shadowed { by, .. } => ("shadowed", Some(format!("{} drives this kind", by.display())), None),
            DriverStatus::Rejected { refusal, .. } => ("rejected", Some(refusal.to_string()), Some(refusal)),
        };
        Self {
            kind: manifest.map(|manifest| manifest.driver.kind.clone()),
            version: manifest.map(|manifest| manifest.version.clone()),
            api_version: manifest.map(|manifest| manifest.api_version.clone()),
            path: file.path.display().to_string(),
            sha256: file.sha256.clone(),
            status,
            reason,
            code: refusal.map(Refusal::code),
            remedy: refusal.map(Refusal::remedy),
        }
    }
}

pub(crate) fn list(settings: &Settings, options: ListOptions) -> anyhow::Result<Verdict> {
    let path = SearchPath::new(settings.plugins.clone());
    let registry = Registry::scan(&path, &settings.state_folder.join("drivers"));
    let rows: Vec<_> = registry.files().iter().map(Row::new).collect();
    if options.json {
        output::json(&serde_json::json!({ "drivers": rows }))?;
    } else if rows.is_empty() {
        output::text(&nothing_found(&path))?;
    } else {
        output::text(&rows.iter().map(line).collect::<String>())?;
    }
    Ok(Verdict::InOrder)
}

fn nothing_found(path: &SearchPath) -> String {
    let mut text = "No drivers were found. These folders were searched:\n".to_owned();
    for (folder, _) in path.folders() {
        let _infallible = writeln!(text, "  {}", folder.display());
    }
    text
}

fn line(row: &Row) -> String {
    let style = match row.status {
        "active" => GOOD,
        "shadowed" => FAIR,
        _ => BAD,
    };
    let kind = row.kind.as_deref().unwrap_or("?");
    let version = row.version.as_deref().unwrap_or("");
    let status = styled(style, format_args!("{:<9}", row.status));
    let mut line = format!("{status} {kind:<12} {version:<8} {}\n", row.path);
    if let Some(reason) = &row.reason {
        let code = row.code.map(|code| format!("{code}: ")).unwrap_or_default();
        let remedy = row.remedy.map(|remedy| format!("; {remedy}")).unwrap_or_default();
        let _infallible = writeln!(line, "          {}", styled(DIM, format_args!("{code}{reason}{remedy}")));
    }
    line
}

pub(crate) fn check(settings: &Settings, options: &CheckOptions) -> anyhow::Result<Verdict> {
    let result = plugins::open(&options.file, &settings.state_folder.join("drivers"));
    let file = DriverFile::of(options.file.clone(), result);
    let row = Row::new(&file);
    if options.json {
        output::json(&row)?;
    } else {
        output::text(&report(&row))?;
    }
    Ok(if row.status == "rejected" { Verdict::NotInOrder } else { Verdict::InOrder })
}

fn report(row: &Row) -> String {
    match (&row.reason, row.code, row.remedy) {
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

//! `config show`, `set` and `unset`.

use crate::{
    Verdict,
    arguments::{ConfigCommand, Global},
    failure::{self, Coded},
    output::{self, BAD, DIM, age, styled},
    reach::Reach,
};
use anyhow::Context as _;
use mdd_core::{
    config::{ConfigProblem, ConfigValue, ConfigView, Layer},
    rpc::{ConfigChange, ConfigChoice},
    settings::Settings,
};
use serde_json::Value;
use std::{
    fmt::Write as _,
    io::{IsTerminal as _, Read as _},
};

pub(crate) async fn run(global: &Global, settings: Settings, command: ConfigCommand) -> anyhow::Result<Verdict> {
    let mut host = Reach::host(global, settings, "mdd-host config").await?;
    match command {
        ConfigCommand::Show => {
            let view: ConfigView = host.call("config.show", &ConfigChoice::default()).await?;
            if global.json {
                output::json(&view)?;
            } else {
                output::text(&table(&view, host.since()))?;
            }
        }
        ConfigCommand::Set { key, value } => change(&mut host, key, given(value)?, global.json).await?,
        ConfigCommand::Unset { key } => change(&mut host, key, Value::Null, global.json).await?,
    }
    Ok(Verdict::InOrder)
}

async fn change(host: &mut Reach, key: String, value: Value, json: bool) -> anyhow::Result<()> {
    let change = ConfigChange { key, value };
    let view: ConfigView = host.call("config.set", &change).await.map_err(|error| {
        if failure::is_invalid(&error) {
            return Coded::helped(&error.into(), "`mdd-host config show` has every key with its value").into();
        }
        anyhow::Error::from(error)
    })?;
    if json {
        return output::json(&view);
    }
    if let Some(value) = view.values.iter().find(|value| value.key == change.key) {
        output::text(&row(value, value.key.len(), host.since()))?;
    }
    Ok(())
}

/// What a shell can say: JSON where it is, else a text; several words are a list.
fn given(words: Vec<String>) -> anyhow::Result<Value> {
    let one = |word: &String| serde_json::from_str(word).unwrap_or_else(|_| Value::String(word.clone()));
    match words.as_slice() {
        [word] if word == "-" => Ok(one(&typed().context("stdin")?.trim().to_owned())),
        [word] => Ok(one(word)),
        words => Ok(words.iter().map(one).collect()),
    }
}

/// What a pipe holds; whoever sits at a terminal is asked for one line.
fn typed() -> std::io::Result<String> {
    let mut text = String::new();
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        anstream::eprint!("Type or paste the value and press Enter: ");
        stdin.read_line(&mut text)?;
    } else {
        stdin.lock().read_to_string(&mut text)?;
    }
    Ok(text)
}

fn table(view: &ConfigView, since: Option<&str>) -> String {
    let width = view.values.iter().map(|value| value.key.len()).max().unwrap_or_default();
    let mut text = String::new();
    if let Some(file) = &view.file {
        let _infallible = writeln!(text, "{}", styled(DIM, format_args!("# {file}")));
    }
    text.extend(view.values.iter().map(|value| row(value, width, since)));
    text.extend(view.problems.iter().map(problem));
    text
}

/// `since` is when the host was started, if it was not just now: it reads its environment only then.
fn row(value: &ConfigValue, width: usize, since: Option<&str>) -> String {
    let mut origin = match &value.source {
        Some(source) => format!("{} {source}", value.origin),
        None => value.origin.to_string(),
    };
    if let Some(since) = since.filter(|_| value.origin == Layer::Environment) {
        origin = format!("{origin}, at the start of the host {} ago", age(since));
    }
    let shown = match &value.value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let line = format!("{:<width$}  {shown:<32}", value.key);
    match value.origin {
        Layer::Default => format!("{}\n", styled(DIM, format_args!("{line}  {origin}"))),
        Layer::File | Layer::Project | Layer::Environment | Layer::Flag => {
            format!("{line}  {}\n", styled(DIM, origin))
        }
    }
}

fn problem(problem: &ConfigProblem) -> String {
    let seen = styled(BAD, format_args!("{}: {}", problem.source, problem.observation));
    format!("{seen}\n  {}\n", styled(DIM, format_args!("→ {}", problem.remedy)))
}

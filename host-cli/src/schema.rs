//! `schema`: what every command prints with `--json`.

use crate::{
    Verdict,
    backends::Backends,
    doctor::Findings,
    drivers::{Checked, Made},
    failure::Failed,
    output,
    serve::Stopped,
};
use mdd_core::{
    config::ConfigView,
    events::{JobView, Snapshot},
    rpc::{BackendTested, DriverAnswer, Drivers, FolderAnswer, JobList, MetricsAnswer, Nothing},
};
use schemars::{Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// Makes the schema of one type.
type Describe = fn(&mut SchemaGenerator) -> Schema;

/// Commands with the type of their object.
const OUTPUTS: &[(&[&str], Describe)] = &[
    (&["status"], SchemaGenerator::subschema_for::<Snapshot>),
    (&["doctor"], SchemaGenerator::subschema_for::<Findings>),
    (&["drivers list"], SchemaGenerator::subschema_for::<Drivers>),
    (&["drivers check"], SchemaGenerator::subschema_for::<Checked<'static>>),
    (&["drivers new"], SchemaGenerator::subschema_for::<Made>),
    (&["drivers trust", "drivers quarantine", "drivers forget"], SchemaGenerator::subschema_for::<DriverAnswer>),
    (
        &[
            "backends list",
            "backends add",
            "backends set",
            "backends remove",
            "backends enable",
            "backends disable",
            "backends default",
            "backends accept",
            "backends try",
            "backends refresh",
        ],
        SchemaGenerator::subschema_for::<Backends>,
    ),
    (&["backends test"], SchemaGenerator::subschema_for::<BackendTested>),
    (&["config show", "config set", "config unset"], SchemaGenerator::subschema_for::<ConfigView>),
    (&["jobs list"], SchemaGenerator::subschema_for::<JobList>),
    (
        &["jobs submit", "jobs show", "jobs watch", "jobs cancel", "jobs retry", "jobs resubmit"],
        SchemaGenerator::subschema_for::<JobView>,
    ),
    (&["jobs open"], SchemaGenerator::subschema_for::<FolderAnswer>),
    (&["jobs discard"], SchemaGenerator::subschema_for::<Nothing>),
    (&["metrics"], SchemaGenerator::subschema_for::<MetricsAnswer>),
    (&["stop"], SchemaGenerator::subschema_for::<Stopped>),
];

pub(crate) fn print() -> anyhow::Result<Verdict> {
    let text = serde_json::to_string_pretty(&document())?;
    output::text(&format!("{text}\n"))?;
    Ok(Verdict::InOrder)
}

fn document() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut commands = Map::new();
    for (names, schema) in OUTPUTS {
        let schema = schema(&mut generator);
        commands.extend(names.iter().map(|name| ((*name).to_owned(), json!(schema))));
    }
    let error = generator.subschema_for::<Failed>();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What mdd-host prints with --json",
        "description": "One object on one line. A command that fails prints `error` instead, and exits with 1.",
        "commands": commands,
        "error": error,
        "$defs": generator.take_definitions(true),
    })
}

#[cfg(test)]
mod tests {
    use super::OUTPUTS;
    use crate::arguments::Arguments;
    use clap::{Command, CommandFactory as _};
    use std::collections::BTreeSet;

    /// Full names of the commands that do something, as far as they know `--json`.
    fn leaves(command: &Command, name: &str, into: &mut BTreeSet<String>) {
        const WITHOUT: [&str; 6] = ["watch", "serve", "bridge", "completions", "man", "schema"];
        let below: Vec<_> = command.get_subcommands().filter(|below| !below.is_hide_set()).collect();
        for below in &below {
            let name = format!("{name} {}", below.get_name());
            leaves(below, name.trim(), into);
        }
        if below.is_empty() && !WITHOUT.contains(&name) {
            into.insert(name.to_owned());
        }
    }

    #[test]
    fn every_command_that_can_print_json_is_described() {
        let mut commands = BTreeSet::new();
        leaves(&Arguments::command(), "", &mut commands);
        let described = OUTPUTS.iter().flat_map(|(names, _)| *names).map(|name| (*name).to_owned()).collect();
        assert_eq!(commands, described);
    }
}

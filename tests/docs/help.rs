//! What the program says about itself.

use mdd_tests::mdd_host;
use std::collections::BTreeSet;

/// The long options of every command.
pub(crate) fn options() -> BTreeSet<String> {
    let mut options = BTreeSet::new();
    let mut commands = vec![Vec::new()];
    while let Some(command) = commands.pop() {
        let text = help(&command);
        options.extend(text.lines().filter_map(option));
        commands.extend(subcommands(&text).map(|name| [&command[..], &[name]].concat()));
    }
    options
}

fn help(command: &[String]) -> String {
    let home = tempfile::tempdir().unwrap();
    let output = mdd_host(home.path()).args(command).arg("--help").output().unwrap();
    assert!(output.status.success(), "{command:?} has no help");
    String::from_utf8(output.stdout).unwrap()
}

/// The option of a line such as `  -q, --quiet   Log errors only`.
fn option(line: &str) -> Option<String> {
    let line = line.strip_prefix("  ")?.trim_start();
    let words = line.split("  ").next()?;
    let long = words.split([' ', ',', '.']).find(|word| word.starts_with("--"))?;
    words.starts_with('-').then(|| long.to_owned())
}

/// The names below `Commands:`, as far as the next empty line.
fn subcommands(help: &str) -> impl Iterator<Item = String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    names.filter(|name| !name.is_empty() && *name != "help").map(str::to_owned)
}

#[test]
fn options_and_commands_are_read_out_of_a_help_text() {
    let text = "Commands:\n  list   A\n         wrapped\n  help   B\n\nOptions:\n  -v, --verbose...  Log --more\n      --state-dir <DIR>  C\n";
    assert_eq!(subcommands(text).collect::<Vec<_>>(), ["list"]);
    assert_eq!(text.lines().filter_map(option).collect::<Vec<_>>(), ["--verbose", "--state-dir"]);
}

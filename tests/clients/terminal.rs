//! What the terminal shows, letter by letter, and what it prints for programs.
//!
//! `INSTA_UPDATE=always cargo test -p mdd-tests --test clients terminal` writes the pictures anew.

use crate::{home::Home, jobs::workflow, schema::check::Schema, soon, talk::SocketTalk};
use mdd_sim::Sim;
use serde_json::{Value, json};
use std::{collections::BTreeSet, env, fmt::Write as _, fs, path::Path, process::Output};

/// From the root of the repository.
const SCHEMA: &str = "docs/schema/cli.json";

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

async fn help(home: &Home, command: &[String]) -> String {
    let words: Vec<&str> = command.iter().map(String::as_str).chain(["--help"]).collect();
    let mut run = home.command(&words);
    let output = soon("the help", run.output()).await.unwrap();
    assert!(output.status.success(), "{command:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The names below `Commands:`.
fn subcommands(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    names.filter(|name| !name.is_empty() && *name != "help").map(str::to_owned).collect()
}

#[tokio::test]
async fn every_command_explains_itself() {
    let home = Home::empty();
    let mut shown = String::new();
    let mut commands = vec![Vec::new()];
    while let Some(command) = commands.pop() {
        let text = help(&home, &command).await;
        let below = subcommands(&text);
        commands.extend(below.into_iter().rev().map(|name| [&command[..], &[name]].concat()));
        // What is everywhere is shown once.
        let own = if command.is_empty() { &text[..] } else { text.split("\nEverywhere:").next().unwrap() };
        let after = text.split_once("\nExample").map(|(_, after)| format!("\nExample{after}"));
        let after = after.filter(|_| !command.is_empty()).unwrap_or_default();
        let _infallible = write!(shown, "$ mdd-host {} --help\n{own}{after}\n", command.join(" "));
    }
    insta::assert_snapshot!("help", shown);
}

/// A host with a service that works, one that does not and a driver that is broken, and a job that is done.
struct Scene {
    home: Home,
    hides: Vec<(String, &'static str)>,
    _host: crate::home::Served,
    _sim: Sim,
}

impl Scene {
    async fn new() -> Self {
        let sim = Sim::start("comfyui").await.unwrap();
        let home = Home::with(&["comfyui", "litellm", "panics-in-create"], &[("comfyui", &sim.url())]);
        let host = home.serve().await;
        let mut talk = SocketTalk::greeted(&home).await;
        talk.ask("jobs.submit", json!({"id": "shot-1", "kind": "comfyui", "payload": workflow(1)})).await;
        let settled = async {
            loop {
                let snapshot = talk.ask("snapshot", Value::Null).await;
                let is_ready =
                    snapshot["backends"][0]["devices"].is_array() && snapshot["backends"][0]["detail"] == "ready";
                if is_ready && snapshot["jobs"][0]["state"] == "done" {
                    return;
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        soon("a job that is done", settled).await;
        let hides = vec![
            (sim.addr().to_string(), "ADDRESS"),
            (home.plugins().display().to_string(), "PLUGINS"),
            (home.state().display().to_string(), "STATE"),
            (home.folder().display().to_string(), "HOME"),
            (host.pid.to_string(), "PID"),
            (env!("CARGO_PKG_VERSION").to_owned(), "VERSION"),
        ];
        Self { home, hides, _host: host, _sim: sim }
    }

    /// A command as it stands in a terminal, with its exit code.
    async fn shown(&self, words: &[&str]) -> String {
        let output = self.home.output(words).await;
        let code = output.status.code().unwrap();
        let text = self.hides.iter().fold(text(&output), |text, (from, to)| text.replace(from, to));
        let lines: Vec<String> = text.lines().map(|line| steady(line).trim_end().to_owned()).collect();
        format!("$ mdd-host {}\n{}\n[{code}]\n\n", words.join(" "), lines.join("\n"))
    }
}

/// A line without what another run has otherwise: times, durations, hashes and amounts of memory.
fn steady(line: &str) -> String {
    let is_time = |word: &str| word.len() == 20 && word.ends_with('Z') && word.as_bytes()[10] == b'T';
    let is_hash = |word: &str| word.len() >= 16 && word.chars().all(|c| c.is_ascii_hexdigit() || c == '…');
    let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    for at in 0..words.len() {
        let word = &words[at];
        let bare = word.trim_matches(',').to_owned();
        let next = words.get(at + 1).map(String::as_str);
        if is_time(&bare) {
            words[at] = word.replace(&bare, "TIME");
        } else if is_hash(&bare) {
            words[at] = word.replace(&bare, "HASH");
        } else if bare.parse::<f64>().is_ok() && matches!(next, Some("ms" | "bytes" | "listen")) {
            words[at] = "N".to_owned();
        }
    }
    words.join(" ")
}

#[tokio::test]
async fn the_main_outputs_are_as_they_were() {
    let scene = Scene::new().await;
    let mut shown = String::new();
    for words in [
        &["status"][..],
        &["backends", "list"],
        &["backends", "test", "127.0.0.1:9"],
        &["drivers", "list"],
        &["jobs", "list"],
        &["jobs", "show", "shot-1"],
        &["jobs", "watch", "shot-1"],
        &["doctor"],
        &["config", "show"],
        &["config", "set", "idle_minutes", "30"],
    ] {
        shown.push_str(&scene.shown(words).await);
    }
    insta::assert_snapshot!("outputs", shown);
}

#[tokio::test]
async fn failures_have_one_shape() {
    let scene = Scene::new().await;
    let mut shown = String::new();
    for words in [
        &["jobs", "show", "shot-2"][..],
        &["jobs", "show", "shot-2", "--json"],
        &["jobs", "resubmit", "shot-1"],
        &["jobs", "submit", "{", "--kind", "comfyui"],
        &["jobs", "submit", "nowhere.json", "--kind", "comfyui"],
        &["jobs", "submit", "{}", "--kind", "candle"],
        &["jobs", "submit", "{}"],
        &["backends", "disable", "candle"],
        &["config", "set", "idle_minuts", "30"],
        &["config", "set", "idle_minutes", "soon", "--json"],
        &["drivers", "trust", "0123456789"],
        &["watch"],
        &["watch", "--json"],
        &["candles"],
        &["stop"],
        &["metrics"],
    ] {
        shown.push_str(&scene.shown(words).await);
    }
    insta::assert_snapshot!("failures", shown);
}

#[tokio::test]
async fn what_is_printed_for_programs_is_what_the_schema_says() {
    let scene = Scene::new().await;
    let schema = scene.home.output(&["schema"]).await;
    let document: Value = serde_json::from_slice(&schema.stdout).unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(SCHEMA);
    if env::var_os("MDD_UPDATE").is_some_and(|value| value == "1") {
        fs::write(&file, &schema.stdout).unwrap();
    }
    let published = fs::read(&file).unwrap_or_default();
    assert!(
        published == schema.stdout,
        "{SCHEMA} is not what the code says; write it anew with `MDD_UPDATE=1 cargo test -p mdd-tests --test clients \
         terminal` and look at the difference"
    );

    let (backend, crate_folder) = (scene.hides[0].0.clone(), scene.home.folder().join("candle").display().to_string());
    let id = format!("comfyui@{backend}");
    let broken = scene
        .home
        .plugins()
        .join(mdd_tests::built().driver("panics-in-create").file_name().unwrap())
        .display()
        .to_string();
    let api = format!("{}/../driver-api", env!("CARGO_MANIFEST_DIR"));
    let long = workflow(1200).to_string();
    let mut described: BTreeSet<&str> = document["commands"].as_object().unwrap().keys().map(String::as_str).collect();
    // `stop` is last, as it ends what the others ask.
    for (command, words) in [
        ("status", &[][..]),
        ("doctor", &[]),
        ("drivers list", &["--why"]),
        ("drivers check", &[&broken]),
        ("drivers quarantine", &[&broken]),
        ("drivers trust", &[&broken]),
        ("drivers forget", &[&broken]),
        ("drivers new", &[&crate_folder, "--api", &api]),
        ("backends list", &[]),
        ("backends add", &["litellm", "127.0.0.1:9"]),
        ("backends set", &["litellm@127.0.0.1:9", "127.0.0.1:8"]),
        ("backends disable", &["litellm@127.0.0.1:8"]),
        ("backends enable", &["litellm@127.0.0.1:8"]),
        ("backends default", &["litellm@127.0.0.1:8"]),
        ("backends accept", &["litellm@127.0.0.1:8"]),
        ("backends try", &["litellm@127.0.0.1:8"]),
        ("backends refresh", &[]),
        ("backends remove", &["litellm@127.0.0.1:8"]),
        ("backends test", &[&backend]),
        ("config show", &[]),
        ("config set", &["idle_minutes", "30"]),
        ("config unset", &["idle_minutes"]),
        ("jobs list", &[]),
        ("jobs show", &["shot-1"]),
        ("jobs watch", &["shot-1"]),
        ("jobs submit", &[&long, "--on", &id, "--id", "shot-2"]),
        ("jobs cancel", &["shot-2"]),
        ("jobs watch", &["shot-2"]),
        ("jobs resubmit", &["shot-2"]),
        ("jobs retry", &["shot-2"]),
        ("jobs discard", &["shot-1"]),
        ("metrics", &[]),
        ("stop", &[]),
    ] {
        let mut line: Vec<&str> = command.split(' ').collect();
        line.extend(words.iter().map(|word| &**word));
        line.push("--json");
        let output = scene.home.output(&line).await;
        let value: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{line:?}: {error}, {}", text(&output)));
        assert!(value.get("error").is_none(), "{line:?}: {value}");
        Schema::at(&document, &format!("/commands/{command}")).accept(&value);
        described.remove(command);
    }
    // This one shows a folder on the screen of whoever runs the test.
    assert_eq!(described, BTreeSet::from(["jobs open"]));
    let output = scene.home.output(&["jobs", "show", "nobody", "--json"]).await;
    Schema::at(&document, "/error").accept(&serde_json::from_slice(&output.stdout).unwrap());
}

#[tokio::test]
async fn colours_are_shown_where_they_are_wanted_and_never_with_no_color() {
    let home = Home::empty();
    let coloured = async |without: bool, words: &[&str]| {
        let mut command = home.command(words);
        command.env("CLICOLOR_FORCE", "1");
        if without {
            command.env("NO_COLOR", "1");
        }
        text(&soon("the end", command.output()).await.unwrap()).contains('\x1b')
    };
    for words in [&["doctor", "--no-discovery"][..], &["jobs", "show", "nobody"], &["--help"]] {
        assert!(coloured(false, words).await, "{words:?}");
        assert!(!coloured(true, words).await, "{words:?}");
    }
}

/// What bash offers for the last word.
fn completed(home: &Home, script: &Path, words: &[&str]) -> Vec<String> {
    let complete = r#"
        source "$0"; shift 0; COMP_WORDS=(mdd-host "$@"); COMP_CWORD=$#
        _clap_complete_mdd_host mdd-host "${COMP_WORDS[COMP_CWORD]}"; printf '%s\n' "${COMPREPLY[@]}""#;
    let program = home.command(&[]).as_std().get_program().to_owned();
    let folder = Path::new(&program).parent().unwrap().to_owned();
    let path = env::join_paths(std::iter::once(folder).chain(env::split_paths(&env::var_os("PATH").unwrap())));
    let mut bash = std::process::Command::new("bash");
    bash.arg("-c").arg(complete).arg(script).args(words).env("PATH", path.unwrap());
    let output = bash.output().unwrap();
    text(&output).lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn shells_complete_commands_and_man_has_its_pages() {
    let home = Home::empty();
    let script = home.folder().join("completions");
    fs::write(&script, home.output(&["completions", "bash"]).await.stdout).unwrap();
    assert_eq!(completed(&home, &script, &["jobs", "sub"]), ["submit"]);
    for shell in ["zsh", "fish", "powershell", "elvish"] {
        let output = home.output(&["completions", shell]).await;
        assert!(output.status.success() && text(&output).contains("_MDD_HOST_COMPLETE"), "{shell}");
    }

    let home = Home::with(&["comfyui"], &[("comfyui", "http://127.0.0.1:9")]);
    let (state, plugins) = (home.state().to_str().unwrap(), home.plugins().to_str().unwrap());
    let there = ["--state-dir", state, "--plugins", plugins];
    let offered = |words: &[&str]| completed(&home, &script, &[&there[..], words].concat());
    assert_eq!(offered(&["drivers", "trust", ""])[..1], ["comfyui"], "a kind needs no host");
    let host = home.serve().await;
    assert_eq!(offered(&["jobs", "submit", "--on", "comf"]), ["comfyui@127.0.0.1:9"]);
    assert_eq!(offered(&["backends", "try", "c"]), ["comfyui@127.0.0.1:9"]);
    drop(host);

    let folder = home.folder().join("man");
    assert!(home.output(&["man", folder.to_str().unwrap()]).await.status.success());
    let submit = fs::read_to_string(folder.join("mdd-host-jobs-submit.1")).unwrap();
    assert!(submit.contains(r"\fB\-\-wait\fR") && submit.contains("Examples"), "{submit}");
    let pages = fs::read_dir(&folder).unwrap().count();
    assert!(!folder.join("mdd-host-help.1").exists() && pages > 30, "{pages}");
}

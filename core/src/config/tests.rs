//! Which value wins, what is said about mistakes, and what an edit leaves alone.

use super::{Config, ConfigValue, Layer, Named, UserFile};
use crate::{
    endpoint::Endpoint,
    events::Origin,
    jobs::Retention,
    keyring::{Entry, Keyring, KeyringError},
    settings::{Environment, Settings},
};
use mdd_driver_api::manifest::Declaration;
use serde_json::{Value, json};
use std::{fs, path::PathBuf};
use tempfile::TempDir;

fn lamp() -> Declaration {
    serde_json::from_str(
        r#"{"kind": "lamp-post", "title": "Lamp", "environment": {"url": ["LAMP_URL"], "port": ["LAMP_PORT"]},
            "secrets": {"key": {"environment": ["LAMP_KEY"], "header": "authorization", "prefix": "Bearer "}},
            "settings": {"properties": {"watts": {"type": "integer", "minimum": 1, "maximum": 100, "default": 40}}}}"#,
    )
    .unwrap()
}

struct Scene {
    folder: TempDir,
    start: Settings,
    project: Vec<Named>,
    keyring: Keyring,
}

impl Scene {
    fn of(variables: &[(&str, &str)], text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        fs::write(&file, text).unwrap();
        let variables = variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        let start = Settings {
            plugins: vec![],
            state_folder: PathBuf::new(),
            config_file: Some(file),
            backends: vec![],
            discovery: true,
            environment: variables.collect::<Environment>(),
        };
        Self { folder, start, project: vec![], keyring: Keyring::default() }
    }

    fn file(&self) -> UserFile {
        UserFile::read(self.start.config_file.clone())
    }

    fn config(&self) -> Config {
        self.resolved(&self.file())
    }

    fn resolved(&self, file: &UserFile) -> Config {
        Config::resolve(&self.start, file, &[lamp()], &self.project, &self.keyring)
    }

    fn value(&self, key: &str) -> ConfigValue {
        let view = self.config().view(&self.file());
        view.values.into_iter().find(|value| value.key == key).unwrap()
    }

    fn text(&self) -> String {
        fs::read_to_string(self.folder.path().join("config.toml")).unwrap()
    }

    fn problems(&self) -> Vec<(String, String)> {
        let file = self.folder.path().join("config.toml").display().to_string();
        let problems = self.config().view(&self.file()).problems;
        let short = |text: String| text.replace(&file, "FILE");
        problems
            .into_iter()
            .map(|problem| (short(problem.source), problem.observation + "; " + &problem.remedy))
            .collect()
    }
}

fn named(origin: Origin, url: &str) -> Named {
    Named { kind: "lamp-post".to_owned(), endpoint: Endpoint::parse(url).unwrap(), origin }
}

fn urls(scene: &Scene) -> Vec<String> {
    scene.config().named("lamp-post").iter().map(|named| named.endpoint.to_string()).collect()
}

#[test]
fn each_layer_wins_over_those_below_it_and_says_where_its_value_stands() {
    let key = "backends.lamp-post.url";
    let mut scene = Scene::of(&[], "");
    let seen = scene.value(key);
    assert_eq!((seen.value, seen.origin, seen.source), (json!([]), Layer::Default, None));

    scene = Scene::of(&[], "# mine\n[backends.lamp-post]\nurl = \"127.0.0.1:1\"\n");
    let seen = scene.value(key);
    assert_eq!((&seen.value, seen.origin), (&json!(["http://127.0.0.1:1"]), Layer::File));
    assert!(seen.source.unwrap().ends_with("config.toml:3"));

    scene.project = vec![named(Origin::Project, "127.0.0.1:2")];
    assert_eq!(scene.value(key).origin, Layer::Project);

    scene.start.environment = [("LAMP_PORT".to_owned(), "3".to_owned())].into_iter().collect();
    let seen = scene.value(key);
    assert_eq!((seen.value, seen.origin), (json!(["http://127.0.0.1:3"]), Layer::Environment));
    assert_eq!(seen.source.as_deref(), Some("LAMP_PORT"));

    scene.start.backends = vec![named(Origin::Flag, "127.0.0.1:4"), named(Origin::Flag, "127.0.0.1:5")];
    assert_eq!(scene.value(key).origin, Layer::Flag);
    assert_eq!(urls(&scene), ["http://127.0.0.1:4", "http://127.0.0.1:5"]);
    assert!(scene.config().named("lamp-post").iter().all(|named| named.origin == Origin::Flag));
}

#[test]
fn how_long_jobs_are_kept_is_a_setting_like_any_other() {
    let origin = |scene: &Scene| {
        let seen = scene.value("jobs.keep_days");
        (seen.value, seen.origin)
    };
    let mut scene = Scene::of(&[], "");
    assert_eq!(origin(&scene), (json!(30), Layer::Default));
    assert_eq!(scene.config().retention(), Retention::DEFAULT);
    scene = Scene::of(&[], "[jobs]\nkeep_days = 7\nkeep_count = 0\n");
    assert_eq!(origin(&scene), (json!(7), Layer::File));
    assert_eq!(scene.config().retention(), Retention { days: 7, count: 0 });
    let variables = [("MDD_JOBS_KEEP_DAYS", "0"), ("MDD_JOBS_KEEP_COUNT", "soon")];
    scene = Scene::of(&variables, "[jobs]\nkeep_days = 7\n");
    assert_eq!(origin(&scene), (json!(0), Layer::Environment));
    assert_eq!(scene.config().retention(), Retention { days: 0, ..Retention::DEFAULT });
    let [(source, problem)] = scene.problems().try_into().unwrap();
    assert_eq!(source, "MDD_JOBS_KEEP_COUNT");
    assert!(problem.contains("it takes a whole number from 0 to 1000000"), "{problem}");
    assert_eq!(Scene::of(&[], "jobs.keep_days = -1\n").config().retention(), Retention::DEFAULT);
}

#[test]
fn a_variable_of_ours_that_nothing_reads_is_named_with_the_nearest() {
    let variables = [
        ("MDD_LAMP_PSOT_URL", "http://127.0.0.1:1"),
        ("MDD_LAMPPOST_KEY", "sk-canary"),
        // Of these the first is read by a setting, and the others are of no concern.
        ("MDD_SPARE_KEY", "sk-canary"),
        ("MDD_STATE_DIR", "/tmp"),
        ("LAMP_PSOT_URL", "http://127.0.0.1:1"),
    ];
    let problems = Scene::of(&variables, "backends.lamp-post.key = \"env:MDD_SPARE_KEY\"\n").problems();
    let [(lamppost, to_key), (psot, to_url)] = problems.try_into().unwrap();
    assert_eq!((psot.as_str(), lamppost.as_str()), ("MDD_LAMP_PSOT_URL", "MDD_LAMPPOST_KEY"));
    assert!(to_url.contains("did you mean `MDD_LAMP_POST_URL`?"), "{to_url}");
    assert!(to_key.contains("did you mean `MDD_LAMP_POST_KEY`?") && !to_key.contains("canary"), "{to_key}");
}

#[test]
fn a_port_that_several_kinds_declare_is_looked_at_and_names_none() {
    let fan = || Declaration { kind: "fan".to_owned(), title: "Fan".to_owned(), ..lamp() };
    let with = |port: &str| Scene::of(&[("LAMP_PORT", port)], "");
    let both =
        |scene: &Scene| Config::resolve(&scene.start, &scene.file(), &[lamp(), fan()], &scene.project, &scene.keyring);
    let config = both(&with("7999"));
    assert!(config.named("lamp-post").is_empty() && config.named("fan").is_empty());
    assert_eq!(config.ports, [7999].into());
    assert_eq!(urls(&with("7999")), ["http://127.0.0.1:7999"]);
    let odd = with("seven");
    let config = both(&odd);
    assert!(config.ports.is_empty());
    assert_eq!(config.view(&odd.file()).problems[0].observation, "the variable LAMP_PORT holds no port");
}

#[test]
fn our_variable_wins_over_the_services_own() {
    let both = [("LAMP_URL", "http://127.0.0.1:1"), ("MDD_LAMP_POST_URL", "http://127.0.0.1:2")];
    assert_eq!(urls(&Scene::of(&both, "")), ["http://127.0.0.1:2"]);
    assert_eq!(urls(&Scene::of(&both[..1], "")), ["http://127.0.0.1:1"]);
    assert_eq!(urls(&Scene::of(&[("LAMP_PORT", "77")], "")), ["http://127.0.0.1:77"]);
}

#[test]
fn a_bad_variable_is_named_and_the_next_one_counts() {
    let scene = Scene::of(&[("LAMP_URL", "ftp://x"), ("LAMP_PORT", "78")], "");
    assert_eq!(urls(&scene), ["http://127.0.0.1:78"]);
    assert_eq!(scene.problems()[0].0, "LAMP_URL");
    let scene = Scene::of(&[("LAMP_URL", "  "), ("LAMP_PORT", "no")], "");
    assert!(urls(&scene).is_empty());
    assert_eq!(scene.problems().len(), 1);
}

#[test]
fn mistakes_in_the_file_are_named_with_line_and_nearest_key_and_the_rest_counts() {
    let scene = Scene::of(
        &[],
        "idle_minuts = 3\n[health]\ninterval_ms = 20\n\n[drivers.lamp-post]\nwatts = 400\n[discovery]\nlan = true\n\
         [backends.lamp-pots]\nurl = \"127.0.0.1:9\"\n",
    );
    assert_eq!(
        scene.problems(),
        [
            ("FILE:1", "there is no setting `idle_minuts`; did you mean `idle_minutes`?"),
            (
                "FILE:3",
                "`health.interval_ms` cannot be used: it takes a whole number from 1000 to 10000; correct it; until then \
                 it counts as not set"
            ),
            (
                "FILE:6",
                "`drivers.lamp-post.watts` cannot be used: the value: maximum is 100; correct it; until then it \
                 counts as not set"
            ),
            (
                "FILE:10",
                "no driver for the kind of `backends.lamp-pots.url` is in use; did you mean `backends.lamp-post.url`?"
            ),
        ]
        .map(|(source, text)| (source.to_owned(), text.to_owned()))
    );
    let config = scene.config();
    assert!(config.is_on("discovery.lan"));
    assert_eq!(config.undriven[0].kind, "lamp-pots");
    assert_eq!(config.check_every().as_millis(), 5_000);
}

#[test]
fn a_file_that_is_no_toml_is_named_with_its_line_and_never_overwritten() {
    let text = "[discovery]\nlan = true\nlan = \n";
    let scene = Scene::of(&[], text);
    assert_eq!(scene.problems()[0].0, "FILE:3");
    let error = scene.file().set(&["idle_minutes"], Some(&json!(3))).unwrap_err();
    assert!(error.to_string().contains("config.toml:3"), "{error}");
    assert_eq!(scene.text(), text);
    assert!(scene.file().set(&["discovery", "lan"], None).is_err());
}

#[test]
fn an_edit_changes_one_value_and_keeps_comments_order_and_form() {
    let text = "# The studio's machine.\n\n[backends.lamp-post] # street\n# the good one\nurl = \"127.0.0.1:1\"  # \
                until May\n\n# slow network\n[health]\ninterval_ms = 9_000\n";
    let scene = Scene::of(&[], text);
    let mut file = scene.file();
    file.set(&["backends", "lamp-post", "url"], Some(&json!(["127.0.0.1:2"]))).unwrap();
    assert_eq!(scene.text(), text.replace("\"127.0.0.1:1\"", "[\"127.0.0.1:2\"]"));
    file.set(&["health", "interval_ms"], None).unwrap();
    assert!(scene.text().contains("# slow network\n"), "{}", scene.text());
    file.set(&["backends", "lamp-post", "url"], None).unwrap();
    for comment in ["# The studio's machine.", "# the good one", "# slow network"] {
        assert!(scene.text().contains(comment), "{comment} is lost: {}", scene.text());
    }
    file.set(&["backends", "lamp-post", "key"], Some(&json!("k"))).unwrap();
    assert_eq!(scene.config().secrets("lamp-post").len(), 1, "{}", scene.text());
    // A value where a table is needed is told and loses nothing.
    fs::write(file.path().unwrap(), "health = 3\n").unwrap();
    assert!(file.set(&["health", "interval_ms"], Some(&json!(1000))).is_err());
    assert_eq!(scene.text(), "health = 3\n");
}

#[test]
fn what_somebody_else_has_written_meanwhile_is_kept() {
    let scene = Scene::of(&[], "idle_minutes = 3\n");
    let mut file = scene.file();
    fs::write(file.path().unwrap(), "idle_minutes = 4\n").unwrap();
    assert!(file.is_stale());
    file.set(&["discovery", "lan"], Some(&json!(true))).unwrap();
    assert_eq!(scene.text(), "idle_minutes = 4\n\n[discovery]\nlan = true\n");
    assert!(!file.is_stale());
}

#[test]
fn what_counted_before_a_bad_edit_goes_on_counting() {
    let scene = Scene::of(&[], "[discovery]\nenabled = false\n");
    let mut file = scene.file();
    let is_off = |file: &UserFile| !scene.resolved(file).discovers();
    assert!(is_off(&file));
    for (bytes, remedy) in
        [(&b"[discovery]\nenabled = f"[..], "what it said before counts"), (b"\xff", "make the file readable")]
    {
        fs::write(file.path().unwrap(), bytes).unwrap();
        file.read_again();
        assert!(is_off(&file), "{bytes:?}");
        let problems = scene.resolved(&file).problems().to_vec();
        assert!(problems.len() == 1 && problems[0].remedy.contains(remedy), "{problems:?}");
    }
    fs::write(file.path().unwrap(), "").unwrap();
    file.read_again();
    assert!(!is_off(&file), "an empty file is one that can be understood");
    assert!(scene.resolved(&file).problems().is_empty());
}

#[cfg(unix)]
#[test]
fn a_new_file_is_its_owners_alone_and_a_link_stays_one() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/config.toml");
    UserFile::read(Some(path.clone())).set(&["idle_minutes"], Some(&json!(5))).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let link = folder.path().join("link.toml");
    symlink(&path, &link).unwrap();
    UserFile::read(Some(link.clone())).set(&["idle_minutes"], Some(&json!(6))).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&path).unwrap(), "idle_minutes = 6\n");
}

#[test]
fn secrets_never_show() {
    let scene = Scene::of(&[("LAMP_KEY", "canary-1")], "[backends.lamp-post]\nkey = \"canary-2\"\n");
    let config = scene.config();
    let seen = scene.value("backends.lamp-post.key");
    assert_eq!((&seen.value, seen.origin, seen.secret), (&json!("(set)"), Layer::Environment, true));
    let secrets = config.secrets("lamp-post");
    assert_eq!(secrets.keys().collect::<Vec<_>>(), ["key"]);
    let all = format!("{config:?} {:?} {secrets:?} {:?}", scene.start, config.view(&scene.file()));
    assert!(!all.contains("canary"), "{all}");
}

#[test]
fn only_what_somebody_has_set_reaches_a_driver() {
    assert_eq!(Scene::of(&[], "").config().driver_settings("lamp-post"), json!({}));
    let scene = Scene::of(&[], "[drivers.lamp-post]\nwatts = 60\n");
    assert_eq!(scene.config().driver_settings("lamp-post"), json!({"watts": 60}));
    assert_eq!(Scene::of(&[], "").value("drivers.lamp-post.watts").value, json!(40));
}

#[test]
fn the_users_word_for_a_project_is_kept_apart_from_the_settings() {
    let scene = Scene::of(&[], "idle_minutes = 3\n");
    let mut file = scene.file();
    file.consent("ab.cd \"ef\"", "lamp-post=http://10.0.0.1:1".to_owned()).unwrap();
    file.consent("ab.cd \"ef\"", "lamp-post=http://10.0.0.1:1".to_owned()).unwrap();
    let again = scene.file();
    assert_eq!(again.consents("ab.cd \"ef\""), ["lamp-post=http://10.0.0.1:1"]);
    assert!(again.consents("ab").is_empty());
    assert_eq!(scene.problems(), Vec::<(String, String)>::new());
}

#[test]
fn odd_values_are_mistakes_and_never_panics() {
    let values =
        ["1", "-1", "1.5", "nan", "true", "\"x\"", "[]", "[1]", "[\"\"]", "{}", "{a = 1}", "1979-05-27", "\"\\u0000\""];
    for key in ["idle_minutes", "plugins", "discovery.lan", "backends.lamp-post.url", "backends.lamp-post", "drivers"] {
        for value in values {
            let scene = Scene::of(&[], &format!("{key} = {value}\n"));
            let _resolved = scene.config().view(&scene.file());
        }
    }
    assert_eq!(
        Scene::of(&[], "backends.lamp-post.url = 77\n").value("backends.lamp-post.url").value,
        json!(["http://127.0.0.1:77"])
    );
    assert_eq!(Scene::of(&[], "plugins = \"relative\"\n").value("plugins").value, Value::Array(vec![]));
}

#[test]
fn a_secret_may_be_a_reference_which_is_shown_and_followed() {
    let key = "backends.lamp-post.key";
    let secrets = |scene: &Scene| scene.config().secrets("lamp-post");
    let value = |secret: &str| crate::transport::Secret::new(secret);

    let mut scene = Scene::of(&[("STUDIO_KEY", "canary")], "[backends.lamp-post]\nkey = \"env:STUDIO_KEY\"\n");
    assert_eq!(secrets(&scene)["key"].value, value("canary"));
    assert_eq!((scene.value(key).value, scene.value(key).origin), (json!("env:STUDIO_KEY"), Layer::File));
    scene.start.environment = Environment::default();
    assert!(secrets(&scene).is_empty());
    let (source, said) = scene.problems().remove(0);
    assert!(source.ends_with("FILE:2") && said.contains("STUDIO_KEY is not set"), "{source}: {said}");

    let mut scene = Scene::of(&[], "[backends.lamp-post]\nkey = \"keyring:studio/me\"\n");
    let entry = Entry { service: "studio".to_owned(), user: "me".to_owned() };
    assert_eq!(scene.config().unread(), std::slice::from_ref(&entry));
    assert_eq!((secrets(&scene).len(), scene.problems().len()), (0, 0), "it is not known yet whether it is there");
    scene.keyring.put(entry.clone(), Err(KeyringError::Nothing(entry.clone())));
    assert!(scene.problems()[0].1.contains("nothing under studio/me; store it"), "{:?}", scene.problems());
    scene.keyring.put(entry, Ok(value("canary")));
    assert_eq!((secrets(&scene)["key"].value.clone(), scene.problems().len()), (value("canary"), 0));
    assert!(scene.config().unread().is_empty());
    assert_eq!(scene.value(key).value, json!("keyring:studio/me"));

    let scene = Scene::of(&[], "[backends.lamp-post]\nkey = \"keyring:studio\"\n");
    assert!(scene.problems()[0].1.contains("it takes `keyring:SERVICE/USER`"), "{:?}", scene.problems());
    let scene = Scene::of(&[], "[backends.lamp-post]\nkey = \"canary\"\n");
    assert_eq!(scene.value(key).value, json!("(set)"));
}

#[test]
fn interfaces_are_named_one_by_one_or_in_a_list() {
    let scene = |text: &str| Scene::of(&[], &format!("[discovery]\ninterfaces = {text}\n")).config();
    assert_eq!(scene("\"eth0\"").interfaces(), ["eth0"]);
    assert_eq!(scene("[\"eth0\", \"192.168.1.5\"]").interfaces(), ["eth0", "192.168.1.5"]);
    for bad in ["3", "[\"\"]", "\"a/b\"", "[\"eth\\n0\"]", "[true]"] {
        let config = scene(bad);
        assert_eq!((config.interfaces(), config.problems().len()), (vec![], 1), "{bad}");
    }
}

//! The web UI: one Gradio app with a queue of its own in each session.

mod course;
mod run;
mod talk;

use crate::{flavour::Flavour, generation::Generation, settings::Settings};
use mdd_driver_api::{
    Host, Job, Result,
    model::{Attempt, Detach, Identity, Inspection, Instance, Outcome, Sample},
};
use mdd_gradio::{app::App, config::Config};

const KIND: &str = "wan2gp";
/// The functions that a job needs, all of them found by name: their numbers differ between versions.
const LOAD_QUEUE: &str = "load_queue_action";
const INIT_QUEUE: &str = "init_process_queue_if_any";
const ACTIVATE_STATUS: &str = "activate_status_1";
const PROCESS: &str = "process_tasks_1";
const STATUS: &str = "refresh_status_async";
const GALLERY: &str = "refresh_gallery";
const FINALIZE: &str = "finalize_generation_with_state";
const UNLOAD: &str = "unload_model_if_needed_1";
const ABORT: &str = "abort_generation";

/// The web UI at one endpoint.
pub(crate) struct WebUi {
    app: App,
    /// Whether the host can make archives.
    makes_archives: bool,
    settings: Settings,
}

fn is_ours(config: &Config) -> bool {
    score(config) >= 50
}

fn score(config: &Config) -> u8 {
    evidence(config).into_iter().filter(|(holds, ..)| *holds).map(|(_, points, _)| points).sum()
}

fn evidence(config: &Config) -> [(bool, u8, &'static str); 3] {
    let has = |name: &str| config.function(name).is_some();
    [
        (config.title.as_deref() == Some("WanGP"), 40, "its title is \"WanGP\""),
        (has(LOAD_QUEUE) && has(PROCESS), 40, "it has load_queue_action and process_tasks_1"),
        (version(config).is_some(), 20, "its banner tells a version of WanGP"),
    ]
}

/// `…GP</SUP> v12.60 <FONT…` at the top of the page.
fn version(config: &Config) -> Option<String> {
    let mut values = config.components.iter().filter_map(|component| component.value.as_deref());
    values.find_map(|text| {
        let rest = text.split_once("GP</SUP> v")?.1;
        let version: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').take(20).collect();
        let version = version.trim_end_matches('.');
        (!version.is_empty()).then(|| version.to_owned())
    })
}

impl WebUi {
    pub(crate) fn new(host: Host, instance: &Instance) -> Result<Self> {
        let settings = Settings::read(&instance.settings)?;
        let makes_archives = instance.features.iter().any(|feature| feature == run::ZIP);
        Ok(Self { app: App::new(host, KIND, instance, is_ours), makes_archives, settings })
    }

    /// What a Gradio app is, if it is this one; it is remembered then.
    pub(crate) fn recognise(&self, config: Config) -> Option<Identity> {
        if !is_ours(&config) {
            return None;
        }
        let mut identity = Identity::mine(score(&config), "the web UI of WanGP").with_flavour(Flavour::WebUi.name());
        for (_, _, reason) in evidence(&config).into_iter().filter(|(holds, ..)| *holds) {
            identity = identity.because(reason);
        }
        identity = identity.with_version(version(&config));
        self.app.remember(config);
        Some(identity)
    }

    pub(crate) async fn check(&self) -> Result<Sample> {
        self.app.check().await
    }

    pub(crate) async fn inspect(&self) -> Result<Inspection> {
        let config = self.app.config().await?;
        let mut inspection = Inspection::default();
        inspection.capabilities = vec!["generate".to_owned()];
        inspection.slots = 1;
        inspection.detach = Detach::Unknown;
        inspection.version = version(&config);
        Ok(inspection)
    }

    pub(crate) async fn generate(&self, attempt: Attempt, generation: Generation, job: Job) -> Result<Outcome> {
        run::carry(self, attempt, generation, job).await
    }
}

#[cfg(test)]
mod tests {
    use super::{score, version};
    use mdd_gradio::config::Config;
    use std::{fs, path::Path};

    fn recorded() -> Config {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/wan2gp/webui/config.json");
        Config::read(&fs::read(path).unwrap()).unwrap().unwrap()
    }

    #[test]
    fn it_is_known_by_title_functions_and_banner() {
        let config = recorded();
        assert_eq!((score(&config), version(&config).as_deref()), (100, Some("12.60")));
        let renamed = Config { title: Some("My videos".to_owned()), ..config.clone() };
        assert_eq!(score(&renamed), 60, "people change titles");
        let bare = Config { functions: Vec::new(), components: Vec::new(), ..config };
        assert_eq!(score(&bare), 40, "a title alone says nothing");
    }

    #[test]
    fn a_banner_can_say_anything() {
        for (text, expected) in [
            ("<H1>Wan<SUP>GP</SUP> v12.60 <FONT", Some("12.60")),
            ("GP</SUP> v1.", Some("1")),
            ("GP</SUP> v", None),
            ("GP</SUP> vx", None),
            ("v12.60", None),
        ] {
            let mut config = recorded();
            config.components.truncate(1);
            config.components[0].value = Some(text.to_owned());
            assert_eq!(version(&config).as_deref(), expected, "{text}");
        }
    }
}

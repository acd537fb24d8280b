//! The WebUI, both generations: a Gradio app whose loaded voice is one for everybody.

mod inputs;
mod run;
mod voices;

use crate::{conversion::Conversion, flavour::Flavour, inspection, problem::KIND};
use mdd_driver_api::{
    Host, Job, Result,
    model::{Attempt, Identity, Inspection, Instance, Outcome, Sample},
    sync::Lock,
};
use mdd_gradio::{app::App, config::Config};

/// What converts, loads a voice, and lists the voices.
const CONVERT: &str = "infer_convert";
const CHANGE_VOICE: &str = "infer_change_voice";
const REFRESH: &str = "infer_refresh";

/// A WebUI at one endpoint.
pub(crate) struct WebUi {
    app: App,
    /// Held from loading a voice until the end of the conversion with it.
    unit: Lock<()>,
}

/// Which of the two it is, by what its conversion takes; labels are translated, and versions say nothing.
pub(crate) fn flavour(config: &Config) -> Option<Flavour> {
    match config.function(CONVERT)?.inputs.len() {
        9 => Some(Flavour::WebUi),
        12 => Some(Flavour::WebUi231006),
        _ => None,
    }
}

fn is_ours(config: &Config) -> bool {
    score(config) >= 50 && flavour(config).is_some()
}

fn score(config: &Config) -> u8 {
    evidence(config).into_iter().filter(|(holds, ..)| *holds).map(|(_, points, _)| points).sum()
}

fn evidence(config: &Config) -> [(bool, u8, &'static str); 3] {
    let has = |name: &str| config.function(name).is_some();
    [
        (config.title.as_deref() == Some("RVC WebUI"), 50, "its title is \"RVC WebUI\""),
        (flavour(config).is_some(), 30, "it has infer_convert with 9 or 12 inputs"),
        (has(CHANGE_VOICE) && has(REFRESH), 20, "it has infer_change_voice and infer_refresh"),
    ]
}

impl WebUi {
    pub(crate) fn new(host: Host, instance: &Instance) -> Self {
        Self { app: App::new(host, KIND, instance, is_ours), unit: Lock::new(()) }
    }

    /// What a Gradio app is, if it is this one; it is remembered then.
    pub(crate) fn recognise(&self, config: Config) -> Option<Identity> {
        let flavour = flavour(&config).filter(|_| is_ours(&config))?;
        let seen = match flavour {
            Flavour::WebUi231006 => "RVC WebUI 2.2.231006",
            Flavour::WebUi | Flavour::Python => "RVC WebUI",
        };
        let mut identity = Identity::mine(score(&config), seen).with_flavour(flavour.name());
        for (_, _, reason) in evidence(&config).into_iter().filter(|(holds, ..)| *holds) {
            identity = identity.because(reason);
        }
        self.app.remember(config);
        Some(identity)
    }

    pub(crate) async fn check(&self) -> Result<Sample> {
        self.app.check().await
    }

    pub(crate) async fn inspect(&self) -> Result<Inspection> {
        Ok(inspection::of(self.voices().await?))
    }

    pub(crate) async fn convert(&self, attempt: Attempt, conversion: Conversion, job: Job) -> Result<Outcome> {
        run::carry(self, attempt, conversion, job).await
    }
}

//! Driver for AudioLDM and AudioLDM2, two Gradio apps that paint a waveform around each sound that they make.
//!
//! What comes is a video; the sound is taken out of it by the host, as it is.
#![forbid(unsafe_code)]

mod flavour;
mod problem;
mod run;
mod wish;

use flavour::Flavour;
use mdd_driver_api::{
    Driver, DriverError, ErrorKind, Host, Job, Result,
    model::{Attempt, Detach, Identity, Inspection, Instance, Model, Outcome, Sample},
};
use mdd_gradio::{
    app::App,
    config::Config,
    door::{self, Door},
};

struct AudioLdm {
    app: App,
    /// Whether the host can take the sound out of a video.
    takes_sound_out: bool,
}

impl Driver for AudioLdm {
    fn create(host: Host, instance: Instance) -> Result<Self> {
        let takes_sound_out = instance.features.iter().any(|feature| feature == run::AUDIO_TRACK);
        Ok(Self { app: App::new(host, problem::KIND, &instance, is_ours), takes_sound_out })
    }

    async fn identify(&self) -> Result<Identity> {
        Ok(match door::look(self.app.host()).await? {
            Door::Open(config) => match Flavour::of(&config) {
                Some(flavour) => {
                    let identity = flavour.identity(&config);
                    self.app.remember(*config);
                    identity
                }
                None => door::not_ours(&config),
            },
            Door::Locked(seen) => door::behind_a_login(&seen),
            Door::Stranger(seen) => Identity::no(seen),
        })
    }

    async fn check(&self) -> Result<Sample> {
        self.app.check().await
    }

    async fn inspect(&self) -> Result<Inspection> {
        let config = self.app.config().await?;
        let flavour = Flavour::of(&config);
        let mut inspection = Inspection::default();
        inspection.capabilities = vec!["generate".to_owned()];
        // It takes three at once on Gradio 3, for one graphics card.
        inspection.slots = 1;
        inspection.detach = Detach::Unknown;
        // Those of AudioLDM2 cannot be chosen.
        if flavour == Some(Flavour::One) {
            inspection.models = flavour::models(&config).into_iter().map(|name| Model::new(name, "sound")).collect();
        }
        Ok(inspection)
    }

    async fn run(&self, attempt: Attempt, job: Job) -> Result<Outcome> {
        match attempt.operation.as_str() {
            "generate" => run::carry(self, attempt, job).await,
            other => Err(DriverError::unsupported(&format!("the operation {other:?}"))),
        }
    }
}

fn is_ours(config: &Config) -> bool {
    Flavour::of(config).is_some()
}

/// The app was recognised, and is none any more.
fn unrecognised() -> DriverError {
    DriverError::new(ErrorKind::PROTOCOL, "its page is not that of AudioLDM any more").without_effect()
}

mdd_driver_api::export_driver!(AudioLdm, include_str!("../manifest.json"));

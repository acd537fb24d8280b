//! Carries a job: one call, one video, and the sound out of it.

use crate::{AudioLdm, flavour, flavour::Flavour, problem, unrecognised, wish::Wish};
use mdd_driver_api::{
    DriverError, Either, ErrorKind, Job, Result,
    model::{Attempt, Outcome, OutcomeStatus, Problem, Recipe, ResultMeta, Saved},
    race,
};
use mdd_gradio::{
    carrier::{Called, Carrier, Fetched, Left, cancelled, over},
    config::{Config, Function},
    file::RemoteFile,
    input::Input,
    problem::MISSING_RESULT,
};
use std::sync::Arc;

/// The host's recipe.
pub(crate) const AUDIO_TRACK: &str = "audio-track/1";

pub(crate) async fn carry(driver: &AudioLdm, attempt: Attempt, job: Job) -> Result<Outcome> {
    let wish = Wish::read(attempt.payload)?;
    let mut carrier = Carrier::new(&driver.app, job.clone(), attempt.checkpoint)?;
    match carrier.left().await? {
        Left::Nothing => {}
        Left::Results => return bring_home(driver, carrier, &job, &wish).await,
        Left::Over(outcome) => return Ok(outcome),
    }
    let (config, function, data) = match race(job.cancelled(), prepare(driver, &wish)).await {
        Either::First(()) => return Ok(cancelled(false)),
        Either::Second(prepared) => prepared.map_err(DriverError::without_effect)?,
    };
    let values = match carrier.call(config.clone(), &function, &data).await? {
        Called::Done(values) => values,
        Called::Over(outcome) => return Ok(outcome),
    };
    let files: Vec<_> = values.iter().flat_map(RemoteFile::find).map(|file| (file, "video")).collect();
    if files.is_empty() {
        let text = "it finished and gave no file";
        return Ok(over(OutcomeStatus::Failed, MISSING_RESULT.problem(problem::KIND, text)));
    }
    carrier.harvest(&config.prefix, files, None);
    bring_home(driver, carrier, &job, &wish).await
}

async fn prepare(driver: &AudioLdm, wish: &Wish) -> Result<(Arc<Config>, Function, Vec<Input>)> {
    let config = driver.app.config().await?;
    let flavour = Flavour::of(&config).ok_or_else(unrecognised)?;
    let function = flavour::function(&config).filter(|function| function.inputs.len() == flavour.inputs());
    let function = function.ok_or_else(unrecognised)?.clone();
    let data = wish.inputs(flavour, &flavour::models(&config))?;
    Ok((config, function, data.into_iter().map(Input::from).collect()))
}

/// Saves the video, and the sound in it beside it or in its place.
async fn bring_home(driver: &AudioLdm, mut carrier: Carrier<'_>, job: &Job, wish: &Wish) -> Result<Outcome> {
    let videos = match carrier.fetch().await? {
        Fetched::All(videos, _) => videos,
        Fetched::Over(outcome) => return Ok(outcome),
    };
    let mut outcome = Outcome::new(OutcomeStatus::Done);
    if !driver.takes_sound_out {
        job.note("this host cannot take the sound out of the video, so the video is the result");
        outcome.results = videos;
        return Ok(outcome);
    }
    for video in videos {
        match job.derive(&sound_of(&video)).await {
            Ok(sound) => outcome.results.push(sound),
            // What came is kept, whatever it is.
            Err(error) if matches!(error.kind, ErrorKind::PROTOCOL | ErrorKind::UNSUPPORTED) => {
                outcome.status = OutcomeStatus::Failed;
                outcome.problem = Some(Problem::new(problem::NO_SOUND, error.message.as_str()));
                outcome.results.push(video);
                continue;
            }
            Err(error) => return Err(error),
        }
        if wish.keep_video {
            outcome.results.push(video);
        }
    }
    Ok(outcome)
}

fn sound_of(video: &Saved) -> Recipe {
    let stem = video.name.rsplit_once('.').map_or(video.name.as_str(), |(stem, _)| stem);
    let mut recipe = Recipe::default();
    recipe.recipe = AUDIO_TRACK.to_owned();
    recipe.inputs = vec![video.name.clone()];
    recipe.result = ResultMeta::new(format!("{stem}.m4a"), "audio");
    recipe.result.media_type = Some("audio/mp4".to_owned());
    recipe
}

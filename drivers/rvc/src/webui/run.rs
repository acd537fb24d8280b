//! Carries a conversion: loads the voice and converts with it, as one unit.

use super::{CONVERT, WebUi, flavour, inputs, voices};
use crate::{conversion::Conversion, flavour::Flavour, problem};
use mdd_driver_api::{
    DriverError, Either, ErrorKind, Job, Result,
    model::{Attempt, JobFile, Outcome, OutcomeStatus},
    race,
    text::printable,
};
use mdd_gradio::{
    carrier::{Called, Carrier, Fetched, Left, cancelled, over},
    config::{Config, Function},
    file::RemoteFile,
    input::Input,
    problem::MISSING_RESULT,
};
use serde_json::Value;
use std::sync::Arc;

pub(super) async fn carry(ui: &WebUi, attempt: Attempt, conversion: Conversion, job: Job) -> Result<Outcome> {
    let recording = conversion.recording(&attempt.files)?.clone();
    let mut carrier = Carrier::new(&ui.app, job.clone(), attempt.checkpoint)?;
    match carrier.left().await? {
        Left::Nothing => {}
        Left::Results => return bring_home(carrier).await,
        Left::Over(outcome) => return Ok(outcome),
    }
    let _unit = match race(job.cancelled(), ui.unit.lock()).await {
        Either::First(()) => return Ok(cancelled(false)),
        Either::Second(unit) => unit,
    };
    let preparing = prepare(ui, &conversion, &recording);
    let (config, function, data) = match race(job.cancelled(), preparing).await {
        // The voice may still be loaded; that is over soon, and makes nothing.
        Either::First(()) => return Ok(cancelled(false)),
        Either::Second(prepared) => prepared.map_err(DriverError::without_effect)?,
    };
    let values = match carrier.call(config.clone(), &function, &data).await? {
        Called::Done(values) => values,
        Called::Over(outcome) => return Ok(outcome),
    };
    // It says success when it did nothing, too: only a file is a result.
    let said = values.first().and_then(Value::as_str).map(|text| printable(text, 400)).unwrap_or_default();
    let Some(sound) = values.get(1).and_then(|value| RemoteFile::find(value).into_iter().next()) else {
        return Ok(match said.is_empty() {
            true => over(OutcomeStatus::Failed, MISSING_RESULT.problem(problem::KIND, "it finished and gave no sound")),
            false => carrier.failed(Some(&said)),
        });
    };
    if !said.is_empty() {
        job.note(&said);
    }
    // The server empties its folder at every start, so the file is fetched at once.
    carrier.harvest(&config.prefix, vec![(sound, "audio")], None);
    bring_home(carrier).await
}

/// Everything before the conversion. Loading a voice is done again if need be, and harms nobody.
async fn prepare(
    ui: &WebUi,
    conversion: &Conversion,
    recording: &JobFile,
) -> Result<(Arc<Config>, Function, Vec<Input>)> {
    let config = ui.app.config().await?;
    let function = ui.app.function(&config, CONVERT)?.clone();
    let flavour = flavour(&config)
        .ok_or_else(|| DriverError::new(ErrorKind::PROTOCOL, "its conversion takes neither 9 nor 12 inputs"))?;
    inputs::check(flavour, conversion, &config, &function)?;
    let voice = voices::choose(ui.voices().await?, &conversion.voice)?;
    let audio = match flavour {
        // It takes a path on the server, as plain text.
        Flavour::WebUi231006 => Input::Value(Value::from(ui.app.upload(recording).await?)),
        Flavour::WebUi | Flavour::Python => Input::Inline(recording.clone()),
    };
    let index = ui.load(&config, &voice).await?;
    Ok((config, function, inputs::inputs(flavour, conversion, audio, index)))
}

async fn bring_home(mut carrier: Carrier<'_>) -> Result<Outcome> {
    Ok(match carrier.fetch().await? {
        Fetched::All(saved, text) => {
            let mut outcome = Outcome::new(OutcomeStatus::Done);
            (outcome.results, outcome.text) = (saved, text);
            outcome
        }
        Fetched::Over(outcome) => outcome,
    })
}

//! What the conversion takes, in the order of each generation.

use crate::{conversion::Conversion, flavour::Flavour, problem};
use mdd_driver_api::{Result, text::printable};
use mdd_gradio::{
    config::{Config, Function},
    input::Input,
};
use serde_json::{Value, json};

/// What the pages begin with.
const METHOD: &str = "rmvpe";
const INDEX_RATE: f64 = 0.75;
const FILTER_RADIUS: u64 = 3;
const MIX: f64 = 0.25;
const PROTECT: f64 = 0.33;

/// `audio` is the recording as this generation takes it; `index` that of the voice.
pub(super) fn inputs(flavour: Flavour, conversion: &Conversion, audio: Input, index: String) -> Vec<Input> {
    let wish = conversion;
    let speaker = json!(wish.speaker_id.unwrap_or(0));
    let transpose = json!(wish.transpose.unwrap_or(0));
    let method = json!(wish.f0_method.as_deref().unwrap_or(METHOD));
    let index = json!(wish.index_path.clone().unwrap_or(index));
    let index_rate = json!(wish.index_rate.unwrap_or(INDEX_RATE));
    let resample = json!(wish.resample_sr.unwrap_or(0));
    let mix = json!(wish.rms_mix_rate.unwrap_or(MIX));
    let protect = json!(wish.protect.unwrap_or(PROTECT));
    let mut values = match flavour {
        Flavour::WebUi231006 => {
            let radius = json!(wish.filter_radius.unwrap_or(FILTER_RADIUS));
            // A file with a pitch curve, and the index as it was chosen from a list.
            let (curve, listed) = (Value::Null, json!(""));
            vec![transpose, curve, method, index, listed, index_rate, radius, resample, mix, protect]
        }
        Flavour::WebUi | Flavour::Python => vec![transpose, method, index, index_rate, resample, mix, protect],
    };
    let rest = values.drain(..).map(Input::from);
    [Input::from(speaker), audio].into_iter().chain(rest).collect()
}

/// Refuses what the server would only answer with silence.
pub(super) fn check(flavour: Flavour, conversion: &Conversion, config: &Config, function: &Function) -> Result<()> {
    let place = if flavour == Flavour::WebUi231006 { 4 } else { 3 };
    let list = function.inputs.get(place).and_then(|id| config.component(*id));
    let methods = list.map(|list| list.choices.as_slice()).unwrap_or_default();
    let bad = |text| Err(problem::refused(problem::BAD_CONVERSION, text));
    if let Some(method) = &conversion.f0_method
        && !methods.is_empty()
        && !methods.contains(method)
    {
        let (method, methods) = (printable(method, 40), printable(&methods.join(", "), 120));
        return bad(format!("`f0_method` is \"{method}\"; this RVC takes {methods}"));
    }
    if flavour == Flavour::WebUi && conversion.filter_radius.is_some() {
        return bad("`filter_radius` is not known to the current RVC WebUI".to_owned());
    }
    if let Some(rate @ 1..16_000) = conversion.resample_sr {
        return bad(format!("`resample_sr` is {rate}; it takes 0, or 16000 to 48000 Hz"));
    }
    Ok(())
}

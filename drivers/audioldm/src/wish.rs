//! The payload: what is to be heard. What is left out takes the value that the page begins with.

use crate::{flavour::Flavour, problem};
use mdd_driver_api::{Result, text::printable};
use serde::Deserialize;
use serde_json::{Value, json};

/// The model that AudioLDM begins with. That of AudioLDM2 cannot be chosen: its list is not connected to anything.
const MODEL: &str = "audioldm-m-full";

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    prompt: String,
    #[serde(default)]
    duration: Option<f64>,
    #[serde(default)]
    guidance_scale: Option<f64>,
    #[serde(default)]
    seed: Option<i64>,
    #[serde(default)]
    candidates: Option<u64>,
    #[serde(default)]
    model: Option<String>,
    /// Whether the picture of the sound is wanted, too.
    #[serde(default)]
    pub(crate) keep_video: bool,
}

/// What a flavour takes: its sliders, which the server itself does not enforce.
struct Limits {
    duration: (f64, f64),
    guidance_scale: f64,
    candidates: u64,
}

impl Wish {
    /// # Errors
    /// `REJECTED` with `audioldm.bad-request` for what is none.
    pub(crate) fn read(payload: Value) -> Result<Self> {
        serde_json::from_value(payload)
            .map_err(|error| bad(format!("the payload is no request: {}", printable(&error.to_string(), 160))))
    }

    /// The inputs of the function, in its order.
    ///
    /// # Errors
    /// `REJECTED` with `audioldm.bad-request` for a value that this flavour does not take.
    pub(crate) fn inputs(&self, flavour: Flavour, models: &[String]) -> Result<Vec<Value>> {
        self.check(flavour, models)?;
        let prompt = json!(self.prompt);
        Ok(match flavour {
            Flavour::One => vec![
                prompt,
                json!(self.duration.unwrap_or(5.0)),
                json!(self.guidance_scale.unwrap_or(2.5)),
                json!(self.seed.unwrap_or(42)),
                json!(self.candidates.unwrap_or(3)),
                json!(self.model.as_deref().unwrap_or(MODEL)),
            ],
            Flavour::Two => vec![
                prompt,
                json!(self.duration.unwrap_or(10.0)),
                json!(self.guidance_scale.unwrap_or(3.5)),
                json!(self.seed.unwrap_or(45)),
                json!(self.candidates.unwrap_or(3)),
            ],
        })
    }

    fn check(&self, flavour: Flavour, models: &[String]) -> Result<()> {
        let limits = match flavour {
            Flavour::One => Limits { duration: (2.5, 10.0), guidance_scale: 5.0, candidates: 5 },
            Flavour::Two => Limits { duration: (5.0, 15.0), guidance_scale: 6.0, candidates: 3 },
        };
        let title = flavour.title();
        if self.prompt.trim().is_empty() {
            return Err(bad("`prompt` is empty"));
        }
        let (shortest, longest) = limits.duration;
        if let Some(duration) = self.duration
            && !((shortest..=longest).contains(&duration) && duration % 2.5 == 0.0)
        {
            return Err(bad(format!(
                "`duration` is {duration}; {title} takes {shortest} to {longest} s in steps of 2.5"
            )));
        }
        if let Some(scale) = self.guidance_scale
            && !(0.0..=limits.guidance_scale).contains(&scale)
        {
            return Err(bad(format!("`guidance_scale` is {scale}; {title} takes 0 to {}", limits.guidance_scale)));
        }
        if let Some(candidates) = self.candidates
            && !(1..=limits.candidates).contains(&candidates)
        {
            return Err(bad(format!("`candidates` is {candidates}; {title} takes 1 to {}", limits.candidates)));
        }
        match (&self.model, flavour) {
            (Some(model), Flavour::One) if !models.contains(model) => {
                let (model, models) = (printable(model, 60), printable(&models.join(", "), 200));
                Err(bad(format!("there is no model \"{model}\"; {title} has {models}")))
            }
            (Some(_), Flavour::Two) => Err(bad("the model of AudioLDM2 cannot be chosen from outside its page")),
            _ => Ok(()),
        }
    }
}

fn bad(text: impl Into<String>) -> mdd_driver_api::DriverError {
    problem::refused(problem::BAD_REQUEST, text)
}

#[cfg(test)]
mod tests {
    use super::Wish;
    use crate::{flavour::Flavour, problem};
    use mdd_driver_api::{Effect, ErrorKind};
    use serde_json::json;

    #[test]
    fn inputs_stand_in_the_order_of_each_function() {
        let wish = Wish::read(json!({"prompt": "rain"})).unwrap();
        let models = ["audioldm-m-full".to_owned()];
        assert_eq!(
            json!(wish.inputs(Flavour::One, &models).unwrap()),
            json!(["rain", 5.0, 2.5, 42, 3, "audioldm-m-full"])
        );
        assert_eq!(json!(wish.inputs(Flavour::Two, &[]).unwrap()), json!(["rain", 10.0, 3.5, 45, 3]));
        let all = json!({"prompt": "rain", "duration": 10, "guidance_scale": 1.5, "seed": -7, "candidates": 2});
        let wish = Wish::read(all).unwrap();
        assert_eq!(json!(wish.inputs(Flavour::Two, &[]).unwrap()), json!(["rain", 10.0, 1.5, -7, 2]));
    }

    #[test]
    fn what_a_flavour_does_not_take_is_told_before_anything_is_sent() {
        let models = ["audioldm-m-full".to_owned(), "audioldm-s-full".to_owned()];
        for (flavour, payload, text) in [
            (Flavour::One, json!({"prompt": " "}), "`prompt` is empty"),
            (
                Flavour::One,
                json!({"prompt": "x", "duration": 12.5}),
                "`duration` is 12.5; AudioLDM takes 2.5 to 10 s in steps of 2.5",
            ),
            (
                Flavour::Two,
                json!({"prompt": "x", "duration": 6}),
                "`duration` is 6; AudioLDM2 takes 5 to 15 s in steps of 2.5",
            ),
            (Flavour::One, json!({"prompt": "x", "guidance_scale": 6}), "`guidance_scale` is 6; AudioLDM takes 0 to 5"),
            (Flavour::Two, json!({"prompt": "x", "candidates": 4}), "`candidates` is 4; AudioLDM2 takes 1 to 3"),
            (
                Flavour::One,
                json!({"prompt": "x", "model": "nope"}),
                "there is no model \"nope\"; AudioLDM has audioldm-m-full, audioldm-s-full",
            ),
            (
                Flavour::Two,
                json!({"prompt": "x", "model": "audioldm_48k"}),
                "the model of AudioLDM2 cannot be chosen from outside its page",
            ),
        ] {
            let error = Wish::read(payload).unwrap().inputs(flavour, &models).unwrap_err();
            assert_eq!((error.code.as_str(), error.message.as_str()), (problem::BAD_REQUEST, text));
            assert_eq!((error.kind, error.effect), (ErrorKind::REJECTED, Effect::NONE));
        }
        for odd in [json!(null), json!({}), json!({"prompt": 7}), json!({"prompt": "x", "steps": 1})] {
            assert_eq!(Wish::read(odd).unwrap_err().code, problem::BAD_REQUEST);
        }
    }
}

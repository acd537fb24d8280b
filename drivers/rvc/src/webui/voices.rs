//! The voices of a WebUI.

use super::{CHANGE_VOICE, REFRESH, WebUi};
use crate::problem;
use mdd_driver_api::{DriverError, ErrorKind, Result, text::printable};
use mdd_gradio::{config::Config, course::Ending, input::Input, problem::QUEUE_FULL};
use serde_json::{Value, json};
use std::sync::Arc;

/// What the page begins with; the sliders are set to what the voice wants.
const PROTECT: f64 = 0.33;

impl WebUi {
    /// The names of the voices: files in its folder of weights.
    pub(crate) async fn voices(&self) -> Result<Vec<String>> {
        let config = self.app.config().await?;
        // On a server that is restarted with other arguments it may be a function without a name.
        self.app.function(&config, REFRESH)?;
        let values = self.app.ask_directly(&config, REFRESH, &[]).await?;
        Ok(choices(values.first()))
    }

    /// Loads a voice and returns the path of its index on the server, where it found one.
    pub(super) async fn load(&self, config: &Arc<Config>, voice: &str) -> Result<String> {
        let function = self.app.function(config, CHANGE_VOICE)?;
        let data = [json!(voice), json!(PROTECT), json!(PROTECT)].map(Input::from);
        match self.app.call(config, function, &data).await? {
            Ending::Done(values) => Ok(index(values.get(3))),
            Ending::Failed(text) => {
                let said = text.map(|text| format!(": {}", printable(&text, 200))).unwrap_or_default();
                let text = format!("it could not load the voice \"{}\"{said}", printable(voice, 80));
                Err(DriverError::new(ErrorKind::REJECTED, text).with_code(problem::VOICE_FAILED))
            }
            Ending::QueueFull => Err(QUEUE_FULL.error(problem::KIND, ErrorKind::BUSY, "its queue is full")),
            Ending::Cancelled => Err(DriverError::new(ErrorKind::TRANSPORT, "loading the voice was stopped there")),
            Ending::Lost(text) => Err(DriverError::new(ErrorKind::TRANSPORT, text)),
        }
    }
}

/// A voice by the name that was given: that of its file, or without the ending.
pub(super) fn choose(voices: Vec<String>, wanted: &str) -> Result<String> {
    let is_it = |voice: &String| voice == wanted || voice.strip_suffix(".pth") == Some(wanted);
    if let Some(voice) = voices.iter().find(|voice| is_it(voice)) {
        return Ok(voice.clone());
    }
    let wanted = printable(wanted, 80);
    let text = match voices.as_slice() {
        [] => format!("there is no voice \"{wanted}\": it has none at all"),
        voices => format!("there is no voice \"{wanted}\"; it has {}", printable(&voices.join(", "), 300)),
    };
    Err(problem::refused(problem::UNKNOWN_VOICE, text))
}

/// What an update of a list offers.
fn choices(update: Option<&Value>) -> Vec<String> {
    let choices = update.and_then(|update| update["choices"].as_array()).into_iter().flatten();
    let text = |choice: &Value| choice.as_str().or_else(|| choice[1].as_str()).map(str::to_owned);
    choices.filter_map(text).collect()
}

/// What an update of the index sets, or a plain value.
fn index(update: Option<&Value>) -> String {
    let value = update.map(|update| update["value"].as_str().or(update.as_str()));
    value.flatten().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{choices, choose, index};
    use crate::problem;
    use serde_json::{Value, json};

    #[test]
    fn recorded_updates_are_read() {
        let recorded: Value =
            serde_json::from_str(include_str!("../../../../tests/fixtures/rvc-webui/api_infer_refresh.json")).unwrap();
        let body: Value = serde_json::from_str(recorded["text"].as_str().unwrap()).unwrap();
        assert_eq!(choices(body["data"].get(0)), [""; 0]);
        let update = json!({"choices": ["alice.pth", ["Bob", "bob.pth"], 7], "__type__": "update"});
        assert_eq!(choices(Some(&update)), ["alice.pth", "bob.pth"]);
        assert_eq!(choices(None), [""; 0]);
        assert_eq!(index(Some(&json!({"value": "logs/a.index", "__type__": "update"}))), "logs/a.index");
        assert_eq!((index(Some(&json!(""))), index(Some(&json!(null))), index(None)), Default::default());
    }

    #[test]
    fn a_voice_is_known_with_and_without_its_ending() {
        let voices = || vec!["alice.pth".to_owned(), "bob.pth".to_owned()];
        assert_eq!(choose(voices(), "alice").unwrap(), "alice.pth");
        assert_eq!(choose(voices(), "bob.pth").unwrap(), "bob.pth");
        for (voices, text) in [
            (voices(), "there is no voice \"carol\"; it has alice.pth, bob.pth"),
            (vec![], "there is no voice \"carol\": it has none at all"),
        ] {
            let error = choose(voices, "carol").unwrap_err();
            assert_eq!((error.code.as_str(), error.message.as_str()), (problem::UNKNOWN_VOICE, text));
        }
    }
}

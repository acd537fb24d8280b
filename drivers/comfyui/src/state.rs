//! What a checkpoint carries, so that another instance can go on.

use crate::harvest::Harvest;
use mdd_driver_api::{DriverError, ErrorKind, Result, model::Resume};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const VERSION: u64 = 1;
/// A checkpoint takes 64 KiB; a list of results that does not fit is left out, as the server can be asked for it again.
const MOST: usize = 60 * 1024;

/// The state of one attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    /// The id of the socket that hears of the job.
    pub(crate) client_id: String,
    /// What the server calls the job's files, by their names in the payload.
    pub(crate) uploads: BTreeMap<String, String>,
    /// Once the job is done: what it made, and what of it is saved.
    pub(crate) harvest: Option<Harvest>,
}

impl State {
    /// Reads what an instance has left.
    ///
    /// # Errors
    /// `UNSUPPORTED` for what a newer driver has written.
    pub(crate) fn read(resume: &Resume) -> Result<Self> {
        match resume.state.get("v").and_then(Value::as_u64) {
            Some(VERSION) => serde_json::from_value(resume.state.clone())
                .map_err(|error| unreadable(&format!("a checkpoint that cannot be read ({error})"))),
            Some(version) => Err(unreadable(&format!("a checkpoint of version {version}"))),
            None => Err(unreadable("a checkpoint without a version")),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut value = json!(self);
        value["v"] = VERSION.into();
        if value.to_string().len() > MOST {
            value["harvest"] = Value::Null;
        }
        value
    }
}

/// The job may well run: this says nothing of it.
fn unreadable(what: &str) -> DriverError {
    DriverError::new(ErrorKind::UNSUPPORTED, format!("{what} is not supported"))
}

#[cfg(test)]
mod tests {
    use super::{Harvest, State};
    use mdd_driver_api::{Effect, ErrorKind, model::Resume};
    use serde_json::{Value, json};
    use std::collections::BTreeMap;

    fn resume(state: Value) -> Resume {
        let mut resume = Resume::default();
        resume.state = state;
        resume
    }

    fn state(files: usize) -> State {
        let list: Vec<Value> = (0..files)
            .map(|number| json!({"filename": format!("{number}.png"), "subfolder": "", "type": "output"}))
            .collect();
        State {
            client_id: "c".to_owned(),
            uploads: BTreeMap::from([("ref".to_owned(), "ref.png".to_owned())]),
            harvest: Some(Harvest::of(&json!({"1": {"images": list}}))),
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let state = state(3);
        assert_eq!(State::read(&resume(state.to_json())).unwrap(), state);
        let sent = json!({"v": 1, "client_id": "c", "uploads": {}});
        assert_eq!(State::read(&resume(sent)).unwrap().harvest, None);
    }

    #[test]
    fn a_long_list_is_asked_for_again() {
        let long = state(2000).to_json();
        assert!(long.to_string().len() < 64 * 1024);
        let read = State::read(&resume(long)).unwrap();
        assert_eq!((read.client_id.as_str(), read.uploads.len(), read.harvest), ("c", 1, None));
    }

    #[test]
    fn other_versions_are_left_to_whoever_wrote_them() {
        for odd in [json!({"v": 2, "client_id": "c"}), json!({}), json!(null), json!({"v": 1, "uploads": 7})] {
            let error = State::read(&resume(odd)).unwrap_err();
            assert_eq!((error.kind, error.effect), (ErrorKind::UNSUPPORTED, Effect::UNKNOWN));
        }
    }
}

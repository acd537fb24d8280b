//! What a checkpoint carries, so that another instance can go on.

use crate::file::RemoteFile;
use mdd_driver_api::{
    DriverError, ErrorKind, Result,
    model::{Resume, Saved},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const VERSION: u64 = 1;
/// A checkpoint takes 64 KiB; a list of results that does not fit is left out.
const MOST: usize = 60 * 1024;

/// The state of one attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct State {
    /// What told the server's start from the next when the call was sent.
    pub(super) boot: Option<String>,
    /// Once the call is done: what is to be brought home, and what of it is saved.
    pub(super) harvest: Option<Harvest>,
}

/// What a call has made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Harvest {
    /// Before every path of the server.
    pub(super) prefix: String,
    pub(super) items: Vec<Item>,
    /// What is saved of the items, in their order; nothing for one that was gone.
    pub(super) saved: Vec<Option<Saved>>,
    pub(super) text: Option<String>,
}

/// A file and what it is in the job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Item {
    pub(super) file: RemoteFile,
    pub(super) role: String,
}

impl State {
    /// Reads what an instance has left.
    ///
    /// # Errors
    /// `UNSUPPORTED` for what a newer driver has written.
    pub(super) fn read(resume: &Resume) -> Result<Self> {
        match resume.state.get("v").and_then(Value::as_u64) {
            Some(VERSION) => serde_json::from_value(resume.state.clone())
                .map_err(|error| unreadable(&format!("a checkpoint that cannot be read ({error})"))),
            Some(version) => Err(unreadable(&format!("a checkpoint of version {version}"))),
            None => Err(unreadable("a checkpoint without a version")),
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let mut value = json!(self);
        value["v"] = VERSION.into();
        if value.to_string().len() > MOST {
            value["harvest"] = Value::Null;
        }
        value
    }
}

/// The call may well run: this says nothing of it.
fn unreadable(what: &str) -> DriverError {
    DriverError::new(ErrorKind::UNSUPPORTED, format!("{what} is not supported"))
}

#[cfg(test)]
mod tests {
    use super::{Harvest, Item, RemoteFile, State};
    use mdd_driver_api::{Effect, ErrorKind, model::Resume};
    use serde_json::{Value, json};

    fn resume(state: Value) -> Resume {
        let mut resume = Resume::default();
        resume.state = state;
        resume
    }

    fn state(files: usize) -> State {
        let file =
            |number: usize| RemoteFile { path: format!("/tmp/{number}.mp4"), name: "x.mp4".into(), media_type: None };
        let items = (0..files).map(|number| Item { file: file(number), role: "video".into() }).collect();
        State { boot: Some("7".into()), harvest: Some(Harvest { items, ..Harvest::default() }) }
    }

    #[test]
    fn what_was_written_is_read() {
        let state = state(3);
        assert_eq!(State::read(&resume(state.to_json())).unwrap(), state);
        assert_eq!(State::read(&resume(json!({"v": 1}))).unwrap(), State::default());
    }

    #[test]
    fn a_long_list_does_not_break_the_journal() {
        let long = state(5000).to_json();
        assert!(long.to_string().len() < 64 * 1024);
        let read = State::read(&resume(long)).unwrap();
        assert_eq!((read.boot.as_deref(), read.harvest), (Some("7"), None));
    }

    #[test]
    fn other_versions_are_left_to_whoever_wrote_them() {
        for odd in [json!({"v": 2}), json!({}), json!(null), json!({"v": 1, "harvest": 7})] {
            let error = State::read(&resume(odd)).unwrap_err();
            assert_eq!((error.kind, error.effect), (ErrorKind::UNSUPPORTED, Effect::UNKNOWN));
        }
    }
}

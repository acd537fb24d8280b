//! The kinds of services that can be simulated. A new kind is a module that implements
//! [`Service`] and one line here.

use std::{sync::Arc, time::Duration};

use mdd_replay::Script;

use crate::{comfyui, fault::Board, gradio, ledger::Book, litellm, rvc_python, service::Service, wan2gp};

/// One kind of service.
pub struct Kind {
    /// Its name, as in the command line.
    pub name: &'static str,
    /// The recorded versions, newest first.
    pub versions: &'static [&'static str],
    pub(crate) create: fn(&Setup) -> Arc<dyn Service>,
}

/// What a service is created with.
#[derive(Clone)]
pub(crate) struct Setup {
    /// One of the kind's versions.
    pub(crate) version: &'static str,
    /// The port it is reached at, which some services tell.
    pub(crate) port: u16,
    /// The key that clients must present, if any.
    pub(crate) key: Option<String>,
    /// Whether the optional database package is installed.
    pub(crate) prisma: bool,
    /// How long an idle connection is kept; the kind's recorded time by default.
    pub(crate) keep_alive: Option<Duration>,
    /// How long the first unknown path blocks the service; the recorded time by default.
    pub(crate) first_miss: Option<Duration>,
    /// What a replay plays.
    pub(crate) script: Option<Arc<Script>>,
    /// Where the service writes what it runs.
    pub(crate) book: Arc<Book>,
    /// The faults in force.
    pub(crate) board: Arc<Board>,
}

const KINDS: &[Kind] = &[
    comfyui::KIND,
    litellm::KIND,
    gradio::MIMIC,
    gradio::AUDIOLDM,
    gradio::RVC_WEBUI,
    gradio::WANGP,
    rvc_python::KIND,
    wan2gp::KIND,
];

/// All kinds.
pub fn kinds() -> &'static [Kind] {
    KINDS
}

pub(crate) fn find(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

impl Kind {
    /// The full name of a version; the newest for `None`.
    pub(crate) fn version(&self, wanted: Option<&str>) -> Option<&'static str> {
        match wanted {
            None => self.versions.first().copied(),
            Some(wanted) => self.versions.iter().copied().find(|version| *version == wanted),
        }
    }
}

//! `run` of every shipped driver, loaded from its built library: the laws, against the simulators' ledgers.
#![forbid(unsafe_code)]
// The lint spares only functions that carry `#[test]` themselves.
#![allow(clippy::unwrap_used)]

mod comfyui;
mod gradio;
mod host;
mod litellm;
mod ollama;
mod port;
mod run;
mod rvc_python;
mod wan2gp;

use std::time::Duration;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

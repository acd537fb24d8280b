//! Every shipped driver, loaded from its built library, against simulators and strangers.
#![forbid(unsafe_code)]
// The lint spares only functions that carry `#[test]` themselves.
#![allow(clippy::unwrap_used)]

mod comfyui;
mod gradio;
mod litellm;
mod strangers;
mod stub;
mod wan2gp;

use std::time::Duration;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

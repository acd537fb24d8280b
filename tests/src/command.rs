//! The `mdd-host` program, away from the user's own files and settings.

use crate::built;
use std::{path::Path, process::Command};

/// A command that knows no drivers and no state but those in `home`.
pub fn mdd_host(home: &Path) -> Command {
    let mut command = Command::new(built().program("mdd-host"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("MDD_") || name.to_string_lossy().starts_with("XDG_") {
            command.env_remove(name);
        }
    }
    for name in ["LITELLM_MASTER_KEY", "LITELLM_API_KEY", "NO_COLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command.env("HOME", home).env("APPDATA", home).env("LOCALAPPDATA", home).env("MDD_STATE_DIR", home.join("state"));
    command
}

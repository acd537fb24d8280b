//! Systems that have a program for it, which comes with the keyring and asks the user to unlock it.

use super::{Entry, KeyringError};
use std::{
    io,
    process::{Command, Output, Stdio},
};

#[cfg(not(target_os = "macos"))]
const PROGRAM: &str = "secret-tool";
#[cfg(target_os = "macos")]
const PROGRAM: &str = "security";

/// What helps where there is no keyring.
#[cfg(not(target_os = "macos"))]
pub(super) const INSTALL: &str = "install `secret-tool` (libsecret-tools) and a keyring such as GNOME Keyring or \
                                  KWallet, and unlock it; or name an environment variable";
#[cfg(target_os = "macos")]
pub(super) const INSTALL: &str =
    "unlock the keychain and let `security` read this entry; or name an environment variable";

pub(super) fn how_to_store(entry: &Entry) -> String {
    let Entry { service, user } = entry;
    match PROGRAM {
        "secret-tool" => format!("secret-tool store --label='{service}' service '{service}' username '{user}'"),
        _ => format!("security add-generic-password -s '{service}' -a '{user}' -w"),
    }
}

fn words(Entry { service, user }: &Entry) -> Vec<&str> {
    match PROGRAM {
        "secret-tool" => vec!["lookup", "service", service, "username", user],
        _ => vec!["find-generic-password", "-w", "-s", service, "-a", user],
    }
}

pub(super) fn read(entry: &Entry) -> Result<String, KeyringError> {
    let mut command = Command::new(PROGRAM);
    let output = command.args(words(entry)).stdin(Stdio::null()).output();
    judge(entry, output)
}

fn judge(entry: &Entry, output: io::Result<Output>) -> Result<String, KeyringError> {
    let output = output.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => KeyringError::Unavailable(format!("`{PROGRAM}` is not installed")),
        _ => KeyringError::Unavailable(format!("`{PROGRAM}`: {error}")),
    })?;
    let secret = String::from_utf8(output.stdout).unwrap_or_default();
    if output.status.success() && !secret.trim().is_empty() {
        return Ok(secret);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    // One says nothing about what it does not have, the other that it is not there.
    if said.is_empty() || said.contains("could not be found") {
        return Err(KeyringError::Nothing(entry.clone()));
    }
    Err(KeyringError::Unavailable(mdd_driver_api::text::printable(said, 200).to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt as _;

    fn judged(code: i32, out: &str, err: &str) -> Result<String, KeyringError> {
        let entry = Entry { service: "film".to_owned(), user: "me".to_owned() };
        let status = std::process::ExitStatus::from_raw(code << 8);
        judge(&entry, Ok(Output { status, stdout: out.into(), stderr: err.into() }))
    }

    #[test]
    fn what_the_program_says_is_told_apart() {
        assert_eq!(judged(0, "sk-1\n", "").unwrap(), "sk-1\n");
        assert!(matches!(judged(1, "", ""), Err(KeyringError::Nothing(_))));
        let missing = "security: SecKeychainSearchCopyNext: The specified item could not be found in the keychain.";
        assert!(matches!(judged(44, "", missing), Err(KeyringError::Nothing(_))));
        let error = judged(1, "", "secret-tool: Cannot autolaunch D-Bus without X11 $DISPLAY\n").unwrap_err();
        assert!(error.to_string().contains("Cannot autolaunch"), "{error}");
        assert!(
            judge(&Entry { service: String::new(), user: String::new() }, Err(io::ErrorKind::NotFound.into())).is_err()
        );
    }

    #[test]
    fn what_helps_is_a_command_for_this_system() {
        let nothing = judged(1, "", "").unwrap_err();
        assert!(nothing.remedy().contains(PROGRAM) && nothing.remedy().contains("'film'"), "{}", nothing.remedy());
    }
}

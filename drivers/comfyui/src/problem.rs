//! The problems of ComfyUI's own: their codes, which the manifest explains.

use mdd_driver_api::{DriverError, ErrorKind};

pub(crate) const DEAF_SOCKET: &str = "comfyui.deaf-socket";
pub(crate) const PREVIEW_TOO_LARGE: &str = "comfyui.preview-too-large";
pub(crate) const SOCKET_BLOCKED: &str = "comfyui.socket-blocked";

/// The payload is no workflow that can run.
pub(crate) const BAD_WORKFLOW: &str = "comfyui.bad-workflow";
/// An input of a node is missing or wrong.
pub(crate) const BAD_INPUT: &str = "comfyui.bad-input";
/// A node asks for a model file that is not there.
pub(crate) const MISSING_MODEL: &str = "comfyui.missing-model";
/// A node type is not installed.
pub(crate) const MISSING_NODE: &str = "comfyui.missing-node";
/// Nothing in the workflow saves or shows anything.
pub(crate) const NO_OUTPUTS: &str = "comfyui.no-outputs";
/// The workflow names a file that the job does not have.
pub(crate) const MISSING_FILE: &str = "comfyui.missing-file";
/// A workflow or a file is larger than the server takes.
pub(crate) const TOO_LARGE: &str = "comfyui.too-large";
/// The server did not take a file.
pub(crate) const UPLOAD_REFUSED: &str = "comfyui.upload-refused";
/// The server did not take the workflow, for a reason of its own.
pub(crate) const REFUSED: &str = "comfyui.refused";
/// What was sent never came into the queue.
pub(crate) const NOT_ACCEPTED: &str = "comfyui.not-accepted";
/// A node raised an exception.
pub(crate) const NODE_FAILED: &str = "comfyui.node-failed";
/// A node ran out of memory.
pub(crate) const OUT_OF_MEMORY: &str = "comfyui.out-of-memory";
/// Somebody else stopped it.
pub(crate) const INTERRUPTED: &str = "comfyui.interrupted";
/// The server had it and has it no more.
pub(crate) const JOB_LOST: &str = "comfyui.job-lost";
/// A result is gone from the server.
pub(crate) const MISSING_RESULT: &str = "comfyui.missing-result";

/// The service, or this driver in its place, does not take the job. Nothing was started.
pub(crate) fn refused(code: &str, observation: impl Into<String>) -> DriverError {
    DriverError::new(ErrorKind::REJECTED, observation).with_code(code).without_effect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mdd_driver_api::manifest::Declaration;

    #[test]
    fn the_manifest_explains_every_problem() {
        let declaration: Declaration = serde_json::from_str(include_str!("../manifest.json")).unwrap();
        declaration.validate().unwrap();
        let explained: Vec<&str> = declaration.errors.keys().map(String::as_str).collect();
        let mut known = [
            DEAF_SOCKET,
            PREVIEW_TOO_LARGE,
            SOCKET_BLOCKED,
            BAD_WORKFLOW,
            BAD_INPUT,
            MISSING_MODEL,
            MISSING_NODE,
            NO_OUTPUTS,
            MISSING_FILE,
            TOO_LARGE,
            UPLOAD_REFUSED,
            REFUSED,
            NOT_ACCEPTED,
            NODE_FAILED,
            OUT_OF_MEMORY,
            INTERRUPTED,
            JOB_LOST,
            MISSING_RESULT,
        ];
        known.sort_unstable();
        assert_eq!(explained, known);
        assert!(declaration.errors.values().all(|entry| !entry.meaning.is_empty() && !entry.remedies.is_empty()));
    }
}

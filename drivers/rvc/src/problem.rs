//! The problems of RVC's own: their codes, which the manifest explains beside those of every Gradio app.

pub(crate) use mdd_gradio::problem::refused;

pub(crate) const KIND: &str = "rvc";

/// The payload is no conversion, or has a value that is not taken.
pub(crate) const BAD_CONVERSION: &str = "rvc.bad-conversion";
/// The conversion names a file that the job does not have.
pub(crate) const MISSING_FILE: &str = "rvc.missing-file";
/// There is no voice of that name.
pub(crate) const UNKNOWN_VOICE: &str = "rvc.unknown-voice";
/// The voice could not be loaded.
pub(crate) const VOICE_FAILED: &str = "rvc.voice-failed";

#[cfg(test)]
mod tests {
    use super::*;
    use mdd_driver_api::manifest::Declaration;

    #[test]
    fn the_manifest_explains_every_problem() {
        let declaration: Declaration = serde_json::from_str(include_str!("../manifest.json")).unwrap();
        declaration.validate().unwrap();
        let explained: Vec<&str> = declaration.errors.keys().map(String::as_str).collect();
        let mut known: Vec<String> = mdd_gradio::problem::ALL.iter().map(|name| name.of(KIND)).collect();
        known.extend([BAD_CONVERSION, MISSING_FILE, UNKNOWN_VOICE, VOICE_FAILED].map(str::to_owned));
        known.sort_unstable();
        assert_eq!(explained, known);
        assert!(declaration.errors.values().all(|entry| !entry.meaning.is_empty() && !entry.remedies.is_empty()));
    }
}

//! The problems of AudioLDM's own: their codes, which the manifest explains beside those of every Gradio app.

pub(crate) use mdd_gradio::problem::refused;

pub(crate) const KIND: &str = "audioldm";

/// The request is none, or has a value that is not taken.
pub(crate) const BAD_REQUEST: &str = "audioldm.bad-request";
/// The video has no sound that can be taken out.
pub(crate) const NO_SOUND: &str = "audioldm.no-sound";

#[cfg(test)]
mod tests {
    use super::*;
    use mdd_driver_api::manifest::Declaration;

    #[test]
    fn the_manifest_explains_every_problem() {
        let declaration: Declaration = serde_json::from_str(include_str!("../manifest.json")).unwrap();
        declaration.validate().unwrap();
        let explained: Vec<&str> = declaration.errors.keys().map(String::as_str).collect();
        // It takes no files, and its function is known by its inputs, not by a name.
        let never = [mdd_gradio::problem::UPLOAD_REFUSED, mdd_gradio::problem::MISSING_FUNCTION];
        let shared = mdd_gradio::problem::ALL.iter().filter(|name| !never.contains(name));
        let mut known: Vec<String> = shared.map(|name| name.of(KIND)).collect();
        known.extend([BAD_REQUEST, NO_SOUND].map(str::to_owned));
        known.sort_unstable();
        assert_eq!(explained, known);
        assert!(declaration.errors.values().all(|entry| !entry.meaning.is_empty() && !entry.remedies.is_empty()));
    }
}

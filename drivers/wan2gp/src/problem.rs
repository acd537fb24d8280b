//! The problems of Wan2GP's own: their codes, which the manifest explains.

pub(crate) use mdd_gradio::problem::refused;

/// The payload are no settings.
pub(crate) const BAD_SETTINGS: &str = "wan2gp.bad-settings";
/// The settings name a file that the job does not have.
pub(crate) const MISSING_FILE: &str = "wan2gp.missing-file";
/// The server did not take a file.
pub(crate) const UPLOAD_REFUSED: &str = "wan2gp.upload-refused";
/// The server did not take the job.
pub(crate) const REFUSED: &str = "wan2gp.refused";
/// It works on something already, and takes one job at a time.
pub(crate) const BUSY: &str = "wan2gp.busy";
/// It could not be reached when the job was to be sent.
pub(crate) const NOT_SENT: &str = "wan2gp.not-sent";
/// The job was sent, and nobody knows what became of it.
pub(crate) const ANSWER_LOST: &str = "wan2gp.answer-lost";
/// It had the job and was restarted.
pub(crate) const JOB_LOST: &str = "wan2gp.job-lost";
/// It tried and could not.
pub(crate) const FAILED: &str = "wan2gp.failed";
/// The model's files are not there and cannot be fetched.
pub(crate) const MISSING_MODEL: &str = "wan2gp.missing-model";
/// It does not know the model, or the settings are not for it.
pub(crate) const UNKNOWN_MODEL: &str = "wan2gp.unknown-model";
/// It is done, and something that it made cannot be had.
pub(crate) const MISSING_RESULT: &str = "wan2gp.missing-result";
/// The job was stopped at the service.
pub(crate) const STOPPED: &str = "wan2gp.stopped";

/// What WanGP's own words for a failure mean, where they are known.
pub(crate) fn code_of(message: &str) -> &'static str {
    let has = |part: &str| message.contains(part);
    if has("on the Hub") || has("local cache") || has("Hugging Face") {
        MISSING_MODEL
    } else if has("'NoneType' object has no attribute") {
        UNKNOWN_MODEL
    } else {
        FAILED
    }
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
        let mut known: Vec<String> = mdd_gradio::problem::ALL.iter().map(|name| name.of("wan2gp")).collect();
        let own = [
            BAD_SETTINGS,
            MISSING_FILE,
            UPLOAD_REFUSED,
            REFUSED,
            BUSY,
            NOT_SENT,
            ANSWER_LOST,
            JOB_LOST,
            FAILED,
            MISSING_MODEL,
            UNKNOWN_MODEL,
            MISSING_RESULT,
            STOPPED,
        ];
        // Some of them are those of any Gradio app.
        known.extend(own.map(str::to_owned));
        known.sort_unstable();
        known.dedup();
        assert_eq!(explained, known);
        assert!(declaration.errors.values().all(|entry| !entry.meaning.is_empty() && !entry.remedies.is_empty()));
        assert!(declaration.attribution.is_some_and(|text| text.contains("WanGP")), "its terms ask for that");
    }
}

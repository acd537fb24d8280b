//! The host names no kind of backend: a new one needs no change outside its own folder.

use super::Finding;
use super::source::File;
use crate::workspace::Driver;

/// Folders that know drivers only by what their manifests say.
const FOLDERS: &[&str] = &["core", "host-cli", "blender_bridge"];

pub(super) fn check(files: &[File], drivers: &[Driver]) -> Vec<Finding> {
    let kinds: Vec<&str> = drivers.iter().map(|driver| driver.kind.as_str()).collect();
    files
        .iter()
        .filter(|file| FOLDERS.iter().any(|folder| file.is_in(folder)))
        .flat_map(|file| named(file, &kinds))
        .collect()
}

fn named(file: &File, kinds: &[&str]) -> Vec<Finding> {
    let lines = std::iter::once((0, file.path.as_str())).chain(file.lines());
    let pairs = lines.flat_map(|(line, text)| kinds.iter().map(move |kind| (line, text, *kind)));
    pairs
        .filter(|(_, text, kind)| names(text, kind))
        .map(|(line, _, kind)| Finding::new(file, line, format!("names the kind {kind}: only its driver may know it")))
        .collect()
}

/// Whether `kind` occurs in `text` in any case, as a word of prose or as a part of an identifier.
fn names(text: &str, kind: &str) -> bool {
    // ASCII only, so that both strings have the same offsets.
    let lowered = text.to_ascii_lowercase();
    lowered.match_indices(kind).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let first = text[at..].chars().next();
        let after = text[at + kind.len()..].chars().next();
        let begins = before.is_none_or(|before| {
            !before.is_alphanumeric() || (!before.is_uppercase() && first.is_some_and(char::is_uppercase))
        });
        let ends = after.is_none_or(|after| !after.is_lowercase());
        begins && ends
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_found_in_prose_paths_and_identifiers() {
        for text in [
            "ComfyUI",
            "the comfyui server",
            "mdd_driver_comfyui",
            "ComfyUiDriver",
            "COMFYUI_URL",
            "MyComfyUi",
            "comfyui2",
        ] {
            assert!(names(text, "comfyui"), "{text}");
        }
        assert!(names("an RVC voice", "rvc") && names("rvc-python", "rvc"));
    }

    #[test]
    fn a_part_of_another_word_is_none() {
        for text in ["srvc", "rvcs", "SERVCE", "PRVC", "serv c"] {
            assert!(!names(text, "rvc"), "{text}");
        }
    }

    #[test]
    fn only_the_host_is_looked_at_and_its_file_names_too() {
        let files = [
            File::new("core/src/comfyui.rs", "//! x\nlet a = \"wan2gp\";"),
            File::new("drivers/comfyui/src/lib.rs", "//! comfyui"),
            File::new("core-extra/x.rs", "//! comfyui"),
        ];
        let driver = |kind: &str| Driver { kind: kind.into(), package: String::new(), manifest: "".into() };
        let found = check(&files, &[driver("comfyui"), driver("wan2gp")]);
        assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [0, 2]);
    }
}

//! What a server of some version can do.

use serde_json::Value;

/// What every version that is recognised can do.
const ALWAYS: [&str; 4] = ["workflow", "upload", "preview", "cancel"];
/// The job interface came with 0.6.0, its cancel with 0.26.0.
const SINCE: [((u32, u32), &str); 2] = [((0, 6), "jobs-api"), ((0, 26), "job-cancel")];

/// Capabilities by version, and by the flags of `GET /features` (0.3.45 and newer).
pub(crate) fn capabilities(version: Option<&str>, flags: &Value) -> Vec<String> {
    let release = version.and_then(release);
    let by_version = SINCE.iter().filter(|(since, _)| release.is_some_and(|release| release >= *since));
    let names = ALWAYS.into_iter().chain(by_version.map(|(_, name)| *name));
    let described = flags.get("supports_preview_metadata") == Some(&Value::Bool(true));
    names.chain(described.then_some("preview-metadata")).map(str::to_owned).collect()
}

/// Major and minor version; whatever else a build appends is left aside.
fn release(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.trim_start_matches('v').split('.').map(|part| {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        part[..digits].parse().ok()
    });
    Some((numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::{capabilities, release};
    use serde_json::{Value, from_slice, json};

    #[test]
    fn the_versions_differ_in_the_job_interface() {
        let old: Value = from_slice(include_bytes!("../../../tests/fixtures/comfyui-0.3.64/features.json")).unwrap();
        let new: Value = from_slice(include_bytes!("../../../tests/fixtures/comfyui-0.33.0/features.json")).unwrap();
        let always = ["workflow", "upload", "preview", "cancel"];
        assert_eq!(capabilities(Some("0.3.64"), &old), [&always[..], &["preview-metadata"]].concat());
        assert_eq!(
            capabilities(Some("0.33.0"), &new),
            [&always[..], &["jobs-api", "job-cancel", "preview-metadata"]].concat()
        );
        assert_eq!(capabilities(None, &Value::Null), always);
        assert_eq!(capabilities(Some("0.6.0"), &json!([])), [&always[..], &["jobs-api"]].concat());
    }

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(release("0.33.0"), Some((0, 33)));
        assert_eq!(release("v1.2rc1-dirty"), Some((1, 2)));
        for unknown in ["", "nightly", "3", "99999999999.1", "1.x"] {
            assert_eq!(release(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn the_manifest_knows_them_all() {
        let manifest: Value = from_slice(include_bytes!("../manifest.json")).unwrap();
        let declared = manifest["capabilities"].as_array().unwrap();
        for name in capabilities(Some("9.9"), &json!({"supports_preview_metadata": true})) {
            assert!(declared.contains(&Value::from(name.as_str())), "{name}");
        }
    }
}

//! What the user allows, for those who want a gate: a list of hashes, or keys whose owners sign drivers. Without either
//! every file that is good is used.
//!
//! Both lie in the folder of drivers in the state folder: `allowed`, one hash a line, and `keys/*.pub` of minisign.

use super::{
    Inspected, Refusal,
    content::{self, Content},
    source,
};
use minisign_verify::{PublicKey, Signature};
use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

/// Whether the file may be used.
///
/// # Errors
/// When there is a list or a key, and neither speaks for it.
pub(super) fn check(file: &Inspected, folder: &Path) -> Result<(), Refusal> {
    let (list, keys) = (folder.join("allowed"), keys(&folder.join("keys")));
    if !list.exists() && keys.is_empty() {
        return Ok(());
    }
    let text = match list.exists() {
        true => source::read(&list).or_else(|refusal| match refusal {
            Refusal::Empty => Ok(Vec::new()),
            other => Err(other),
        })?,
        false => Vec::new(),
    };
    let text = String::from_utf8_lossy(&text);
    if text.lines().any(|line| line.split_whitespace().next() == Some(file.sha256())) {
        return Ok(());
    }
    let refuse = |why: &str| Err(Refusal::NotAllowed { sha256: file.sha256().to_owned(), why: why.to_owned() });
    if keys.is_empty() {
        return refuse("its hash is not in the list of allowed drivers");
    }
    let signature = match source::read(&signature_of(&file.path)) {
        Ok(bytes) => Signature::decode(&String::from_utf8_lossy(&bytes)),
        Err(_) => return refuse("it has no signature, and its hash is not in the list of allowed drivers"),
    };
    let Ok(signature) = signature else { return refuse("its signature cannot be read") };
    for path in keys {
        let text = String::from_utf8_lossy(&source::read(&path)?).into_owned();
        match PublicKey::decode(&text).or_else(|_| PublicKey::from_base64(text.trim())) {
            Ok(key) if signs(&key, &signature, &file.content) => return Ok(()),
            Ok(_) => {}
            Err(error) => tracing::warn!(path = %path.display(), %error, "this is no key of minisign"),
        }
    }
    refuse("its signature is by none of the keys")
}

fn signs(key: &PublicKey, signature: &Signature, content: &Content) -> bool {
    let Ok(mut verifier) = key.verify_stream(signature) else { return false };
    let is_read = content.file().and_then(|file| content::pieces(file, |piece| verifier.update(piece)));
    is_read.is_ok() && verifier.finalize().is_ok()
}

fn keys(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut keys: Vec<_> = entries.map(|entry| entry.path()).collect();
    keys.retain(|path| path.extension().is_some_and(|ending| ending == "pub"));
    keys.sort();
    keys
}

/// `libx.so.minisig` for `libx.so`, as minisign names it.
fn signature_of(driver: &Path) -> PathBuf {
    let mut name = OsString::from(driver);
    name.push(".minisig");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::{Content, Inspected, check, signature_of};
    use mdd_driver_api::manifest::Manifest;
    use std::{fs, path::Path};
    use tempfile::TempDir;

    /// Made by minisign 0.11 for the bytes below.
    const SIGNATURE: &str = "untrusted comment: signature from minisign secret key
RUSQRVWv/EmbSG5OeLiXJxcJ0nHPqyE8prRxPMhY1jRuxFXHu8nIETeh3vh8nz9ozyUO1aZvtc3uwBbdaG4xSi9lNvooQDJiUAk=
trusted comment: lamp 1.0.0
E5YLLiRSStuWKnFM80hQiZH9ZtV6F7aa8lHYBuZgL2O1vZAwk92C5Or3CnMtRKWV2iR2org+tFBRdYD6QB7HBg==
";
    const SIGNED: &str = "the bytes of a driver";
    const KEY: &str = "untrusted comment: minisign public key 489B49FCAF554590
RWSQRVWv/EmbSI3Sit4RNTR5EJ+kXyzp2IIzsPc8GHjWWN1oyxDP6Mly
";
    const OTHER_KEY: &str = "RWTdTj2T7tijR3kfs7N3AGyLkFPy8etwbXwHdRjGwcKaS7srWs8Zh1D8";
    /// Of these bytes.
    const SHA256: &str = "eb6e333b8c30534c4a380b40347000484687b9f365a5989cbd7e52edccd26b87";

    fn folders(keys: &[(&str, &str)], allowed: Option<&str>, signature: Option<&str>) -> (TempDir, Inspected) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libx.so");
        if let Some(signature) = signature {
            fs::write(signature_of(&path), signature).unwrap();
        }
        if let Some(list) = allowed {
            fs::write(folder.path().join("allowed"), list).unwrap();
        }
        if !keys.is_empty() {
            fs::create_dir(folder.path().join("keys")).unwrap();
        }
        for (name, key) in keys {
            fs::write(folder.path().join("keys").join(name), key).unwrap();
        }
        (folder, inspected(&path))
    }

    fn inspected(path: &Path) -> Inspected {
        let manifest: Manifest = serde_json::from_str(
            r#"{"schema": 1, "api_version": "1.0.0", "version": "1.0.0", "panic": "unwind", "rustc": "", "target": "",
                "driver": {"kind": "x", "title": "X"}}"#,
        )
        .unwrap();
        Inspected { path: path.to_owned(), manifest, content: Content::copy(SIGNED.as_bytes()).unwrap() }
    }

    fn verdict(keys: &[(&str, &str)], allowed: Option<&str>, signature: Option<&str>) -> Result<(), String> {
        let (folder, file) = folders(keys, allowed, signature);
        check(&file, folder.path()).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn without_a_gate_everything_passes() {
        assert_eq!(verdict(&[], None, None), Ok(()));
    }

    #[test]
    fn a_list_lets_its_own_pass() {
        assert_eq!(verdict(&[], Some(&format!("cd34\n{SHA256}  libx.so 1.0\n")), None), Ok(()));
        let others = ["", "cd34\n", &format!("x{SHA256}\n"), &format!("# {SHA256}\n"), &SHA256[..63]];
        for list in others {
            assert!(verdict(&[], Some(list), None).unwrap_err().contains("not in the list"), "{list:?}");
        }
    }

    #[test]
    fn a_key_lets_what_its_owner_signed_pass() {
        assert_eq!(verdict(&[("a.pub", OTHER_KEY), ("b.pub", KEY)], None, Some(SIGNATURE)), Ok(()));
        assert_eq!(verdict(&[("a.pub", OTHER_KEY)], Some(SHA256), None), Ok(()), "the list is enough");
        let refused = |keys, signature| verdict(keys, None, signature).unwrap_err();
        assert!(refused(&[("b.pub", KEY)], None).contains("no signature"));
        assert!(refused(&[("b.pub", KEY)], Some("nonsense")).contains("cannot be read"));
        assert!(refused(&[("a.pub", OTHER_KEY)], Some(SIGNATURE)).contains("by none of the keys"));
        assert!(refused(&[("a.pub", "nonsense")], Some(SIGNATURE)).contains("by none of the keys"));
    }

    #[test]
    fn a_signature_is_for_its_own_bytes() {
        let (folder, mut file) = folders(&[("b.pub", KEY)], None, Some(SIGNATURE));
        file.content = Content::copy(format!("{SIGNED}.").as_bytes()).unwrap();
        assert!(check(&file, folder.path()).is_err());
    }
}

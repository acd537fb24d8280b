//! JSON as Python's `json.dumps` writes it: with bare `NaN`, `Infinity` and `-Infinity`.

use serde::de::DeserializeOwned;

/// Reads JSON. Only when that fails and the text holds one of Python's extras is it read again with `null` in their place.
///
/// # Errors
/// That of the first reading.
pub fn lenient_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    let strict = serde_json::from_slice(bytes);
    if strict.is_ok() || !(contains(bytes, b"NaN") || contains(bytes, b"Infinity")) {
        return strict;
    }
    serde_json::from_slice(&without_extras(bytes)).or(strict)
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

/// Replaces the extras outside of strings.
fn without_extras(bytes: &[u8]) -> Vec<u8> {
    const EXTRAS: [&[u8]; 3] = [b"-Infinity", b"Infinity", b"NaN"];
    let mut out = Vec::with_capacity(bytes.len());
    let mut in_string = false;
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if in_string && byte == b'\\' {
            out.extend_from_slice(&bytes[at..bytes.len().min(at + 2)]);
            at += 2;
            continue;
        }
        if !in_string && let Some(extra) = EXTRAS.iter().find(|extra| bytes[at..].starts_with(extra)) {
            out.extend_from_slice(b"null");
            at += extra.len();
            continue;
        }
        in_string ^= byte == b'"';
        out.push(byte);
        at += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::lenient_json;
    use serde_json::{Value, json};

    #[test]
    fn pythons_extras_become_null() {
        let read: Value = lenient_json(br#"{"a": NaN, "b": [-Infinity, Infinity], "s": "NaN \" NaN"}"#).unwrap();
        assert_eq!(read, json!({"a": null, "b": [null, null], "s": "NaN \" NaN"}));
    }

    #[test]
    fn seeds_keep_all_their_digits() {
        let read: Value = lenient_json(b"{\"seed\": 18446744073709551615, \"x\": NaN}").unwrap();
        assert_eq!(read["seed"].as_u64(), Some(u64::MAX));
    }

    #[test]
    fn broken_text_stays_an_error() {
        assert!(lenient_json::<Value>(b"{\"a\": NaN").is_err());
        assert!(lenient_json::<Value>(b"<html>NaN</html>").is_err());
        assert!(lenient_json::<Value>(b"").is_err());
    }
}

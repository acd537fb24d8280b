//! Random ids without a dependency: the standard library's hash seeds are random enough to tell things apart.

use std::hash::{BuildHasher, RandomState};

/// 128 bits that differ with every call.
fn bits() -> u128 {
    let half = || u128::from(RandomState::new().hash_one(std::time::Instant::now()));
    half() << 64 | half()
}

/// A random UUID of version 4 in canonical lowercase form.
pub(crate) fn v4() -> String {
    let bits = bits() & !(0xF << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// 32 random hexadecimal digits.
pub(crate) fn hex() -> String {
    format!("{:032x}", bits())
}

/// Whether the text is a UUID in canonical lowercase hyphenated form.
pub(crate) fn is_canonical(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_id_is_canonical_and_unlike_the_last() {
        let id = v4();
        assert!(is_canonical(&id), "{id}");
        assert_eq!(&id[14..15], "4");
        assert_ne!(id, v4());
        assert!(!is_canonical(&id.to_uppercase().replace('0', "A")));
        assert!(!is_canonical("nope"));
    }
}

//! Little that becomes much for whoever decodes it.

/// The start of a deflated block that says "258 zeros more" with every two zero bits.
const ZEROS_FOR_EVER: [u8; 14] = [0xed, 0xc0, 0x81, 0x00, 0x00, 0x00, 0x00, 0x80, 0xa0, 0xfd, 0xa9, 0x17, 0xa9, 0x00];

/// A body that has no end: what begins it, and what is said again and again.
pub(crate) struct Bomb {
    pub(crate) head: Vec<u8>,
    pub(crate) again: Vec<u8>,
}

/// A thousand bytes for each.
pub(crate) fn gzip() -> Bomb {
    deflated(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3])
}

/// A thousand bytes for each.
pub(crate) fn deflate() -> Bomb {
    deflated(&[0x78, 0x9c])
}

fn deflated(format: &[u8]) -> Bomb {
    Bomb { head: [format, &ZEROS_FOR_EVER].concat(), again: vec![0; 1 << 16] }
}

/// A million bytes for each.
pub(crate) fn brotli() -> Bomb {
    let first = [0xcf, 0xff, 0xff, 0x7f, 0x00, 0x24, 0x00, 0xe2, 0xb1, 0x40, 0x72, 0xef, 0xff, 0x0d];
    let next = [0xfc, 0xff, 0xff, 0x07, 0x40, 0x02, 0x20, 0x0e, 0x0b, 0x40, 0xf7, 0xfe, 0xdf, 0x00];
    Bomb { head: first.to_vec(), again: next.repeat(1 << 10) }
}

/// Blocks of 128 KiB, each a byte that is repeated: 32,000 bytes for each.
pub(crate) fn zstd() -> Bomb {
    let head = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58];
    Bomb { head: head.to_vec(), again: [0x02, 0x00, 0x10, 0x00].repeat(1 << 14) }
}

/// A black picture of 8,192 × 8,192 in 65 kB: 64 MB of grey, 256 MB as a texture.
pub(crate) fn picture() -> Vec<u8> {
    let header =
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x20\0\0\0\x20\0\x08\0\0\0\0\x57\xc1\x95\x85\0\0\xfe\x48IDAT\x78\x9c";
    let end = b"\x06\x5c\0\0\x01\xb7\x8b\xa0\xc7\0\0\0\0IEND\xae\x42\x60\x82";
    let literals = [[0xaa; 40].as_slice(), &[2]].concat();
    [header.as_slice(), &ZEROS_FOR_EVER[..13], &literals, &[0; 65_035], end].concat()
}

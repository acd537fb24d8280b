//! Just enough deflate: runs of zeros, packed as tightly as the format allows.

/// A gzip file of `size` zero bytes; about a thousandth of that long.
pub(crate) fn gzip_of_zeros(size: u64) -> Vec<u8> {
    let mut bits = Bits { out: b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec(), ..Bits::default() };
    dynamic_header(&mut bits);
    // The first zero is a literal for the matches (258 bytes back by one) to copy.
    let matches = size.saturating_sub(1) / 258;
    for _ in 0..size - matches * 258 {
        bits.huffman(0b10, 2);
    }
    for _ in 0..matches {
        bits.huffman(0b0, 1);
        bits.huffman(0b0, 1);
    }
    bits.huffman(0b11, 2);
    let mut out = bits.finish();
    out.extend_from_slice(&crc32_of_zeros(size).to_le_bytes());
    out.extend_from_slice(&(size as u32).to_le_bytes());
    out
}

/// The only block of the stream, with codes of 2 bits for a zero and for the end, and 1 bit each for
/// "258 bytes" and "one back" (RFC 1951, 3.2.7).
fn dynamic_header(bits: &mut Bits) {
    bits.plain(0b101, 3); // last block, dynamic codes
    bits.plain(29, 5); // 286 literal and length codes
    bits.plain(0, 5); // 1 distance code
    bits.plain(14, 4); // 18 code length codes
    // In the order of the RFC: 18 → 1 bit, 2 → 2 bits, 1 → 2 bits, the others do not occur.
    for (index, _) in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1].iter().enumerate() {
        bits.plain(
            match index {
                2 => 1,
                15 | 17 => 2,
                _ => 0,
            },
            3,
        );
    }
    let (one, two, zeros) = ((0b10, 2), (0b11, 2), (0b0, 1));
    let run = |bits: &mut Bits, length: u64| {
        bits.huffman(zeros.0, zeros.1);
        bits.plain(length - 11, 7);
    };
    bits.huffman(two.0, two.1); // literal 0
    run(bits, 138);
    run(bits, 117); // literals 1–255
    bits.huffman(two.0, two.1); // 256, the end
    run(bits, 28); // lengths 257–284
    bits.huffman(one.0, one.1); // 285, 258 bytes
    bits.huffman(one.0, one.1); // distance 1
}

/// A stream of bits, least significant first.
#[derive(Default)]
pub(crate) struct Bits {
    out: Vec<u8>,
    pending: u64,
    count: u32,
}

impl Bits {
    /// A stream that continues `out`.
    pub(crate) fn after(out: Vec<u8>) -> Self {
        Self { out, pending: 0, count: 0 }
    }

    /// A number, least significant bit first.
    pub(crate) fn plain(&mut self, value: u64, length: u32) {
        self.pending |= value << self.count;
        self.count += length;
        while self.count >= 8 {
            self.out.push(self.pending as u8);
            self.pending >>= 8;
            self.count -= 8;
        }
    }

    /// A Huffman code, most significant bit first.
    pub(crate) fn huffman(&mut self, code: u64, length: u32) {
        self.plain(code.reverse_bits() >> (64 - length), length);
    }

    /// The bytes, filled up to a whole one.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let fill = (8 - self.count % 8) % 8;
        self.plain(0, fill);
        self.out
    }
}

const POLYNOMIAL: u32 = 0xEDB8_8320;

/// CRC-32 as gzip and PNG use it.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| (crc >> 8) ^ TABLE[(crc as u8 ^ byte) as usize])
}

/// What each byte does to the sum.
static TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = step(crc);
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// One zero bit more.
const fn step(crc: u32) -> u32 {
    (crc >> 1) ^ (POLYNOMIAL & 0u32.wrapping_sub(crc & 1))
}

/// The CRC-32 of so many zero bytes without visiting them: one zero bit is a linear map, raised to a power.
fn crc32_of_zeros(size: u64) -> u32 {
    let mut power: [u32; 32] = std::array::from_fn(|bit| step(1 << bit));
    let mut crc = !0;
    let mut bits = size * 8;
    while bits > 0 {
        if bits & 1 == 1 {
            crc = apply(&power, crc);
        }
        power = power.map(|column| apply(&power, column));
        bits >>= 1;
    }
    !crc
}

fn apply(map: &[u32; 32], vector: u32) -> u32 {
    map.iter().enumerate().filter(|(bit, _)| vector >> bit & 1 == 1).fold(0, |sum, (_, column)| sum ^ column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortcut_agrees_with_the_definition() {
        for size in [0, 1, 7, 258, 1000] {
            assert_eq!(crc32_of_zeros(size), crc32(&vec![0; size as usize]));
        }
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn the_stream_is_what_gzip_unpacks() {
        // Checked with gzip itself.
        assert_eq!(hex(&gzip_of_zeros(259)), "1f8b0800000000000003edc0810000000080a0fda917a91868fc76c203010000");
        assert!(gzip_of_zeros(1 << 30).len() < 1_100_000);
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

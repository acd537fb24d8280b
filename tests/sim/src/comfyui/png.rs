//! Real PNG files without an image library.

use crate::deflate::{Bits, crc32};

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// An RGB picture of one colour with a `prompt` text, as `SaveImage` writes it.
pub(super) fn solid(width: u32, height: u32, color: u32, prompt: &str) -> Vec<u8> {
    let mut data = Zlib::new();
    // The first row is the differences of neighbours, every other one the difference to the row above.
    data.bytes(&[1, (color >> 16) as u8, (color >> 8) as u8, color as u8]);
    data.zeros(u64::from(width - 1) * 3);
    for _ in 1..height {
        data.bytes(&[2]);
        data.zeros(u64::from(width) * 3);
    }
    file(width, height, Some(prompt), &data.finish())
}

/// A square RGB picture of noise; it cannot be compressed, and is not.
pub(super) fn noise(size: u32, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut rows = Vec::with_capacity((size as usize * 3 + 1) * size as usize);
    let mut row = vec![0; size as usize * 3 + 1];
    for _ in 0..size {
        // The first byte of a row is its filter; zero is none.
        for bytes in row[1..].chunks_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.copy_from_slice(&state.to_le_bytes()[..bytes.len()]);
        }
        rows.extend_from_slice(&row);
    }
    let mut data = b"\x78\x01".to_vec();
    let blocks = rows.chunks(0xFFFF);
    let last = blocks.len() - 1;
    for (index, block) in blocks.enumerate() {
        let length = block.len() as u16;
        data.push(u8::from(index == last));
        data.extend_from_slice(&length.to_le_bytes());
        data.extend_from_slice(&(!length).to_le_bytes());
        data.extend_from_slice(block);
    }
    let sum = rows.chunks(4096).fold(Adler::default(), Adler::bytes);
    data.extend_from_slice(&sum.value().to_be_bytes());
    file(size, size, None, &data)
}

/// Width and height of a PNG file; `None` if it is none.
pub(super) fn size(bytes: &[u8]) -> Option<(u32, u32)> {
    let header = bytes.strip_prefix(SIGNATURE)?.get(8..16)?;
    let number = |at: usize| Some(u32::from_be_bytes(header.get(at..at + 4)?.try_into().ok()?));
    Some((number(0)?, number(4)?))
}

fn file(width: u32, height: u32, prompt: Option<&str>, data: &[u8]) -> Vec<u8> {
    let mut out = SIGNATURE.to_vec();
    // 8 bits per channel, RGB, no interlacing.
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes()[..], &[8, 2, 0, 0, 0]].concat();
    chunk(&mut out, b"IHDR", &header);
    if let Some(prompt) = prompt {
        chunk(&mut out, b"tEXt", &[b"prompt\0", prompt.as_bytes()].concat());
    }
    chunk(&mut out, b"IDAT", data);
    chunk(&mut out, b"IEND", &[]);
    out
}

fn chunk(out: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    out.extend_from_slice(&(data.len() as u32).to_be_bytes());
    let start = out.len();
    out.extend_from_slice(kind);
    out.extend_from_slice(data);
    let crc = crc32(&out[start..]);
    out.extend_from_slice(&crc.to_be_bytes());
}

/// A zlib stream of one block with the fixed codes (RFC 1951, 3.2.6).
struct Zlib {
    bits: Bits,
    sum: Adler,
}

impl Zlib {
    fn new() -> Self {
        let mut bits = Bits::after(b"\x78\x01".to_vec());
        bits.plain(0b011, 3);
        Self { bits, sum: Adler::default() }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.literal(*byte);
        }
        self.sum = self.sum.bytes(bytes);
    }

    fn literal(&mut self, byte: u8) {
        match u64::from(byte) {
            byte @ 0..144 => self.bits.huffman(0x30 + byte, 8),
            byte => self.bits.huffman(0x190 + byte - 144, 9),
        }
    }

    /// A zero, then copies of 258 bytes from one back, then the rest.
    fn zeros(&mut self, count: u64) {
        let matches = count.saturating_sub(1) / 258;
        for index in 0..count - matches * 258 {
            self.literal(0);
            if index == 0 {
                for _ in 0..matches {
                    self.bits.huffman(0xC5, 8);
                    self.bits.plain(0, 5);
                }
            }
        }
        self.sum = self.sum.zeros(count);
    }

    fn finish(mut self) -> Vec<u8> {
        self.bits.huffman(0, 7);
        let mut out = self.bits.finish();
        out.extend_from_slice(&self.sum.value().to_be_bytes());
        out
    }
}

/// Adler-32 (RFC 1950).
#[derive(Clone, Copy)]
struct Adler {
    low: u64,
    high: u64,
}

impl Default for Adler {
    fn default() -> Self {
        Self { low: 1, high: 0 }
    }
}

impl Adler {
    const MODULUS: u64 = 65_521;

    fn bytes(self, bytes: &[u8]) -> Self {
        let (low, high) = bytes.iter().fold((self.low, self.high), |(low, high), byte| {
            let low = low + u64::from(*byte);
            (low, high + low)
        });
        Self { low: low % Self::MODULUS, high: high % Self::MODULUS }
    }

    fn zeros(self, count: u64) -> Self {
        Self { low: self.low, high: (self.high + count % Self::MODULUS * self.low) % Self::MODULUS }
    }

    fn value(self) -> u32 {
        (self.high << 16 | self.low) as u32
    }
}

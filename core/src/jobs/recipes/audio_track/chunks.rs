//! Where the media of a track are in its file: a track's samples lie in chunks, one behind the other.

use mp4_atom::{Stbl, StszSamples};

/// A piece of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) offset: u64,
    pub(super) len: u64,
}

/// All chunks of a track, in their order.
#[derive(Debug)]
pub(super) struct Chunks(Vec<Chunk>);

impl Chunks {
    /// Reads the tables of a track, which may say anything. `len` is the length of the file.
    pub(super) fn of(table: &Stbl, len: u64) -> Result<Self, String> {
        let offsets: Vec<u64> = match (&table.co64, &table.stco) {
            (Some(long), _) => long.entries.clone(),
            (None, Some(short)) => short.entries.iter().map(|&offset| offset.into()).collect(),
            (None, None) => return Err("its sound is nowhere".to_owned()),
        };
        let mut runs = table.stsc.entries.iter().peekable();
        let mut per_chunk = 0;
        let mut sizes = Sizes::of(&table.stsz.samples);
        let mut chunks = Vec::new();
        for (number, offset) in (1_u64..).zip(offsets) {
            while let Some(run) = runs.next_if(|run| u64::from(run.first_chunk) <= number) {
                per_chunk = run.samples_per_chunk;
            }
            let chunk = Chunk { offset, len: sizes.take(per_chunk) };
            if chunk.offset.checked_add(chunk.len).is_none_or(|end| end > len) {
                return Err("its sound lies beyond its end".to_owned());
            }
            chunks.push(chunk);
        }
        if !sizes.is_done() {
            return Err("a part of its sound is nowhere".to_owned());
        }
        let chunks = Self(chunks);
        // Chunks may overlap, so that a small file could pretend to hold any length of sound.
        if chunks.total() > len {
            return Err("its sound is longer than the file".to_owned());
        }
        if chunks.total() == 0 {
            return Err("its sound is empty".to_owned());
        }
        Ok(chunks)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Chunk> {
        self.0.iter().copied()
    }

    pub(super) fn total(&self) -> u64 {
        self.0.iter().fold(0, |total, chunk| total.saturating_add(chunk.len))
    }

    /// Where they are when the first one is at `begin` and nothing is between them.
    pub(super) fn offsets(&self, begin: u64) -> Vec<u64> {
        let next = |place: &mut u64, chunk: &Chunk| {
            let here = *place;
            *place += chunk.len;
            Some(here)
        };
        self.0.iter().scan(begin, next).collect()
    }
}

/// The sizes of samples, one after the other.
enum Sizes<'a> {
    Same { left: u64, size: u64 },
    Each(std::slice::Iter<'a, u32>),
}

impl<'a> Sizes<'a> {
    fn of(samples: &'a StszSamples) -> Self {
        match samples {
            StszSamples::Identical { count, size } => Self::Same { left: (*count).into(), size: (*size).into() },
            StszSamples::Different { sizes } => Self::Each(sizes.iter()),
        }
    }

    /// The bytes of the next `count` samples, or of as many as there are.
    fn take(&mut self, count: u32) -> u64 {
        match self {
            Self::Same { left, size } => {
                let count = u64::from(count).min(*left);
                *left -= count;
                count.saturating_mul(*size)
            }
            Self::Each(sizes) => sizes.take(count as usize).map(|&size| u64::from(size)).sum(),
        }
    }

    fn is_done(&self) -> bool {
        match self {
            Self::Same { left, .. } => *left == 0,
            Self::Each(sizes) => sizes.len() == 0,
        }
    }
}

//! `audio-track/1`: the sound of an MP4 as a file of its own, not encoded again. The track's description is taken over as
//! it is, with its edit list, so that neither the length nor the silence at the beginning changes.

mod chunks;

use super::{Input, RecipeError, open, output::Output};
use chunks::Chunks;
use mp4_atom::{Atom, Co64, Encode as _, FourCC, Ftyp, Header, Moof, Moov, ReadFrom as _, Stco, Trak};
use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
};

pub(super) const NAME: &str = "audio-track/1";
/// Longest description of a file, in bytes. That of an hour of sound and pictures has some 5 MB.
const MAX_MOOV: u64 = 16 << 20;
/// More boxes beside each other are a mistake.
const MAX_BOXES: usize = 4_096;

pub(super) fn make(inputs: &[Input], to: &mut Output<'_>) -> Result<(), RecipeError> {
    let [input] = inputs else {
        return Err(RecipeError::Wrong(format!("it takes one input, not {}", inputs.len())));
    };
    let (mut file, len) = open(&input.path)?;
    extract(&mut file, len, to).map_err(|fault| match fault {
        Fault::Content(why) => RecipeError::Unreadable { name: input.name.clone(), why },
        Fault::Recipe(error) => error,
    })
}

/// What went wrong, and with what.
enum Fault {
    Content(String),
    Recipe(RecipeError),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Content("it ends too early".to_owned()),
            _ => Self::Recipe(error.into()),
        }
    }
}

impl From<mp4_atom::Error> for Fault {
    fn from(error: mp4_atom::Error) -> Self {
        match error {
            mp4_atom::Error::Io(error) => error.into(),
            mp4_atom::Error::UnexpectedEof => Self::Content("it ends too early".to_owned()),
            other => Self::Content(format!("it is no whole MP4 ({other})")),
        }
    }
}

fn extract(file: &mut File, len: u64, to: &mut Output<'_>) -> Result<(), Fault> {
    let movie = read_movie(file, len)?;
    let track = sound(&movie)?;
    let chunks = Chunks::of(&track.mdia.minf.stbl, len).map_err(Fault::Content)?;
    let media = chunks.total();
    if media > to.max_bytes() {
        return Err(Fault::Recipe(RecipeError::TooLong(to.max_bytes())));
    }
    let head = describe(movie, track, &chunks)?;
    to.write_all(&head)?;
    for chunk in chunks.iter() {
        file.seek(SeekFrom::Start(chunk.offset))?;
        if io::copy(&mut file.take(chunk.len), to)? != chunk.len {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
    Ok(())
}

/// The description of the whole file.
fn read_movie(file: &mut File, len: u64) -> Result<Moov, Fault> {
    let mut place = 0;
    for _ in 0..MAX_BOXES {
        if place >= len {
            break;
        }
        file.seek(SeekFrom::Start(place))?;
        let header = Header::read_from(file)?;
        let begin = file.stream_position()?;
        let size = header.size.map_or(len.saturating_sub(begin), |size| size as u64);
        if place == 0 && header.kind != Ftyp::KIND {
            return Err(Fault::Content("it is no MP4".to_owned()));
        }
        if header.kind == Moof::KIND {
            return Err(Fault::Content("it is an MP4 in fragments".to_owned()));
        }
        if header.kind == Moov::KIND {
            if size > MAX_MOOV {
                return Err(Fault::Content(format!("its description is longer than {MAX_MOOV} bytes")));
            }
            let mut body = Vec::new();
            if file.take(size).read_to_end(&mut body)? as u64 != size {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            return Ok(Moov::decode_body(&mut body.as_slice())?);
        }
        place = begin.saturating_add(size);
    }
    Err(Fault::Content("it has no description, as a file has that was not finished".to_owned()))
}

/// The first track of sound.
fn sound(movie: &Moov) -> Result<Trak, Fault> {
    if movie.mvex.is_some() {
        return Err(Fault::Content("it is an MP4 in fragments".to_owned()));
    }
    let sound = movie.trak.iter().find(|track| track.mdia.hdlr.handler == FourCC::new(b"soun"));
    sound.cloned().ok_or_else(|| Fault::Content("it has no sound".to_owned()))
}

/// Everything before the media: type, description, and the head of the media.
fn describe(mut movie: Moov, mut track: Trak, chunks: &Chunks) -> Result<Vec<u8>, Fault> {
    let m4a = FourCC::new(b"M4A ");
    let brands = vec![m4a, FourCC::new(b"mp42"), FourCC::new(b"isom")];
    let mut head = Vec::new();
    Ftyp { major_brand: m4a, minor_version: 0, compatible_brands: brands }.encode(&mut head)?;
    // These speak of the tracks that are left out, or of places in the old file.
    (track.tref, track.senc) = (None, None);
    (track.mdia.minf.stbl.saiz, track.mdia.minf.stbl.saio) = (Vec::new(), Vec::new());
    // A sound that stood in for another one would be silent alone.
    track.tkhd.enabled = true;
    let before = head.len() as u64;
    let media = chunks.total();
    let is_long = before + MAX_MOOV + media > u64::from(u32::MAX);
    // The places of the media depend on the length of what says where they are, but not the other way round.
    let mut place = 0;
    loop {
        let offsets = chunks.offsets(place);
        let table = &mut track.mdia.minf.stbl;
        if is_long {
            (table.stco, table.co64) = (None, Some(Co64 { entries: offsets }));
        } else {
            let entries = offsets.into_iter().map(|offset| offset as u32).collect();
            (table.stco, table.co64) = (Some(Stco { entries }), None);
        }
        movie.trak = vec![track.clone()];
        let mut description = Vec::new();
        movie.encode(&mut description)?;
        let mut media_head = Vec::new();
        Header { kind: FourCC::new(b"mdat"), size: Some(media as usize) }.encode(&mut media_head)?;
        let begin = before + (description.len() + media_head.len()) as u64;
        if begin == place {
            head.extend(description);
            head.extend(media_head);
            return Ok(head);
        }
        place = begin;
    }
}

//! Files that are not what they seem.

use super::{Kitchen, RecipeError, fixture, recipe, waveform};
use mp4_atom::{Atom as _, Encode as _, FourCC, Header, Moov, ReadAtom as _, ReadFrom as _, Stco, StszSamples};
use std::{fs, io::Cursor};

/// The file with another description. The old one stays where it is, as free space, so that nothing else moves.
pub(super) fn rewritten(whole: &[u8], change: impl FnOnce(&mut Moov)) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    let mut rest = Cursor::new(whole);
    loop {
        let at = rest.position() as usize;
        let header = Header::read_from(&mut rest).unwrap();
        if header.kind != Moov::KIND {
            rest.set_position(rest.position() + header.size.unwrap() as u64);
            continue;
        }
        let mut movie = Moov::read_atom(&header, &mut rest).unwrap();
        change(&mut movie);
        bytes[at + 4..at + 8].copy_from_slice(b"free");
        movie.encode(&mut bytes).unwrap();
        return bytes;
    }
}

fn refusal(bytes: &[u8]) -> String {
    let kitchen = Kitchen::new();
    match kitchen.make(&recipe("audio-track/1"), &[kitchen.input("a.mp4", bytes)]) {
        Err(RecipeError::Unreadable { name, why }) => {
            assert_eq!(name, "a.mp4");
            why
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was taken"),
    }
}

#[test]
fn what_has_no_sound_says_so() {
    assert_eq!(refusal(&fs::read(fixture("silent.mp4")).unwrap()), "it has no sound");
    for other in [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], b"<html><body>404</body></html>", b"RIFF$\0\0\0WAVEfmt "] {
        assert_eq!(refusal(other), "it is no MP4");
    }
    assert_eq!(refusal(b""), "it has no description, as a file has that was not finished");
    assert_eq!(refusal(b"\0\0"), "it ends too early");
    assert_eq!(refusal(b"\0\0\0\x08ftyp\0\0\0\x08moof"), "it is an MP4 in fragments");
    assert_eq!(refusal(b"\0\0\0\x08ftyp\x02\0\0\x08moov"), "its description is longer than 16777216 bytes");
    assert_eq!(refusal(b"\0\0\0\x08ftyp\0\0\0\x07moov"), "it is no whole MP4 (invalid size)");
    let boxes = [&b"\0\0\0\x08ftyp"[..], &b"\0\0\0\x08free".repeat(5_000)].concat();
    assert_eq!(refusal(&boxes), "it has no description, as a file has that was not finished");
    assert_eq!(refusal(b"\0\0\0\x08ftyp\0\0\0\x01free\xff\xff\xff\xff\xff\xff\xff\xff"), refusal(b""));
}

#[test]
fn tables_that_lie_are_not_believed() {
    let whole = waveform();
    let sound = |change: &dyn Fn(&mut mp4_atom::Stbl)| {
        refusal(&rewritten(&whole, |movie| {
            let tracks = movie.trak.iter_mut();
            tracks.for_each(|track| change(&mut track.mdia.minf.stbl));
        }))
    };
    let same = |count, size| StszSamples::Identical { count, size };
    for (expected, why) in [
        ("its sound lies beyond its end", sound(&|table| table.stsz.samples = same(25, u32::MAX))),
        ("a part of its sound is nowhere", sound(&|table| table.stsz.samples = same(u32::MAX, 1))),
        ("a part of its sound is nowhere", sound(&|table| table.stsc.entries.clear())),
        ("its sound is nowhere", sound(&|table| table.stco = None)),
        ("its sound is empty", sound(&|table| table.stsz.samples = same(0, 1))),
        ("its sound lies beyond its end", sound(&|table| table.stco = Some(Stco { entries: vec![u32::MAX; 25] }))),
        // Ten thousand times the same ten thousand bytes.
        (
            "its sound is longer than the file",
            sound(&|table| {
                table.stsz.samples = same(10_000, 10_000);
                table.stsc.entries.iter_mut().for_each(|run| run.samples_per_chunk = 1);
                table.stco = Some(Stco { entries: vec![0; 10_000] });
            }),
        ),
    ] {
        assert_eq!(why, expected);
    }
    let strange = rewritten(&whole, |movie| {
        movie.trak.iter_mut().for_each(|track| track.mdia.hdlr.handler = FourCC::new(b"text"))
    });
    assert_eq!(refusal(&strange), "it has no sound");
}

#[test]
fn a_file_that_was_cut_anywhere_is_refused() {
    let (kitchen, whole) = (Kitchen::new(), waveform());
    for len in (0..whole.len()).step_by(7).chain(whole.len() - 64..whole.len()) {
        let made = kitchen.make(&recipe("audio-track/1"), &[kitchen.input("a.mp4", &whole[..len])]);
        assert!(matches!(made, Err(RecipeError::Unreadable { .. })), "cut after {len} bytes");
    }
}

/// It may be taken for a file with other contents, but nothing panics or grows.
#[test]
fn a_description_with_any_byte_wrong_does_no_harm() {
    let (kitchen, whole) = (Kitchen::new(), waveform());
    let begin = whole.windows(4).position(|window| window == b"moov").unwrap() - 4;
    for at in begin..whole.len() {
        // Numbers have four bytes: each gets every one of these somewhere in a table.
        let wrong = [0, 0x7f, 0xff, whole[at] ^ 1][(at + at / 4) % 4];
        let mut bytes = whole.clone();
        bytes[at] = wrong;
        if let Ok(made) = kitchen.make(&recipe("audio-track/1"), &[kitchen.input("a.mp4", &bytes)]) {
            assert!(made.len() < 2 * whole.len(), "byte {at} as {wrong}");
        }
    }
}

//! The sound of an MP4.

use super::{Kitchen, RecipeError, recipe, waveform};
use mp4_atom::{Atom as _, Ftyp, Header, Moov, ReadAtom as _, ReadFrom as _, StszSamples, Trak};
use std::io::Cursor;

/// What is in an MP4: its type, its description, and its samples of sound.
fn read(bytes: &[u8]) -> (Ftyp, Moov, Vec<Vec<u8>>) {
    let (mut kind, mut movie) = (None, None);
    let mut rest = Cursor::new(bytes);
    while let Some(header) = Option::<Header>::read_from(&mut rest).unwrap() {
        match header.kind {
            Ftyp::KIND => kind = Some(Ftyp::read_atom(&header, &mut rest).unwrap()),
            Moov::KIND => movie = Some(Moov::read_atom(&header, &mut rest).unwrap()),
            _ => rest.set_position(rest.position() + header.size.unwrap() as u64),
        }
    }
    assert_eq!(rest.position(), bytes.len() as u64, "the last box ends with the file");
    let movie = movie.unwrap();
    let samples = samples(bytes, sound(&movie));
    (kind.unwrap(), movie, samples)
}

fn sound(movie: &Moov) -> &Trak {
    movie.trak.iter().find(|track| track.mdia.minf.smhd.is_some()).unwrap()
}

/// Another reading of the tables than the recipe's: sample by sample.
fn samples(bytes: &[u8], track: &Trak) -> Vec<Vec<u8>> {
    let table = &track.mdia.minf.stbl;
    let StszSamples::Different { sizes } = &table.stsz.samples else { panic!("sizes differ") };
    let mut sizes = sizes.iter();
    let mut samples = Vec::new();
    for (index, &offset) in table.stco.as_ref().unwrap().entries.iter().enumerate() {
        let run = table.stsc.entries.iter().rev().find(|run| run.first_chunk as usize <= index + 1).unwrap();
        let mut place = offset as usize;
        for size in sizes.by_ref().take(run.samples_per_chunk as usize) {
            samples.push(bytes[place..place + *size as usize].to_vec());
            place += *size as usize;
        }
    }
    samples
}

#[test]
fn the_sound_is_taken_over_as_it_is() {
    let kitchen = Kitchen::new();
    let whole = waveform();
    let made = kitchen.make(&recipe("audio-track/1"), &[kitchen.input("a.mp4", &whole)]).unwrap();
    let (_, before, expected) = read(&whole);
    let (kind, after, samples) = read(&made);
    assert_eq!((kind.major_brand.to_string().as_str(), after.trak.len()), ("M4A ", 1));
    assert_eq!(samples.len(), 25);
    assert!(samples == expected, "every sample is the same");
    assert!(made.len() < whole.len());
    let (before, after) = (sound(&before), sound(&after));
    assert!(before.edts.is_some() && before.edts == after.edts, "the silence of the encoder stays cut off");
    assert_eq!(before.mdia.mdhd, after.mdia.mdhd);
    assert_eq!(before.mdia.minf.stbl.stsd, after.mdia.minf.stbl.stsd);
    assert_eq!(before.mdia.minf.stbl.stts, after.mdia.minf.stbl.stts);
}

#[test]
fn a_file_of_sound_alone_gives_the_same_sound() {
    let kitchen = Kitchen::new();
    let once = kitchen.make(&recipe("audio-track/1"), &[kitchen.input("a.mp4", &waveform())]).unwrap();
    let twice = kitchen.make(&recipe("audio-track/1"), &[kitchen.input("b.m4a", &once)]).unwrap();
    assert!(once == twice);
}

#[test]
fn places_that_need_more_than_32_bits_are_understood() {
    let kitchen = Kitchen::new();
    let whole = waveform();
    let made = kitchen.make(&recipe("audio-track/1"), &[kitchen.input("a.mp4", &whole)]).unwrap();
    let long = super::hostile::rewritten(&whole, |movie| {
        for track in &mut movie.trak {
            let table = &mut track.mdia.minf.stbl;
            let entries = table.stco.take().unwrap().entries;
            table.co64 = Some(mp4_atom::Co64 { entries: entries.into_iter().map(u64::from).collect() });
        }
    });
    assert!(made == kitchen.make(&recipe("audio-track/1"), &[kitchen.input("b.mp4", &long)]).unwrap());
}

#[test]
fn it_takes_one_input() {
    let kitchen = Kitchen::new();
    let inputs = [kitchen.input("a.mp4", &waveform()), kitchen.input("b.mp4", &waveform())];
    for inputs in [&inputs[..], &[]] {
        assert!(matches!(kitchen.make(&recipe("audio-track/1"), inputs), Err(RecipeError::Wrong(_))));
    }
}

#[test]
fn the_rest_of_a_file_is_not_read() {
    let (mut whole, kitchen) = (waveform(), Kitchen::new());
    let made = kitchen.make(&recipe("audio-track/1"), &[kitchen.input("a.mp4", &whole)]).unwrap();
    whole.extend_from_slice(b"\0\0\0\x10what");
    assert!(made == kitchen.make(&recipe("audio-track/1"), &[kitchen.input("b.mp4", &whole)]).unwrap());
}

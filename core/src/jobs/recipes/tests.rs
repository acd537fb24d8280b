//! What recipes make, also of what somebody made to break them.

mod hostile;
mod sound;
mod zips;

use super::{Input, Limits, RecipeError, make};
use mdd_driver_api::model::{Recipe, ResultMeta};
use std::{fs, path::PathBuf};
use tempfile::TempDir;

/// A folder with inputs.
struct Kitchen(TempDir);

impl Kitchen {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn input(&self, name: &str, bytes: &[u8]) -> Input {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        Input { name: name.to_owned(), path }
    }

    /// What the recipe makes.
    fn make(&self, recipe: &Recipe, inputs: &[Input]) -> Result<Vec<u8>, RecipeError> {
        self.make_within(recipe, inputs, &limits())
    }

    fn make_within(&self, recipe: &Recipe, inputs: &[Input], limits: &Limits) -> Result<Vec<u8>, RecipeError> {
        let mut to = tempfile::tempfile_in(self.0.path()).unwrap();
        make(recipe, inputs, &mut to, limits)?;
        let mut made = Vec::new();
        std::io::Seek::rewind(&mut to).unwrap();
        std::io::Read::read_to_end(&mut to, &mut made).unwrap();
        Ok(made)
    }
}

fn limits() -> Limits {
    Limits { max_bytes: 1 << 20, let_go: std::sync::Arc::default() }
}

fn recipe(name: &str) -> Recipe {
    Recipe::new(name, Vec::new(), ResultMeta::new("a", "b"))
}

/// A file that `ffmpeg` has made: pictures in H.264, a second and a half of sound in AAC.
fn waveform() -> Vec<u8> {
    fs::read(fixture("waveform.mp4")).unwrap()
}

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/media").join(name)
}

#[test]
fn an_unknown_recipe_is_said_to_be_unknown() {
    let error = Kitchen::new().make(&recipe("soup/1"), &[]).unwrap_err();
    assert_eq!(error.to_string(), "this host has no recipe \"soup/1\"");
    assert!(matches!(error, RecipeError::Unknown(_)));
}

#[test]
fn nobody_gets_more_than_a_result_may_have() {
    let kitchen = Kitchen::new();
    let inputs = [kitchen.input("a.mp4", &waveform())];
    for name in super::NAMES {
        let whole = kitchen.make(&recipe(name), &inputs).unwrap().len() as u64;
        for (max_bytes, fits) in [(whole, true), (whole - 1, false), (0, false)] {
            let made = kitchen.make_within(&recipe(name), &inputs, &Limits { max_bytes, ..limits() });
            match made {
                Ok(made) => assert!(fits && made.len() as u64 == whole, "{name}"),
                Err(RecipeError::TooLong(said)) => assert!(!fits && said == max_bytes, "{name}"),
                Err(other) => panic!("{name}: {other}"),
            }
        }
        let let_go = std::sync::Arc::new(true.into());
        let made = kitchen.make_within(&recipe(name), &inputs, &Limits { let_go, ..limits() });
        assert!(matches!(made, Err(RecipeError::LetGo)), "{name}");
    }
}

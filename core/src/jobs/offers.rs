//! What a run has saved or made, under the names that its segments and recipes use.

use super::{names, runner::Runner};
use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};
use tempfile::TempPath;

/// Something to name.
#[derive(Debug)]
struct Offer {
    /// What recipes call it.
    name: String,
    /// What segments call it.
    handle: String,
    file: Offered,
}

#[derive(Debug)]
enum Offered {
    Result(PathBuf),
    /// The file is removed with the offer.
    Scratch(TempPath),
}

impl Offered {
    fn path(&self) -> &Path {
        match self {
            Self::Result(path) => path,
            Self::Scratch(path) => path,
        }
    }
}

/// The offers of one run.
#[derive(Debug, Default)]
pub(super) struct Offers(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    offers: Vec<Offer>,
    /// The run is over: nothing can be named any more.
    closed: bool,
}

impl State {
    fn add(&mut self, runner: &dyn Runner, offer: Offer) {
        if !self.closed {
            runner.offer(&offer.handle, offer.file.path());
            self.offers.push(offer);
        }
    }
}

impl Offers {
    /// Lets segments and recipes name a result.
    pub(super) fn add_result(&self, runner: &dyn Runner, name: &str, handle: String, path: PathBuf) {
        self.state().add(runner, Offer { name: name.to_owned(), handle, file: Offered::Result(path) });
    }

    /// The same for what only the run works with. It gets the wanted name, or the next with a number.
    pub(super) fn add_scratch(
        &self,
        runner: &dyn Runner,
        wanted: &str,
        handle: impl Fn(&str) -> String,
        path: TempPath,
    ) -> String {
        let mut state = self.state();
        let is_taken = |name: &String| state.offers.iter().any(|offer| names::key(&offer.name) == names::key(name));
        let mut numbered = (1..).map(|number| names::numbered(wanted, number));
        let name = numbered.find(|name| !is_taken(name)).unwrap_or_default();
        state.add(runner, Offer { name: name.clone(), handle: handle(&name), file: Offered::Scratch(path) });
        name
    }

    /// Where the file of that name is.
    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        let state = self.state();
        state.offers.iter().rfind(|offer| offer.name == name).map(|offer| offer.file.path().to_owned())
    }

    /// Ends all of them.
    pub(super) fn close(&self, runner: &dyn Runner) {
        let mut state = self.state();
        state.closed = true;
        for offer in state.offers.drain(..) {
            runner.withdraw(&offer.handle);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic in a holder leaves a list that can be used: each change is one insertion or removal.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

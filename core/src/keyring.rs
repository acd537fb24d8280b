//! The keyring of the operating system, where a user keeps secrets. It is only read, and only what a setting names.

#[cfg(not(windows))]
mod program;
#[cfg(windows)]
mod windows;

#[cfg(not(windows))]
use program as system;
#[cfg(windows)]
use windows as system;

use crate::transport::Secret;
use std::{
    collections::BTreeMap,
    fmt,
    sync::mpsc::{self, Receiver, Sender},
    time::Instant,
};

/// What a secret is kept under.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// What it is for.
    pub service: String,
    /// Whose it is.
    pub user: String,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.service, self.user)
    }
}

/// Why a secret could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// It is there, and has no such entry.
    #[error("the keyring has nothing under {0}")]
    Nothing(Entry),
    /// There is none, it is locked, or what reads it is not installed.
    #[error("the keyring cannot be read: {0}")]
    Unavailable(String),
}

impl KeyringError {
    /// What helps, in a sentence for people.
    pub fn remedy(&self) -> String {
        match self {
            Self::Nothing(entry) => format!("store it, with `{}`, and look again", system::how_to_store(entry)),
            Self::Unavailable(_) => system::INSTALL.to_owned(),
        }
    }
}

fn read(entry: &Entry) -> Answer {
    system::read(entry).map(|text| Secret::new(&text))
}

type Answer = Result<Secret, KeyringError>;

/// What is known of the entries that somebody has asked for. Each is read in a thread of its own, as that may take as
/// long as the user takes to unlock the keyring.
pub struct Keyring {
    entries: BTreeMap<Entry, Known>,
    tell: Sender<(Entry, Answer)>,
    told: Receiver<(Entry, Answer)>,
}

#[derive(Default)]
struct Known {
    answer: Option<Answer>,
    is_being_read: bool,
}

impl Default for Keyring {
    fn default() -> Self {
        let (tell, told) = mpsc::channel();
        Self { entries: BTreeMap::new(), tell, told }
    }
}

impl Keyring {
    /// What an entry says; none while it is not known.
    pub fn get(&self, entry: &Entry) -> Option<&Result<Secret, KeyringError>> {
        self.entries.get(entry)?.answer.as_ref()
    }

    /// Begins to read what nobody has asked for yet.
    pub fn read(&mut self, entries: &[Entry]) {
        for entry in entries {
            if !self.entries.contains_key(entry) {
                self.begin(entry.clone());
            }
        }
    }

    /// Begins to read everything again: what was not there may be there now, and a key may be another. Until then the
    /// former answers count.
    pub fn read_again(&mut self) {
        let idle = self.entries.iter().filter(|(_, known)| !known.is_being_read).map(|(entry, _)| entry.clone());
        for entry in idle.collect::<Vec<_>>() {
            self.begin(entry);
        }
    }

    fn begin(&mut self, entry: Entry) {
        let (tell, asked) = (self.tell.clone(), entry.clone());
        let read = move || {
            let answer = read(&asked);
            // The host may have ended meanwhile.
            let _ = tell.send((asked, answer));
        };
        let known = self.entries.entry(entry).or_default();
        match std::thread::Builder::new().name("mdd-keyring".to_owned()).spawn(read) {
            Ok(_) => known.is_being_read = true,
            Err(error) => known.answer = Some(Err(KeyringError::Unavailable(error.to_string()))),
        }
    }

    /// Takes in what was read; waits until `deadline` for what is being read. Says whether anything is different now.
    pub fn take_in(&mut self, deadline: Instant) -> bool {
        let mut is_different = false;
        while self.entries.values().any(|known| known.is_being_read) {
            let patience = deadline.saturating_duration_since(Instant::now());
            let Ok((entry, answer)) = self.told.recv_timeout(patience) else { break };
            is_different |= self.put(entry, answer);
        }
        is_different
    }

    pub(crate) fn put(&mut self, entry: Entry, answer: Answer) -> bool {
        let is_different = self.get(&entry) != Some(&answer);
        self.entries.insert(entry, Known { answer: Some(answer), is_being_read: false });
        is_different
    }
}

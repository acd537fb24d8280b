//! Changes that the user asks for: written into the user's file, then applied to everything that runs.

use super::{Inner, backends::id_of, book::Book};
use crate::{
    config::{Config, ConfigView, FileError, UserFile},
    endpoint::Endpoint,
    events::StateName,
    keyring::Keyring,
    settings::Settings,
    transport,
};
use mdd_driver_api::text::printable;
use serde_json::Value;
use std::{path::PathBuf, sync::Arc, time::Instant};

/// Folders for drivers that the file names, read before any driver is known.
pub(super) fn plugins_of(start: &Settings) -> Vec<PathBuf> {
    Config::resolve(start, &UserFile::read(start.config_file.clone()), &[], &[], &Keyring::default()).plugins()
}

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// Nothing has that id.
    #[error("there is {0}")]
    NotFound(String),
    /// What was given cannot be used.
    #[error("{0}")]
    Invalid(String),
    /// It cannot be done as things stand.
    #[error("{0}")]
    Refused(String),
    /// The user's file cannot be changed.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Inner {
    pub(super) fn config_view(&self, project: Option<&str>) -> ConfigView {
        let book = self.book();
        match project {
            None => book.config.view(&book.file),
            Some(project) => {
                let layer = self.layer_of_project(&book, project);
                Config::resolve(&self.settings, &book.file, &self.declarations(), &layer, &book.keyring)
                    .view(&book.file)
            }
        }
    }

    /// Reads the file again when somebody has edited it.
    pub(super) fn reread_config(&self) {
        let mut book = self.book();
        if book.file.is_stale() {
            tracing::info!("the settings were edited");
            book.file.read_again();
            book.keyring.read_again();
            self.apply(&mut book);
        }
    }

    /// Brings everything in line with the file as it is now.
    pub(super) fn apply(&self, book: &mut Book) {
        book.config = Arc::new(Config::resolve(&self.settings, &book.file, &self.declarations(), &[], &book.keyring));
        self.tell_config(book);
        self.reconcile(book);
    }

    /// Takes in what was read from the keyring, and asks it for what is not known.
    pub(super) fn follow_keyring(&self) {
        let mut book = self.book();
        if book.keyring.take_in(Instant::now()) {
            self.apply(&mut book);
        }
        book.read_keyring();
    }

    pub(super) fn set_config(&self, key: &str, value: &Value) -> Result<ConfigView, ChangeError> {
        let mut book = self.book();
        book.keyring.read_again();
        self.set(&mut book, key, value)?;
        Ok(book.config.view(&book.file))
    }

    /// Sets one key, or removes it when the value is null.
    fn set(&self, book: &mut Book, key: &str, value: &Value) -> Result<(), ChangeError> {
        let value = {
            let key = book.config.key(key).map_err(ChangeError::Invalid)?;
            match value {
                Value::Null => None,
                value => {
                    let bad = |error| ChangeError::Invalid(format!("`{}` cannot be set: {error}", key.name));
                    Some(key.check(value).map_err(bad)?)
                }
            }
        };
        let path: Vec<&str> = key.split('.').collect();
        book.file.set(&path, value.as_ref())?;
        self.apply(book);
        Ok(())
    }

    pub(super) fn add_backend(&self, kind: &str, url: &str) -> Result<(), ChangeError> {
        let (endpoint, mut book) = (parse(url)?, self.book());
        let mut urls = urls_of_file(&book, kind);
        if let Some(above) = above_the_file(&book, kind) {
            return Err(above);
        }
        if urls.contains(&endpoint) {
            return Ok(());
        }
        urls.push(endpoint);
        self.set_urls(&mut book, kind, "url", &urls)
    }

    /// Gives a backend another address: in place of the one that the file has, else beside what is found.
    pub(super) fn move_backend(&self, id: &str, url: &str) -> Result<(), ChangeError> {
        let (endpoint, mut book) = (parse(url)?, self.book());
        let kind = self.kind_of(id)?;
        if let Some(above) = above_the_file(&book, &kind) {
            return Err(above);
        }
        let mut urls = urls_of_file(&book, &kind);
        urls.retain(|known| *known != endpoint);
        match urls.iter().position(|known| id_of(&kind, known) == id) {
            Some(at) => urls[at] = endpoint,
            None => urls.push(endpoint),
        }
        self.forget(&mut book, &kind, "accepted", id)?;
        self.set_urls(&mut book, &kind, "url", &urls)
    }

    pub(super) fn remove_backend(&self, id: &str) -> Result<(), ChangeError> {
        let kind = self.kind_of(id)?;
        let mut book = self.book();
        let mut is_known = false;
        for name in ["url", "accepted"] {
            is_known |= self.forget(&mut book, &kind, name, id)?;
        }
        let is_up = self.shared.bus.backend(id).is_some_and(|view| view.state == StateName::Connected);
        if book.finds.contains_key(id) && !is_up {
            book.finds.remove(id);
            is_known = true;
        }
        if !is_known {
            let why = above_the_file(&book, &kind).map_or_else(
                || "it was found by itself and would be found again; switch it off instead".to_owned(),
                |above| above.to_string(),
            );
            return Err(ChangeError::Refused(why));
        }
        for name in ["disabled", "default"] {
            self.forget(&mut book, &kind, name, id)?;
        }
        self.reconcile(&mut book);
        Ok(())
    }

    pub(super) fn switch_backend(&self, id: &str, on: bool) -> Result<(), ChangeError> {
        let (kind, endpoint) = self.known(id)?;
        let mut book = self.book();
        let mut off = book.config.disabled(&kind);
        off.retain(|known| known.place() != endpoint.place());
        if !on {
            off.push(endpoint);
        }
        self.set_urls(&mut book, &kind, "disabled", &off)
    }

    pub(super) fn default_backend(&self, id: &str) -> Result<(), ChangeError> {
        let (kind, endpoint) = self.known(id)?;
        let mut book = self.book();
        self.set(&mut book, &format!("backends.{kind}.default"), &endpoint.to_string().into())
    }

    /// The user's word for a find.
    pub(super) fn accept_backend(&self, id: &str) -> Result<(), ChangeError> {
        let (kind, endpoint) = self.known(id)?;
        let mut book = self.book();
        if let Some(find) = book.finds.get_mut(id) {
            find.doubt = None;
        }
        let mut accepted = book.config.accepted(&kind);
        if !accepted.contains(&endpoint) {
            accepted.push(endpoint);
        }
        self.set_urls(&mut book, &kind, "accepted", &accepted)
    }

    fn set_urls(&self, book: &mut Book, kind: &str, name: &str, urls: &[Endpoint]) -> Result<(), ChangeError> {
        let value = match urls {
            [] => Value::Null,
            [one] => one.to_string().into(),
            urls => urls.iter().map(ToString::to_string).collect(),
        };
        self.set(book, &format!("backends.{kind}.{name}"), &value)
    }

    /// Takes the backend out of a list of the file. False when it is not in it.
    fn forget(&self, book: &mut Book, kind: &str, name: &str, id: &str) -> Result<bool, ChangeError> {
        let mut urls = match name {
            "url" => urls_of_file(book, kind),
            "accepted" => book.config.accepted(kind),
            "disabled" => book.config.disabled(kind),
            _ => book.config.default_of(kind).into_iter().collect(),
        };
        let before = urls.len();
        urls.retain(|known| id_of(kind, known) != id);
        if urls.len() < before {
            self.set_urls(book, kind, name, &urls)?;
        }
        Ok(urls.len() < before)
    }

    fn known(&self, id: &str) -> Result<(String, Endpoint), ChangeError> {
        let view = self.shared.bus.backend(id).ok_or_else(|| self.no_backend(id))?;
        let endpoint = view.endpoint.as_deref().and_then(|url| Endpoint::parse(url).ok());
        let unknown = || ChangeError::Refused(format!("no address of {} is known yet", view.title));
        Ok((view.kind.clone(), endpoint.ok_or_else(unknown)?))
    }

    /// Nothing has that id; it helps to see which there are.
    pub(super) fn no_backend(&self, id: &str) -> ChangeError {
        let known: Vec<String> = self.shared.bus.look(|backends| backends.map(|backend| backend.id.clone()).collect());
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        ChangeError::NotFound(format!("no backend {:?}; there is {known}", printable(id, 80)))
    }

    /// A row without a connection: nothing is there yet that could be asked.
    pub(super) fn nothing_to_try(&self, id: &str) -> ChangeError {
        let Some(view) = self.shared.bus.backend(id) else { return self.no_backend(id) };
        let why = match (view.endpoint, view.state) {
            (None, _) => "was not found, so there is nothing to try: start it, or name its address".to_owned(),
            (_, StateName::Disabled) => "is switched off".to_owned(),
            (Some(_), _) => match view.reason {
                Some(reason) => format!("cannot be tried: {}", reason.observation),
                None => "cannot be tried now".to_owned(),
            },
        };
        ChangeError::Refused(format!("{} {why}", view.title))
    }

    fn kind_of(&self, id: &str) -> Result<String, ChangeError> {
        self.shared.bus.backend(id).map(|view| view.kind).ok_or_else(|| self.no_backend(id))
    }
}

/// An address that may be connected to.
fn parse(url: &str) -> Result<Endpoint, ChangeError> {
    let endpoint = Endpoint::parse(url).map_err(|error| ChangeError::Invalid(error.to_string()))?;
    match transport::never_reached(&endpoint) {
        Some(why) => Err(ChangeError::Invalid(why)),
        None => Ok(endpoint),
    }
}

fn urls_of_file(book: &Book, kind: &str) -> Vec<Endpoint> {
    book.config.named_in_file(kind)
}

/// Why an address in the file would not count.
fn above_the_file(book: &Book, kind: &str) -> Option<ChangeError> {
    let source = book.config.who_names(kind)?;
    Some(ChangeError::Refused(format!("the address comes from {source}, which wins over the settings")))
}

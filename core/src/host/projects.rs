//! Projects that clients have open: what they name is known as long as they are, and nothing of a stranger's project is
//! asked anything on another machine before the user agrees.

use super::{Inner, backends::id_of, book::Book, changes::ChangeError};
use crate::{
    connection::Supervisor,
    endpoint::Endpoint,
    rpc::{PendingBackend, ProjectBackend, ProjectOpened},
    settings::Named,
};
use serde_json::Value;

/// More backends than any project names.
const MAX_BACKENDS: usize = 100;
/// More projects than anybody has open.
const MAX_PROJECTS: usize = 100;
/// More than a few states need, in bytes.
const MAX_REMEMBERED: usize = 64 << 10;
/// Longest id of a project, in bytes.
const MAX_ID: usize = 200;

impl Inner {
    /// Takes in what a project names; the same project again replaces it.
    pub(super) fn open_project(
        &self,
        id: &str,
        named: &[ProjectBackend],
        remembered: Value,
    ) -> Result<ProjectOpened, ChangeError> {
        if id.is_empty() || id.len() > MAX_ID || id.chars().any(char::is_control) {
            return Err(ChangeError::Invalid(format!("`project` takes 1 to {MAX_ID} printable characters")));
        }
        if remembered.to_string().len() > MAX_REMEMBERED {
            return Err(ChangeError::Invalid(format!("`remembered` takes {MAX_REMEMBERED} bytes at most")));
        }
        if named.len() > MAX_BACKENDS {
            return Err(ChangeError::Invalid(format!("a project names {MAX_BACKENDS} backends at most")));
        }
        let mut backends = Vec::new();
        for backend in named {
            let endpoint = Endpoint::parse(&backend.url)
                .map_err(|error| ChangeError::Invalid(format!("the project's {}: {error}", short(&backend.kind))))?;
            if !backends.iter().any(|known| *known == (backend.kind.clone(), endpoint.clone())) {
                backends.push((backend.kind.clone(), endpoint));
            }
        }
        let mut book = self.book();
        if !book.projects.contains_key(id) && book.projects.len() >= MAX_PROJECTS {
            return Err(ChangeError::Refused(format!("{MAX_PROJECTS} projects are open already")));
        }
        book.projects.entry(id.to_owned()).or_default().backends = backends;
        if !remembered.is_null() {
            if book.remembered.len() >= MAX_PROJECTS && !book.remembered.contains_key(id) {
                book.remembered.pop_first();
            }
            book.remembered.insert(id.to_owned(), remembered);
        }
        self.reconcile(&mut book);
        self.try_those_of_project(&book, id);
        let remembered = book.remembered.get(id).cloned().unwrap_or_default();
        Ok(ProjectOpened { pending: self.pending(&book, id), remembered })
    }

    /// Whoever opens a project wants its services now.
    fn try_those_of_project(&self, book: &Book, id: &str) {
        let supervisors = self.supervisors();
        let named = self.layer_of_project(book, id);
        let known = named.iter().filter_map(|named| supervisors.get(&id_of(&named.kind, &named.endpoint)));
        known.for_each(Supervisor::hurry);
    }

    /// Forgets what a project names.
    pub(super) fn close_project(&self, id: &str) {
        let mut book = self.book();
        if book.projects.remove(id).is_some() {
            self.reconcile(&mut book);
        }
    }

    /// Keeps the user's word for a backend of a project, for this project and address.
    pub(super) fn accept_project(&self, id: &str, backend: &str) -> Result<(), ChangeError> {
        let mut book = self.book();
        let project =
            book.projects.get(id).ok_or_else(|| ChangeError::NotFound(format!("no project {}", short(id))))?;
        let found = project.backends.iter().find(|(kind, endpoint)| id_of(kind, endpoint) == backend);
        let Some((kind, endpoint)) = found.cloned() else {
            return Err(ChangeError::NotFound(format!("no backend {} in that project", short(backend))));
        };
        book.file.consent(id, consent(&kind, &endpoint))?;
        self.reconcile(&mut book);
        Ok(())
    }

    /// Whether a project may bring that backend: on this machine always, elsewhere with the user's word.
    pub(super) fn may_project(&self, book: &Book, project: &str, kind: &str, endpoint: &Endpoint) -> bool {
        endpoint.is_loopback() || is_known(book, kind, endpoint) || {
            book.file.consents(project).contains(&consent(kind, endpoint))
        }
    }

    fn pending(&self, book: &Book, id: &str) -> Vec<PendingBackend> {
        let backends = book.projects.get(id).into_iter().flat_map(|project| &project.backends);
        backends
            .filter(|(kind, endpoint)| !self.may_project(book, id, kind, endpoint))
            .map(|(kind, endpoint)| PendingBackend {
                kind: kind.clone(),
                url: endpoint.to_string(),
                backend: id_of(kind, endpoint),
            })
            .collect()
    }

    /// What a project names, as a layer of the settings.
    pub(super) fn layer_of_project(&self, book: &Book, id: &str) -> Vec<Named> {
        let backends = book.projects.get(id).into_iter().flat_map(|project| &project.backends);
        backends
            .filter(|(kind, endpoint)| self.may_project(book, id, kind, endpoint))
            .map(|(kind, endpoint)| Named {
                kind: kind.clone(),
                endpoint: endpoint.clone(),
                origin: crate::events::Origin::Project,
            })
            .collect()
    }
}

/// Named by the user elsewhere, so that the project tells nothing new.
fn is_known(book: &Book, kind: &str, endpoint: &Endpoint) -> bool {
    let named = book.config.named(kind).into_iter().map(|named| named.endpoint);
    named.chain(book.config.accepted(kind)).any(|known| known == *endpoint)
}

fn consent(kind: &str, endpoint: &Endpoint) -> String {
    format!("{kind}={endpoint}")
}

fn short(text: &str) -> String {
    format!("{:?}", mdd_driver_api::text::printable(text, 80))
}

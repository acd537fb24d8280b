//! One job in memory: its course, which only changes through the journal, and what clients see of it.

use super::{
    course::{Misstep, Step},
    folder::JobFolder,
    journal::JournalError,
    news::News,
    record::{Course, FileRecord, Record, Ticket, now_ms},
    room::Room,
    submission::Target,
    text::Text,
    view,
};
use crate::{
    diagnosis::Reason,
    events::{Bus, JobState, JobView},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Mutex, Notify, watch},
    time::{Instant, sleep_until},
};

/// Why a step was not taken.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum StepError {
    #[error(transparent)]
    Misstep(#[from] Misstep),
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It came from a run that the host has let go.
    #[error("the host has let this run go")]
    LetGo,
}

/// One job.
pub(super) struct Job {
    pub(super) ticket: Ticket,
    pub(super) folder: JobFolder,
    pub(super) text: Text,
    pub(super) news: News,
    /// Results get their names one after the other.
    pub(super) naming: Mutex<()>,
    /// Wakes it up when the user does not want to wait.
    pub(super) nudge: Notify,
    course: Mutex<Course>,
    view: watch::Sender<JobView>,
    /// When the user cancelled.
    cancel: watch::Sender<Option<Instant>>,
    /// Number of the run that may report; 0 for none.
    open_run: AtomicU64,
    last_run: AtomicU64,
    /// An earlier process may have left something unfinished in the folder, or a power cut may have taken it.
    is_untidy: AtomicBool,
}

impl Job {
    pub(super) fn new(record: Record, folder: JobFolder) -> Self {
        let Record { ticket, course } = record;
        let text = Text::at(folder.text());
        let cancel = course.cancel_asked.then(Instant::now);
        Self {
            view: watch::Sender::new(view::first(&ticket, &course, &folder)),
            cancel: watch::Sender::new(cancel),
            course: Mutex::new(course),
            text,
            ticket,
            folder,
            news: News::default(),
            naming: Mutex::default(),
            nudge: Notify::new(),
            open_run: AtomicU64::new(0),
            last_run: AtomicU64::new(0),
            is_untidy: AtomicBool::new(false),
        }
    }

    /// Reads what an earlier process has left in the folder. May block.
    pub(super) fn recall(&self) {
        if let Err(error) = self.text.recall() {
            tracing::warn!(job = self.ticket.id, %error, "the text of a job cannot be read");
        }
        self.view.send_modify(|view| view.text = self.text.shown(!view.state.is_final()));
        self.is_untidy.store(true, Ordering::SeqCst);
    }

    /// Makes the folder as a run wants it, once after an earlier process had the job.
    pub(super) async fn tidy(&self) {
        if !self.is_untidy.swap(false, Ordering::SeqCst) {
            return;
        }
        let folder = self.folder.clone();
        let swept = tokio::task::spawn_blocking(move || folder.sweep()).await;
        if let Err(error) = swept.unwrap_or_else(|error| Err(error.into())) {
            tracing::warn!(job = self.ticket.id, %error, "the folder of the job cannot be tidied");
        }
    }

    /// Who is to do it.
    pub(super) fn target(&self) -> Target {
        match &self.ticket.backend {
            Some(backend) => Target::Backend(backend.clone()),
            None => Target::Kind(self.ticket.kind.clone()),
        }
    }

    /// The name of one of its files in segments, which no other job uses.
    pub(super) fn handle(&self, file: &FileRecord) -> String {
        format!("{}/{}", self.ticket.id, file.name)
    }

    /// The name of something that it saved, in segments. No file of a job has two slashes in a row before its name.
    pub(super) fn handle_of_saved(&self, name: &str) -> String {
        format!("{}//{name}", self.ticket.id)
    }

    /// How far it has come, after every step that is under way.
    pub(super) async fn course(&self) -> Course {
        self.course.lock().await.clone()
    }

    /// Takes a step: the journal first, then everybody else. Dropping the future does not take it back. A step of a run
    /// is only taken while the run is open.
    pub(super) async fn step(
        self: &Arc<Self>,
        room: &Arc<Room>,
        run: Option<u64>,
        step: Step,
    ) -> Result<Course, StepError> {
        let (job, room) = (self.clone(), room.clone());
        let io = room.io.clone();
        let taking = io.spawn(async move {
            let mut course = job.course.lock().await;
            if run.is_some_and(|run| !job.is_open(run)) {
                return Err(StepError::LetGo);
            }
            let mut next = course.clone();
            next.take(step, now_ms())?;
            job.write(&room, &next).await?;
            *course = next;
            job.show_course(&room.bus, &course);
            Ok(course.clone())
        });
        taking.await.unwrap_or_else(|error| Err(StepError::Journal(JournalError::Degraded(error.to_string()))))
    }

    /// Writes a course down; all of the job where the journal has lost its file meanwhile.
    async fn write(&self, room: &Room, course: &Course) -> Result<(), JournalError> {
        match room.journal.note(&self.ticket.id, course).await {
            Err(JournalError::Missing(_)) => {
                let record = Record { ticket: self.ticket.clone(), course: course.clone() };
                room.journal.admit(&record).await
            }
            noted => noted,
        }
    }

    /// A run begins.
    pub(super) fn open_run(&self, bus: &Bus, backend: &str) -> u64 {
        let run = self.last_run.fetch_add(1, Ordering::SeqCst) + 1;
        self.news.clear();
        self.open_run.store(run, Ordering::SeqCst);
        self.show(bus, |view| {
            view.backend = Some(backend.to_owned());
            view.reason = None;
            self.news.write_to(view);
        });
        run
    }

    /// No backend has it.
    pub(super) fn unbind(&self, bus: &Bus) {
        if self.view.borrow().backend.is_some() {
            self.show(bus, |view| view.backend = None);
        }
    }

    /// The host lets a run go: nothing more is taken from it.
    pub(super) fn close_run(&self, run: u64) {
        let _another_is_open = self.open_run.compare_exchange(run, 0, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Whether a run may still report.
    pub(super) fn is_open(&self, run: u64) -> bool {
        self.open_run.load(Ordering::SeqCst) == run
    }

    /// The user wants it to end, or no longer wants that.
    pub(super) fn set_cancelled(&self, cancelled: bool) {
        self.cancel.send_if_modified(|since| {
            let changes = since.is_some() != cancelled;
            if changes {
                *since = cancelled.then(Instant::now);
            }
            changes
        });
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancel.borrow().is_some()
    }

    /// Resolves when the user cancels; at once when that has happened.
    pub(super) async fn cancelled(&self) -> Instant {
        let mut cancel = self.cancel.subscribe();
        let since = cancel.wait_for(Option::is_some).await.ok().and_then(|since| *since);
        // It is always there: the sender lives in this job.
        since.unwrap_or_else(Instant::now)
    }

    /// Resolves when the user has cancelled and nobody is to be asked any more: what was never sent ends at once,
    /// anything else has its time to end by itself.
    pub(super) async fn given_up(&self, grace: Option<Duration>) {
        let since = self.cancelled().await;
        if let Some(grace) = grace {
            sleep_until(since + grace).await;
        }
    }

    /// What clients see.
    pub(super) fn view(&self) -> JobView {
        self.view.borrow().clone()
    }

    pub(super) fn state(&self) -> JobState {
        self.view.borrow().state
    }

    pub(super) fn is_over(&self) -> bool {
        self.state().is_final()
    }

    /// Resolves once it is over.
    pub(super) async fn over(&self) -> JobView {
        let mut view = self.view.subscribe();
        let over = view.wait_for(|view| view.state.is_final()).await.map(|view| view.clone());
        // It cannot fail: the sender lives in this job.
        over.unwrap_or_else(|_| self.view())
    }

    /// Says why it waits.
    pub(super) fn explain(&self, bus: &Bus, reason: Reason) {
        self.show(bus, |view| view.reason = Some(reason));
    }

    /// Shows what its driver has told.
    pub(super) fn show_news(&self, bus: &Bus) {
        self.show(bus, |view| {
            self.news.write_to(view);
            view.text = self.text.shown(true);
        });
    }

    /// Another attempt begins: what the one before has written is not its text.
    pub(super) async fn clear_text(&self, bus: &Bus) {
        if let Err(error) = self.text.clear().await {
            tracing::warn!(job = self.ticket.id, %error, "the text of the attempt before cannot be removed");
        }
        self.show_news(bus);
    }

    /// Puts a preview where clients find it; they are told with the next view.
    pub(super) async fn show_preview(&self, media_type: String, bytes: Vec<u8>) {
        let folder = self.folder.clone();
        let written = tokio::task::spawn_blocking(move || folder.write_preview(&media_type, &bytes)).await;
        match written.map_err(std::io::Error::other).flatten() {
            Ok(path) => self.view.send_modify(|view| {
                view.preview = Some(path.display().to_string());
                view.previews += 1;
            }),
            Err(error) => tracing::warn!(job = self.ticket.id, %error, "a preview cannot be written"),
        }
    }

    /// Shows it as it is.
    pub(super) fn publish(&self, bus: &Bus) {
        self.show(bus, |_| {});
    }

    fn show_course(&self, bus: &Bus, course: &Course) {
        self.show(bus, |view| {
            let is_over = course.state.is_final();
            let ends_now = is_over && !view.state.is_final();
            if is_over || view.state.is_final() {
                view.reason.clone_from(&course.reason);
            }
            self.news.write_to(view);
            view::write(view, course, &self.folder);
            view.text = self.text.shown(!is_over);
            if ends_now {
                self.log_end(view);
            }
        });
    }

    fn log_end(&self, view: &JobView) {
        let code = view.reason.as_ref().map(|reason| reason.code.as_str());
        tracing::info!(job = self.ticket.id, backend = view.backend, state = %view.state, code, "over");
    }

    /// The only place that publishes: under the lock of the view, so that an older view never follows a newer one.
    fn show(&self, bus: &Bus, change: impl FnOnce(&mut JobView)) {
        self.view.send_modify(|view| {
            change(view);
            bus.publish_job(view.clone());
        });
    }
}

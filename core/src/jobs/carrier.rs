//! One task for each open job: it waits for a backend, runs the job there, and again, until it is over.

use super::{
    course::{Ending, Step},
    dispatch::{Access, Slot},
    job::{Job, StepError},
    news,
    port::{Parts, Port},
    record::Course,
    room::Room,
    run::{OpenRun, attempt},
    submission::Target,
    verdict::{Pause, Start, Verdict, verdict},
};
use crate::{connection::Backoff, diagnosis::Reason, events::JobState};
use futures_util::FutureExt as _;
use mdd_driver_api::{DriverError, manifest::Declaration, model::Outcome};
use std::{pin::pin, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, sleep_until};

/// However often a job takes its driver or its backend down, it does so only this often.
const MAX_STRIKES: u32 = 2;
/// Nothing is tried again sooner, also when the backend has returned.
const FLOOR: Duration = Duration::from_millis(250);
/// A run of this length was no failure to begin with.
const LONG_RUN: Duration = Duration::from_secs(30);

/// Carries a job until it is over. `slot` is its place on a backend that may have it already.
pub(super) async fn carry(room: Arc<Room>, job: Arc<Job>, slot: Option<Slot>) {
    let (backoff, rest) = (Backoff::default(), Rest::None);
    let declaration = room.declarations.of(&job.ticket.kind);
    let mut carrier = Carrier { room, job, declaration, slot, epoch: None, backoff, rest, over: false };
    while !carrier.over {
        let course = carrier.job.course().await;
        let job = carrier.job.clone();
        let grace = course.is_sent().then_some(carrier.room.limits.cancel_grace);
        tokio::select! {
            biased;
            () = job.given_up(grace) => carrier.give_up(&course).await,
            access = carrier.next_run(&course) => carrier.run(&course, access).await,
        }
    }
}

struct Carrier {
    room: Arc<Room>,
    job: Arc<Job>,
    declaration: Arc<Declaration>,
    /// Its place on a backend: from before it is sent until nothing of it can be there any more.
    slot: Option<Slot>,
    /// The life of the backend in which it was run last.
    epoch: Option<u64>,
    backoff: Backoff,
    rest: Rest,
    /// The job's course may be another one's by then: a job that is over can be reopened.
    over: bool,
}

/// What the next run waits for besides a connected backend with room.
enum Rest {
    None,
    /// A time; the return of the backend makes it shorter.
    Until(Instant, Life),
    /// The user, or the return of the backend, which may have another key by then.
    User(Life),
}

/// A life of a backend.
struct Life {
    backend: String,
    epoch: u64,
}

/// How a run came to its end.
enum End {
    Result(Result<Outcome, DriverError>),
    /// The backend is gone, or lives another life.
    Lost,
    /// It was cancelled and did not end in time.
    GivenUp,
}

impl Carrier {
    /// Waits until the job can be run. The slot is taken then.
    async fn next_run(&mut self, course: &Course) -> Access {
        self.rest().await;
        let kind = &self.job.ticket.kind;
        if let Some(backend) = course.bound_to() {
            let held = self.slot.take().filter(|slot| slot.backend == backend);
            let slot = held.unwrap_or_else(|| self.room.dispatcher.hold(backend, kind));
            let slot = self.slot.insert(slot);
            let target = Target::Backend(slot.backend.clone());
            return explained(&self.room, &self.job, &target, slot.access()).await;
        }
        self.slot = None;
        self.job.unbind(&self.room.bus);
        let target = self.job.target();
        loop {
            let waiting = self.room.dispatcher.slot(self.job.ticket.number, &target);
            let slot = explained(&self.room, &self.job, &target, waiting).await;
            let access = slot.watch().borrow().clone();
            // It may have gone away in between; then the job is first in line again.
            if let Some(access) = access {
                self.slot = Some(slot);
                return access;
            }
        }
    }

    async fn rest(&mut self) {
        let dispatcher = &self.room.dispatcher;
        let kind = &self.job.ticket.kind;
        match &self.rest {
            Rest::None => return,
            Rest::Until(until, life) => tokio::select! {
                () = sleep_until(*until) => {}
                () = self.job.nudge.notified() => {}
                () = dispatcher.next_life(&life.backend, kind, life.epoch) => {
                    sleep_until((*until).min(Instant::now() + FLOOR)).await;
                }
            },
            Rest::User(life) => tokio::select! {
                () = self.job.nudge.notified() => {}
                () = dispatcher.next_life(&life.backend, kind, life.epoch) => sleep(FLOOR).await,
            },
        }
        self.rest = Rest::None;
    }

    async fn run(&mut self, course: &Course, access: Access) {
        self.job.tidy().await;
        let slot = self.slot.as_mut().expect("`next_run` has taken it");
        let life = Life { backend: slot.backend.clone(), epoch: access.epoch };
        self.epoch = Some(access.epoch);
        let attempt = attempt(&self.job, course, &life.backend, access.boot.as_deref());
        // The service went down after it had got the job, or might have.
        let went_down = course.is_sent()
            && attempt.checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.same_boot == Some(false));
        let open = OpenRun::new(&self.room, &self.job, &access.runner, &life.backend);
        let port = Port::open(Parts {
            room: self.room.clone(),
            job: self.job.clone(),
            run: open.run,
            backend: life.backend.clone(),
            runner: Arc::downgrade(&access.runner),
            epoch: access.epoch,
            boot: access.boot.clone(),
            now: slot.watch(),
            saving: open.saving.clone(),
        });
        let began = Instant::now();
        let mut running = access.runner.run(&attempt, port);
        let end = tokio::select! {
            biased;
            result = &mut running => End::Result(result),
            () = slot.lost(access.epoch) => End::Lost,
            () = self.job.given_up(Some(self.room.limits.cancel_grace)) => End::GivenUp,
            never = news::report(&self.room, &self.job) => match never {},
        };
        drop(open);
        // Detaches, when it has not ended.
        drop(running);
        let after = self.job.course().await;
        if after.stage() > course.stage() || began.elapsed() >= LONG_RUN {
            self.backoff.reset();
        }
        match end {
            End::Result(result) => {
                self.keep_text(&result).await;
                let verdict = verdict(&result, &after, course.is_sent(), &self.declaration);
                self.follow(verdict, life, access.instance, went_down).await;
            }
            // The next round waits for the backend, or ends the job.
            End::Lost | End::GivenUp => {}
        }
    }

    async fn follow(&mut self, verdict: Verdict, life: Life, instance: u64, went_down: bool) {
        match verdict {
            Verdict::End(ending) => self.end(ending).await,
            Verdict::Again { from, after, reason } => {
                self.job.explain(&self.room.bus, reason);
                match from {
                    Start::Checkpoint => {}
                    Start::Prepared => drop(self.settle(Step::Back { fresh: None, struck: false }).await),
                    Start::Fresh => self.send_again(went_down).await,
                }
                self.rest_after(after, life).await;
            }
            Verdict::Panic(reason) => {
                self.job.explain(&self.room.bus, reason);
                // Other jobs of that object fail with the same panic: only the first one is to blame.
                if self.room.dispatcher.poison(&life.backend, instance) {
                    let course = self.settle(Step::Struck).await;
                    self.hold_if_struck_out(&course, "its driver failed while it carried this job").await;
                }
            }
        }
    }

    async fn send_again(&mut self, went_down: bool) {
        let fresh = Some(self.room.uuid());
        let course = self.settle(Step::Back { fresh, struck: went_down }).await;
        self.job.clear_text(&self.room.bus).await;
        self.hold_if_struck_out(&course, "the service went down when it got this job").await;
    }

    /// A job that does it again and again waits for the user instead.
    async fn hold_if_struck_out(&mut self, course: &Course, what: &str) {
        if course.strikes >= MAX_STRIKES {
            let observation = format!("{what}, {} times", course.strikes);
            let reason = Reason::new("job-held", observation, &self.declaration);
            let ending = Ending::new(JobState::Held, Some(reason));
            self.end(Ending { remote_still_running: course.is_sent(), ..ending }).await;
        }
    }

    async fn rest_after(&mut self, pause: Pause, life: Life) {
        let is_sent = self.job.course().await.is_sent();
        let slot = self.slot.take_if(|_| !is_sent || pause == Pause::User);
        self.rest = match pause {
            Pause::User => Rest::User(life),
            Pause::Backoff => Rest::Until(Instant::now() + self.backoff.next(self.room.random()), life),
            Pause::Busy(asked_for) => {
                let time = self.backoff.next(self.room.random()).max(asked_for);
                // Where the whole backend rests, this job stays the first in line.
                match slot.is_some_and(|slot| slot.rest(time)) {
                    true => Rest::None,
                    false => Rest::Until(Instant::now() + time, life),
                }
            }
        };
    }

    /// The user has cancelled, and nobody can be asked or has answered.
    async fn give_up(&mut self, course: &Course) {
        if !course.is_sent() {
            return self.end(Ending::new(JobState::Cancelled, None)).await;
        }
        let observation = format!("it was not confirmed within {} s", self.room.limits.cancel_grace.as_secs());
        let reason = Reason::new("cancel-unconfirmed", observation, &self.declaration);
        let ending = Ending::new(JobState::Unknown, Some(reason));
        self.end(Ending { remote_still_running: true, ..ending }).await;
    }

    async fn keep_text(&self, result: &Result<Outcome, DriverError>) {
        let text = &self.job.text;
        if let Ok(Outcome { text: Some(whole), .. }) = result
            && text.shown(false).is_none()
            && let Err(error) = text.append(whole.as_bytes()).await
        {
            tracing::warn!(job = self.job.ticket.id, %error, "the text of a job cannot be kept");
        }
        if let Err(error) = text.sync().await {
            tracing::warn!(job = self.job.ticket.id, %error, "the text of a job may not be durable");
        }
    }

    async fn end(&mut self, ending: Ending) {
        // What is unknown blocks nobody.
        let goes_on = ending.remote_still_running && ending.state == JobState::Cancelled;
        let backend = self.job.view().backend;
        self.settle(Step::Ended(Ending { backend, ..ending })).await;
        self.over = true;
        let slot = self.slot.take();
        if let (Some(slot), Some(epoch), true) = (slot, self.epoch, goes_on) {
            // The next job would only wait there, or get in the way.
            self.room.spawn(slot.linger(epoch, self.room.limits.linger));
        }
        self.room.notices.ended(self.job.view());
        self.room.ended.notify_one();
    }

    /// Takes a step that has to be taken, however long the journal needs.
    async fn settle(&self, step: Step) -> Course {
        let mut backoff = Backoff::default();
        loop {
            match self.job.step(&self.room, None, step.clone()).await {
                Ok(course) => return course,
                Err(StepError::Misstep(_) | StepError::LetGo) => return self.job.course().await,
                Err(StepError::Journal(error)) => {
                    let reason = Reason::new("store-degraded", error.to_string(), &self.declaration);
                    self.job.explain(&self.room.bus, reason);
                    sleep(backoff.next(self.room.random())).await;
                }
            }
        }
    }
}

/// Waits, and shows why while it takes.
async fn explained<T>(room: &Room, job: &Job, target: &Target, waiting: impl Future<Output = T>) -> T {
    let mut waiting = pin!(waiting);
    if let Some(ready) = waiting.as_mut().now_or_never() {
        return ready;
    }
    let mut why = room.waiting.why(&job.ticket.kind, target);
    loop {
        let reason = why.borrow_and_update().clone();
        job.explain(&room.bus, reason);
        tokio::select! {
            biased;
            ready = &mut waiting => return ready,
            changed = why.changed() => if changed.is_err() {
                return waiting.await;
            }
        }
    }
}

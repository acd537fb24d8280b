//! Tells people what became of the services: one sentence when some are lost, one when they are back, and no shower.
//!
//! Time comes in, and so does what is seen; what goes out is what to say.

mod sentence;

use crate::events::{BackendView, Detail, JobState, JobView, Notice, NoticeSeverity, Origin, StateName};
use sentence::{Back, Lost, Outcome};
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};
use tokio::time::Instant;

/// Whoever is back sooner was hardly away.
const HARDLY: Duration = Duration::from_secs(2);
/// Jobs are found again within this time after a return, and services that broke down together are back together.
const SETTLING: Duration = Duration::from_secs(3);
/// Over this time…
const WINDOW: Duration = Duration::from_secs(60);
/// …a service is spoken of so often, the last time to say that nothing more is said.
const MOST: usize = 4;
/// When a slow start is spoken of.
const MILESTONES: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(300)];

/// What is known and has been told.
#[derive(Debug, Default)]
pub struct Teller {
    backends: BTreeMap<String, Course>,
    /// Jobs that are at a backend, or were when it was lost: backend and state by id.
    jobs: BTreeMap<String, (String, JobState)>,
}

/// What became of one backend.
#[derive(Debug)]
struct Course {
    title: String,
    usable: Option<bool>,
    since: Instant,
    /// What was last said, or was so from the beginning.
    said: Option<bool>,
    /// Why it is not usable.
    observation: String,
    /// Since when it is away, and the jobs that it had then.
    away: Option<(Instant, Vec<String>)>,
    /// Times at which it was spoken of.
    told: VecDeque<Instant>,
    losses: VecDeque<Instant>,
    /// It comes and goes: nothing more is said until it is steady.
    quiet: bool,
    /// Since when it is starting, and how many milestones were told.
    starting: Option<(Instant, usize)>,
}

impl Teller {
    /// A backend is new or different.
    pub fn see(&mut self, view: &BackendView, now: Instant) {
        if view.origin == Origin::Missing || view.needs_word {
            return;
        }
        let has = |(job, (backend, state)): (&String, &(String, JobState))| {
            (*backend == view.id && is_open(*state)).then(|| job.clone())
        };
        let jobs = self.jobs.iter().filter_map(has).collect();
        self.backends.entry(view.id.clone()).or_insert_with(|| Course::new(&view.title, now)).see(view, jobs, now);
    }

    /// A backend is gone for good.
    pub fn forget(&mut self, id: &str) {
        self.backends.remove(id);
    }

    /// A job is new or different.
    pub fn see_job(&mut self, job: &JobView) {
        let Some(backend) = &job.backend else { return };
        self.jobs.insert(job.id.clone(), (backend.clone(), job.state));
        // Those that are over are of interest as long as somebody is away with them.
        let missed: Vec<_> =
            self.backends.values().filter_map(|course| course.away.as_ref()).flat_map(|(_, jobs)| jobs).collect();
        self.jobs.retain(|job, (_, state)| is_open(*state) || missed.contains(&job));
    }

    /// When [`speak`](Self::speak) has something to do, unless something else happens before.
    pub fn due(&self) -> Option<Instant> {
        let apart = self.backends.values().filter_map(Course::apart_due).min();
        apart.into_iter().chain(self.together_due(false)).chain(self.together_due(true)).min()
    }

    /// When the losses or the returns that are not told yet are told, in one sentence: whoever is hardly behind is
    /// waited for.
    fn together_due(&self, usable: bool) -> Option<Instant> {
        let are_several = self.are_several_away();
        let changed = self.backends.values().filter(|course| course.usable == Some(usable));
        let dues: Vec<_> = changed.filter_map(|course| course.change_due(are_several)).collect();
        let (first, last) = (dues.iter().min()?, dues.iter().max()?);
        Some(*last.min(&(*first + SETTLING)))
    }

    /// Whether several are away, as far as was told.
    fn are_several_away(&self) -> bool {
        self.backends.values().filter(|course| course.away.is_some()).nth(1).is_some()
    }

    /// What is to be said now.
    pub fn speak(&mut self, now: Instant, at: &str) -> Vec<Notice> {
        let notice = |severity, backend: Option<&String>, text| {
            let (at, backend) = (at.to_owned(), backend.cloned());
            Notice { at, severity, backend, text }
        };
        let are_several = self.are_several_away();
        let told = [false, true].map(|usable| self.together_due(usable).is_some_and(|due| due <= now));
        let (mut notices, mut lost, mut back) = (Vec::new(), Vec::new(), Vec::new());
        for (id, course) in &mut self.backends {
            let is_change_told = course.usable.is_some_and(|usable| told[usize::from(usable)]);
            let change_due = course.change_due(are_several).filter(|_| is_change_told);
            if change_due.into_iter().chain(course.apart_due()).all(|due| now < due) {
                continue;
            }
            match course.speak(&self.jobs, now) {
                Some(News::Lost(one)) => lost.push((id, one)),
                Some(News::Back(one)) => back.push((id, one)),
                Some(News::Attention(text)) => notices.push(notice(NoticeSeverity::Attention, Some(id), text)),
                None => {}
            }
        }
        let only = |ids: &[&String]| if let [id] = ids { Some((*id).clone()) } else { None };
        let (ids, lost): (Vec<_>, Vec<_>) = lost.into_iter().unzip();
        notices.extend(sentence::lost(&lost).map(|text| notice(NoticeSeverity::Problem, only(&ids).as_ref(), text)));
        let (ids, back): (Vec<_>, Vec<_>) = back.into_iter().unzip();
        notices.extend(sentence::back(&back).map(|text| notice(NoticeSeverity::Info, only(&ids).as_ref(), text)));
        notices
    }
}

/// What there is to say of one backend.
enum News {
    Lost(Lost),
    Back(Back),
    Attention(String),
}

fn is_open(state: JobState) -> bool {
    matches!(state, JobState::Submitting | JobState::Running | JobState::Fetching)
}

impl Course {
    fn new(title: &str, now: Instant) -> Self {
        Self {
            title: title.to_owned(),
            usable: None,
            since: now,
            said: None,
            observation: String::new(),
            away: None,
            told: VecDeque::new(),
            losses: VecDeque::new(),
            quiet: false,
            starting: None,
        }
    }

    fn see(&mut self, view: &BackendView, jobs: Vec<String>, now: Instant) {
        let usable = match (view.state, view.detail) {
            (StateName::Connected, Detail::Unresponsive | Detail::Suspended) => Some(false),
            (StateName::Connected, _) => Some(true),
            (StateName::Disconnected, _) => Some(false),
            // A try is no news.
            (StateName::Connecting, _) => self.usable,
            (StateName::Disabled, _) => None,
        };
        if let Some(reason) = view.reason.as_ref().filter(|_| usable == Some(false)) {
            if reason.code == "starting" {
                self.starting.get_or_insert((now, 0));
            }
            // The first reason of a loss says most: later ones are what came of it.
            if self.usable != usable {
                self.observation.clone_from(&reason.observation);
            }
        }
        if usable == self.usable {
            return;
        }
        if usable != Some(false) {
            self.starting = None;
        }
        if self.usable == Some(true) && usable == Some(false) {
            self.losses.push_back(now);
            self.away.get_or_insert((now, jobs));
        }
        if usable == Some(true) && self.said == usable {
            // It was hardly away.
            self.away = None;
        }
        if usable.is_none() || self.usable.is_none() {
            // How it is at first is in the status; switched off is as somebody wanted it.
            (self.said, self.away) = (usable, None);
        }
        (self.usable, self.since) = (usable, now);
    }

    /// When the last change is told, unless it is taken back before.
    fn change_due(&self, are_several_away: bool) -> Option<Instant> {
        if self.quiet || self.usable == self.said {
            return None;
        }
        let has_jobs = self.away.as_ref().is_some_and(|(_, jobs)| !jobs.is_empty());
        match self.usable? {
            true if has_jobs || are_several_away => Some(self.since + SETTLING),
            true => Some(self.since),
            false => Some(self.since + HARDLY),
        }
    }

    /// When there is something that it is told of alone.
    fn apart_due(&self) -> Option<Instant> {
        if self.quiet {
            return Some(self.since + WINDOW);
        }
        self.starting.and_then(|(since, told)| Some(since + *MILESTONES.get(told)?))
    }

    fn speak(&mut self, jobs: &BTreeMap<String, (String, JobState)>, now: Instant) -> Option<News> {
        self.quiet = false;
        self.told.retain(|at| now.duration_since(*at) < WINDOW);
        self.losses.retain(|at| now.duration_since(*at) < WINDOW);
        let news = self.news(jobs, now)?;
        self.told.push_back(now);
        if self.told.len() < MOST {
            return Some(news);
        }
        self.quiet = true;
        Some(News::Attention(sentence::unsteady(&self.title, self.losses.len())))
    }

    fn news(&mut self, jobs: &BTreeMap<String, (String, JobState)>, now: Instant) -> Option<News> {
        if let Some((since, told)) = self.starting
            && MILESTONES.get(told).is_some_and(|milestone| now >= since + *milestone)
        {
            self.starting = Some((since, told + 1));
            return Some(News::Attention(sentence::starting(&self.title, now - since)));
        }
        if self.usable == self.said {
            return None;
        }
        self.said = self.usable;
        let title = self.title.clone();
        if !self.usable? {
            let (observation, waiting) =
                (self.observation.clone(), self.away.as_ref().map_or(0, |(_, jobs)| jobs.len()));
            return Some(News::Lost(Lost { title, observation, waiting }));
        }
        let (since, missed) = self.away.take()?;
        let outcome = Outcome::of(missed.iter().map(|job| jobs.get(job).map(|(_, state)| *state)));
        Some(News::Back(Back { title, after: self.since - since, outcome }))
    }
}

#[cfg(test)]
mod tests;

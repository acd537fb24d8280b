//! What people read, story by story.

use super::Teller;
use crate::{
    diagnosis::Reason,
    discovery::missing_view,
    events::{BackendView, Detail, JobState, JobView, NoticeSeverity, Origin, StateName},
};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;

struct Story {
    teller: Teller,
    now: Instant,
    said: Vec<(NoticeSeverity, String)>,
}

/// The same of another service.
fn of(number: usize, view: BackendView) -> BackendView {
    let title = ["Lamp", "Fan", "Radio", "Clock", "Fan"][number].to_owned();
    BackendView { id: format!("lamp@{}", number + 1), title, ..view }
}

fn view(state: StateName, detail: Detail, reason: Option<&str>) -> BackendView {
    let declaration = serde_json::from_str(r#"{"kind": "lamp", "title": "Lamp"}"#).unwrap();
    let reason = reason.map(|code| Reason::new(code, format!("seen: {code}"), &declaration));
    BackendView {
        id: "lamp@1".to_owned(),
        origin: Origin::Flag,
        state,
        detail,
        reason,
        ..missing_view(&declaration, &BTreeMap::new(), String::new())
    }
}

fn job(id: &str, state: JobState) -> JobView {
    JobView {
        id: id.to_owned(),
        kind: "lamp".to_owned(),
        backend: Some("lamp@1".to_owned()),
        operation: String::new(),
        state,
        reason: None,
        created: String::new(),
        since: String::new(),
        attempt: 1,
        remote_id: None,
        progress: None,
        queue_place: None,
        preview: None,
        previews: 0,
        text: None,
        results: vec![],
        folder: String::new(),
        remote_still_running: false,
    }
}

impl Story {
    fn new() -> Self {
        Self { teller: Teller::default(), now: Instant::now(), said: vec![] }
    }

    /// Connected from the beginning.
    fn well() -> Self {
        let mut story = Self::new();
        story.up();
        story.pass(3_600_000);
        story
    }

    fn see(&mut self, view: &BackendView) {
        self.teller.see(view, self.now);
        self.speak();
    }

    fn up(&mut self) {
        self.see(&view(StateName::Connected, Detail::Ready, None));
    }

    fn down(&mut self, code: &str) {
        self.see(&view(StateName::Disconnected, Detail::Waiting, Some(code)));
    }

    fn jobs(&mut self, jobs: &[(&str, JobState)]) {
        for (id, state) in jobs {
            self.teller.see_job(&job(id, *state));
        }
    }

    fn speak(&mut self) {
        let notices = self.teller.speak(self.now, "");
        self.said.extend(notices.into_iter().map(|notice| (notice.severity, notice.text)));
    }

    fn pass(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        while let Some(due) = self.teller.due().filter(|due| *due <= end) {
            assert!(due >= self.now, "it is woken without an end");
            self.now = due;
            let before = self.teller.due();
            self.speak();
            assert_ne!(self.teller.due(), before, "it is woken without an end");
        }
        self.now = end;
    }

    fn texts(&self) -> Vec<&str> {
        self.said.iter().map(|(_, text)| text.as_str()).collect()
    }
}

#[test]
fn the_first_state_is_no_news() {
    let mut story = Story::well();
    assert!(story.said.is_empty());
    story = Story::new();
    story.down("connection-refused");
    story.pass(600_000);
    assert!(story.said.is_empty(), "{:?}", story.said);
}

#[test]
fn a_loss_and_a_return_are_one_sentence_each() {
    let mut story = Story::well();
    story.jobs(&[
        ("a", JobState::Running),
        ("b", JobState::Running),
        ("c", JobState::Fetching),
        ("d", JobState::Running),
    ]);
    story.down("process-exited");
    for _ in 0..10 {
        story.pass(1_000);
        story.see(&view(StateName::Connecting, Detail::Dial, Some("process-exited")));
        story.down("connection-refused");
    }
    story.pass(229_000);
    story.up();
    story.jobs(&[("a", JobState::Done), ("b", JobState::Done), ("c", JobState::Running), ("d", JobState::Lost)]);
    story.pass(60_000);
    assert_eq!(
        story.said,
        [
            (NoticeSeverity::Problem, "Lamp is not available: seen: process-exited; 4 jobs wait for it".to_owned()),
            (NoticeSeverity::Info, "Lamp is back after 3 min 59 s: 2 finished meanwhile, 1 resumed, 1 lost".to_owned()),
        ]
    );
}

#[test]
fn whoever_was_hardly_away_is_not_spoken_of() {
    let mut story = Story::well();
    story.down("connection-refused");
    story.pass(1_500);
    story.up();
    story.pass(60_000);
    assert!(story.said.is_empty(), "{:?}", story.said);
}

#[test]
fn a_hung_service_is_told_of_as_well() {
    let mut story = Story::well();
    story.see(&view(StateName::Connected, Detail::Unresponsive, Some("no-answer")));
    story.pass(70_000);
    story.up();
    assert_eq!(story.texts(), ["Lamp is not available: seen: no-answer", "Lamp is back after 1 min 10 s"]);
}

#[test]
fn a_service_that_comes_and_goes_is_told_of_four_times_a_minute_at_the_most() {
    for period in [500, 2_500, 5_000, 20_000] {
        let mut story = Story::well();
        let start = story.now;
        let mut times = Vec::new();
        let mut up = true;
        while story.now - start < Duration::from_secs(600) {
            up = !up;
            if up {
                story.up()
            } else {
                story.down("connection-refused")
            }
            story.pass(period);
            times.resize(story.said.len(), story.now);
        }
        for (at, time) in times.iter().enumerate() {
            let within = times[at..].iter().take_while(|later| **later - *time < Duration::from_secs(60)).count();
            assert!(within <= 4, "{within} in a minute at {period} ms: {:?}", story.texts());
        }
        // What is in the end is told when it is steady.
        story.down("connection-refused");
        story.pass(120_000);
        story.up();
        story.pass(120_000);
        assert!(period == 500 && story.said.len() <= 2 || story.texts().last().unwrap().starts_with("Lamp is back"));
    }
}

#[test]
fn a_slow_start_has_milestones() {
    let mut story = Story::new();
    story.down("connection-refused");
    story.pass(10_000);
    for _ in 0..40 {
        story.down("starting");
        story.pass(10_000);
    }
    assert_eq!(
        story.texts(),
        [
            "Lamp has been starting for 1 min; its own window or log tells more",
            "Lamp has been starting for 5 min; its own window or log tells more"
        ]
    );
    assert!(story.said.iter().all(|(severity, _)| *severity == NoticeSeverity::Attention));
    story.up();
    story.pass(600_000);
    assert_eq!(story.said.len(), 2);
}

#[test]
fn switched_off_is_as_somebody_wanted_it() {
    let mut story = Story::well();
    story.see(&view(StateName::Disabled, Detail::Off, None));
    story.pass(60_000);
    story.down("connection-refused");
    story.pass(60_000);
    assert!(story.said.is_empty(), "{:?}", story.said);
}

#[test]
fn services_that_break_down_together_are_told_of_together_and_so_is_their_return() {
    let (up, down) = (
        || view(StateName::Connected, Detail::Ready, None),
        || view(StateName::Disconnected, Detail::Waiting, Some("connection-refused")),
    );
    let mut story = Story::new();
    (0..5).for_each(|number| story.see(&of(number, up())));
    story.pass(3_600_000);
    story.jobs(&[("a", JobState::Running)]);
    for number in 0..5 {
        story.see(&of(number, down()));
        story.pass(400);
    }
    story.pass(7_000);
    for number in 0..5 {
        story.see(&of(number, up()));
        story.pass(700);
    }
    story.jobs(&[("a", JobState::Done)]);
    story.pass(60_000);
    assert_eq!(
        story.texts(),
        [
            "5 services are not available: Lamp, Fan (2), Radio and Clock; a job waits for them",
            "5 services are back after 10 s: Lamp, Fan (2), Radio and Clock; jobs: 1 finished meanwhile"
        ]
    );
}

#[test]
fn whoever_is_alone_among_those_that_are_told_of_keeps_its_own_sentence() {
    let mut story = Story::well();
    story.see(&of(1, view(StateName::Connected, Detail::Ready, None)));
    story.down("process-exited");
    story.pass(10_000);
    story.see(&of(1, view(StateName::Disconnected, Detail::Waiting, Some("connection-refused"))));
    story.pass(10_000);
    story.up();
    story.pass(10_000);
    story.see(&of(1, view(StateName::Connected, Detail::Ready, None)));
    assert_eq!(
        story.texts(),
        [
            "Lamp is not available: seen: process-exited",
            "Fan is not available: seen: connection-refused",
            "Lamp is back after 20 s",
            "Fan is back after 20 s"
        ]
    );
}

/// Losses that go on and on hold up no word about the first for longer than jobs need to settle.
#[test]
fn nobody_is_waited_for_for_long() {
    let mut story = Story::new();
    (0..5).for_each(|number| story.see(&of(number, view(StateName::Connected, Detail::Ready, None))));
    story.pass(3_600_000);
    for number in 0..5 {
        story.see(&of(number, view(StateName::Disconnected, Detail::Waiting, Some("connection-refused"))));
        story.pass(1_500);
    }
    story.pass(10_000);
    assert_eq!(
        story.texts(),
        ["3 services are not available: Lamp, Fan and Radio", "2 services are not available: Clock and Fan"]
    );
}

#[test]
fn a_time_away_that_nobody_was_told_of_counts_for_nothing_later() {
    let mut story = Story::well();
    story.down("connection-refused");
    story.pass(1_000);
    story.up();
    story.pass(3_600_000);
    story.down("connection-refused");
    story.pass(5_000);
    story.up();
    assert_eq!(story.texts(), ["Lamp is not available: seen: connection-refused", "Lamp is back after 5 s"]);
}

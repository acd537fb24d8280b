//! The board on a screen of 80 by 24 characters, without colours.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::{
    board::{Board, List, Over, Wish},
    look::Look,
    screen,
    terminal::Key,
};
use mdd_core::events::{BackendView, Change, Numbered, Snapshot, Update};
use ratatui::{Terminal, backend::TestBackend};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

fn backend(id: &str, with: Value) -> Value {
    let mut backend = json!({
        "id": id, "kind": "lamp", "title": id, "endpoint": "http://127.0.0.1:80", "origin": "default-port",
        "state": "connected", "detail": "ready", "reason": null, "since": "2026-01-01T00:00:00Z", "attempt": 0,
        "next_try_ms": null, "version": "1.2", "flavour": null, "queue": {"running": 1, "pending": 2},
        "latency_ms": {"last": 2.5, "p50": 2.0, "p95": 3.0, "p99": 4.0}, "devices": null, "models": null,
        "uptime": {"session": 0.9996, "hour": 0.9996, "day": 1.0}, "reconnects": 3, "last_errors": [], "process": null,
        "makes": ["image"], "icon": "", "attribution": null, "is_default": false, "projects": [], "needs_word": false,
    });
    backend.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
    backend
}

fn job(id: &str, state: &str, with: Value) -> Value {
    let mut job = json!({
        "id": id, "kind": "lamp", "backend": "lamp", "operation": "glow", "state": state, "reason": null,
        "created": "2026-01-01T00:00:00Z", "since": "2026-01-01T00:00:00Z", "attempt": 1, "remote_id": null,
        "progress": null, "queue_place": null, "preview": null, "previews": 0, "text": null, "results": [],
        "folder": "jobs/1", "remote_still_running": false,
    });
    job.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
    job
}

fn board(backends: Vec<Value>, jobs: Vec<Value>) -> Board {
    let snapshot: Snapshot = serde_json::from_value(json!({
        "seq": 1, "summary": {"severity": "problem", "sentence": "Voices unavailable: B is not running."},
        "backends": backends, "jobs": jobs,
        "notices": [{"at": "2026-01-01T12:34:56Z", "severity": "info", "backend": null, "text": "A is back."}],
    }))
    .unwrap();
    let mut board = Board::default();
    board.take(Update::Snapshot(Box::new(snapshot)), Instant::now());
    board
}

fn drawn(board: &mut Board, now: Instant) -> String {
    drawn_at(80, board, now)
}

fn drawn_at(width: u16, board: &mut Board, now: Instant) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, 24)).unwrap();
    terminal.draw(|frame| screen::draw(frame, board, Look::plain(), now)).unwrap();
    terminal.backend().to_string()
}

fn waiting() -> Value {
    let reason = json!({"code": "connection-refused", "observation": "port 80 refused the connection",
        "meaning": "It is not running.", "remedies": [{"action": "retry", "label": "Try now", "argument": null}]});
    backend(
        "B",
        json!({"state": "disconnected", "detail": "waiting", "reason": reason, "next_try_ms": 12_000, "attempt": 4}),
    )
}

#[test]
fn everything_is_on_one_small_screen() {
    let running = job("j1", "running", json!({"progress": {"step": 5.0, "total": 10.0, "detail": "sampling"}}));
    let mut board = board(vec![backend("A", json!({})), waiting()], vec![running]);
    let screen = drawn(&mut board, Instant::now());
    for part in [
        "✖ Voices unavailable: B is not running.",
        "● A",
        "connected",
        "2.5 ms",
        "99.9 %",
        "1+2",
        "127.0.0.1:80",
        "✖ B",
        "waiting, again in 12 s",
        "running",
        "████░░░░",
        "50 %",
        "sampling",
        " d  A is back.",
        "q leave",
    ] {
        assert!(screen.contains(part), "{part:?} is missing in\n{screen}");
    }
}

#[test]
fn a_countdown_goes_on_without_news() {
    let mut board = board(vec![waiting()], vec![]);
    // Half a second for the time that the test itself takes.
    let later = |seconds: u64| Instant::now() + Duration::from_millis(seconds * 1000 - 500);
    let screen = drawn(&mut board, later(5));
    assert!(screen.contains("again in 8 s") || screen.contains("again in 7 s"), "{screen}");
    assert!(drawn(&mut board, later(60)).contains("again in 0 s"));
}

#[test]
fn the_chosen_one_is_explained() {
    let mut board = board(vec![backend("A", json!({})), waiting()], vec![]);
    assert!(!drawn(&mut board, Instant::now()).contains("refused the connection"));
    assert_eq!(board.press(Key::Down), None);
    assert!(drawn(&mut board, Instant::now()).contains("port 80 refused the connection (connection-refused)"));
    board.press(Key::Enter);
    let screen = drawn(&mut board, Instant::now());
    assert!(screen.contains("It is not running.") && screen.contains("→ Try now"), "{screen}");
    assert_eq!(board.press(Key::Letter('t')), Some(Wish::TryNow("B".to_owned())));
    assert_eq!(board.press(Key::Escape), None, "the details close first");
    assert_eq!(board.press(Key::Escape), Some(Wish::Leave));
}

#[test]
fn a_job_is_cancelled_only_after_a_question() {
    let mut board = board(vec![], vec![job("j1", "done", json!({})), job("j2", "running", json!({}))]);
    assert_eq!(board.press(Key::Letter('c')), None);
    assert_eq!(board.over, Over::Nothing, "no job is chosen yet");
    board.press(Key::Tab);
    assert_eq!(board.list, List::Jobs);
    board.press(Key::Letter('c'));
    assert_eq!(board.over, Over::Confirm("j2".to_owned()), "what is open comes first");
    assert_eq!(board.press(Key::Letter('n')), None);
    board.press(Key::Letter('c'));
    assert!(drawn(&mut board, Instant::now()).contains("Cancel the job j2?"));
    assert_eq!(board.press(Key::Letter('y')), Some(Wish::Cancel("j2".to_owned())));
    board.press(Key::Down);
    board.press(Key::Letter('c'));
    assert_eq!(board.over, Over::Nothing, "what is over cannot be cancelled");
}

#[test]
fn no_service_draws_on_the_screen() {
    let evil = "\u{1b}[2Jred\r\n\u{202e}\u{7}";
    let reason = json!({"code": evil, "observation": evil, "meaning": evil, "remedies": []});
    let backends = vec![backend(
        evil,
        json!({"reason": reason, "version": evil, "last_errors": [{"at": evil, "code": evil, "observation": evil}]}),
    )];
    let mut board = board(backends, vec![job(evil, "failed", json!({"operation": evil, "text": evil}))]);
    for key in [Key::Resize, Key::Enter, Key::Tab] {
        board.press(key);
        let screen = drawn(&mut board, Instant::now());
        assert!(!screen.chars().any(|c| c != '\n' && (c.is_control() || c == '\u{202e}')), "{screen:?}");
    }
}

#[test]
fn a_host_that_is_gone_leaves_nothing_that_looks_true() {
    let mut board = board(vec![backend("A", json!({}))], vec![]);
    board.lose_host();
    let screen = drawn(&mut board, Instant::now());
    assert!(screen.contains("The host has ended") && !screen.contains("connected"), "{screen}");
    for key in [Key::Up, Key::Down, Key::Enter, Key::Letter('t'), Key::Letter('c'), Key::Letter('?')] {
        assert_eq!(board.press(key), None, "{key:?} on nothing");
        drawn(&mut board, Instant::now());
    }
}

#[test]
fn a_host_that_is_back_is_told_of_once() {
    let mut lost = board(vec![], vec![]);
    lost.lose_host();
    let found = board(vec![backend("A", json!({}))], vec![]).snapshot.unwrap();
    lost.take(Update::Snapshot(Box::new(found)), Instant::now());
    let screen = drawn(&mut lost, Instant::now());
    assert!(screen.contains("The host is back.") && !screen.contains("has ended"), "{screen}");
    for _ in 0..10 {
        lost.tick(Instant::now());
    }
    let screen = drawn(&mut lost, Instant::now());
    assert!(screen.contains("q leave") && !screen.contains("host is back."), "{screen}");
}

#[test]
fn a_narrow_screen_keeps_the_names() {
    let mut board = board(vec![backend("Lamp", json!({}))], vec![]);
    let screen = drawn_at(60, &mut board, Instant::now());
    for part in ["● Lamp", "connected", "2.5 ms", "99.9 %", "1+2", "? help"] {
        assert!(screen.contains(part), "{part:?} is missing in\n{screen}");
    }
    assert!(!screen.contains("127.0.0.1"), "{screen}");
}

#[test]
fn who_does_not_answer_leaves_gaps() {
    let start = Instant::now();
    let dead = json!({"state": "disconnected", "detail": "refused"});
    let stopped = json!({"state": "connected", "detail": "suspended"});
    for silent in [dead, stopped] {
        let mut board = board(vec![backend("A", json!({}))], vec![]);
        let mut take = |with: Value, now| {
            let view: BackendView = serde_json::from_value(backend("A", with)).unwrap();
            let summary = board.snapshot.as_ref().unwrap().summary.clone();
            let changes = vec![Numbered { seq: 2, change: Change::Backend(Arc::new(view)) }];
            board.take(Update::Changes { summary, changes }, now);
        };
        take(json!({"queue": null}), start);
        take(silent.clone(), start);
        take(silent.clone(), start);
        assert_eq!(board.times("A"), [Some(2.5), None], "one answer, and one gap until more time has passed");
        for second in 1..=12 {
            board.tick(start + Duration::from_secs(second));
        }
        assert_eq!(board.times("A"), [Some(2.5), None, None, None]);
        let screen = drawn(&mut board, start);
        assert!(screen.contains("█···"), "{screen}");
    }
}

#[test]
fn what_has_no_room_leaves_a_sign() {
    let long = "The lamp was asked for light again and again and did not shine in any of the colours of the rainbow. ";
    let reason = json!({"code": "dark", "observation": long, "meaning": long, "remedies": [
        {"action": "note", "label": long, "argument": null}]});
    let mut board =
        board(vec![backend("A", json!({"reason": reason}))], vec![job("j", "failed", json!({"reason": reason}))]);
    let snapshot = board.snapshot.as_mut().unwrap();
    snapshot.summary.sentence = long.repeat(3);
    snapshot.notices[0].text = long.to_owned();
    let screen = drawn(&mut board, Instant::now());
    let cut = screen.lines().filter(|line| line.trim_matches('"').trim_end().ends_with('…')).count();
    assert_eq!(cut, 5, "headline, reason, remedy, job and notice:\n{screen}");
}

#[test]
fn all_of_a_long_explanation_can_be_read() {
    let remedies: Vec<Value> =
        (0..30).map(|n| json!({"action": "note", "label": format!("step {n}."), "argument": null})).collect();
    let reason = json!({"code": "dark", "observation": "dark", "meaning": "No light.", "remedies": remedies});
    let mut board = board(vec![backend("A", json!({"reason": reason}))], vec![]);
    board.press(Key::Enter);
    let screen = drawn(&mut board, Instant::now());
    assert!(screen.contains("more ↓") && !screen.contains("more ↑") && !screen.contains("step 29."), "{screen}");
    for _ in 0..100 {
        board.press(Key::Down);
        drawn(&mut board, Instant::now());
    }
    let screen = drawn(&mut board, Instant::now());
    assert!(!screen.contains("more ↓") && screen.contains("more ↑") && screen.contains("step 29."), "{screen}");
    board.press(Key::Up);
    assert!(drawn(&mut board, Instant::now()).contains("more ↓"), "it has not scrolled further than the text goes");
    board.press(Key::Escape);
    board.press(Key::Enter);
    assert!(drawn(&mut board, Instant::now()).contains("address"), "it begins at its beginning");
}

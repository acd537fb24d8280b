//! Both ways of looking at a process, at real ones.

use super::{Activity, Process, command_line, portable};
use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime},
};

const SOON: Duration = Duration::from_secs(30);

/// Ends with the test.
struct Started(Child);

impl Started {
    fn shell(script: &str) -> Self {
        let child = Command::new("sh").args(["-c", script]).stdin(Stdio::piped()).spawn();
        Self(child.unwrap())
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, signal).unwrap();
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _reaped_already = self.0.wait();
    }
}

fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + SOON;
    while !condition() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::yield_now();
    }
}

#[test]
fn this_process_lives_works_and_started_a_while_ago() {
    let this = Process::of(std::process::id()).unwrap();
    assert_eq!(this.activity(), Activity::Alive);
    assert!(this.started_at() <= SystemTime::now() + Duration::from_secs(2));
    let before = this.work().unwrap().cpu;
    eventually("work shows", || this.work().unwrap().cpu > before);
    assert_eq!(Process::of(u32::MAX), None);
    assert_eq!(Process { started: this.started + 1, ..this }.activity(), Activity::Gone);
}

#[test]
fn both_ways_see_the_same() {
    let sleeper = Started::shell("read line");
    let pid = sleeper.0.id();
    let this = Process::of(pid).unwrap();
    assert_eq!(portable::state(pid).unwrap().1, Activity::Alive);
    let apart = |one: SystemTime, other: SystemTime| one.duration_since(other).unwrap_or_else(|error| error.duration());
    assert!(apart(portable::start(pid).unwrap().1, this.started_at()) <= Duration::from_secs(2));
    // Whoever starts a program goes on before the kernel has given it its words.
    eventually("it has its words", || command_line(pid) == ["sh", "-c", "read line"]);
    eventually("it has its words", || portable::command_line(pid) == ["sh", "-c", "read line"]);
    assert!(portable::work(std::process::id()).is_some());
    sleeper.signal(rustix::process::Signal::STOP);
    eventually("it is stopped", || this.activity() == Activity::Stopped);
    eventually("it is stopped", || portable::state(pid).unwrap().1 == Activity::Stopped);
    sleeper.signal(rustix::process::Signal::CONT);
    eventually("it goes on", || this.activity() == Activity::Alive);
}

#[test]
fn whoever_descends_from_a_process_is_found() {
    let shell = Started::shell("sh -c 'sleep 60; true' & wait");
    let this = Process::of(shell.0.id()).unwrap();
    eventually("a child and its child", || this.descendants().len() == 2);
    let child = this.descendants()[0];
    for children in [super::system::children, portable::children] {
        assert_eq!(children(this.pid()), [child.pid()]);
    }
    for process in this.descendants() {
        let pid = rustix::process::Pid::from_raw(i32::try_from(process.pid()).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }
}

#[tokio::test]
async fn the_end_is_seen_also_by_those_who_come_late() {
    let mut sleeper = Started::shell("read line");
    let process = Process::of(sleeper.0.id()).unwrap();
    let waiting = tokio::spawn(async move { process.ended().await });
    sleeper.0.kill().unwrap();
    tokio::time::timeout(SOON, waiting).await.unwrap().unwrap();
    // A zombie until it is waited for.
    assert_eq!(process.activity(), Activity::Gone);
    assert_eq!(process.work(), None);
    sleeper.0.wait().unwrap();
    tokio::time::timeout(SOON, process.ended()).await.unwrap();
    tokio::time::timeout(SOON, portable::ended(&process)).await.unwrap();
}

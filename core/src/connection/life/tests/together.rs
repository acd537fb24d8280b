//! A thousand hosts that lose one service at the same moment, for half an hour.

use super::{fault, words, world::Random};
use crate::{
    connection::life::{Command, Input, Life},
    diagnosis::Class,
};
use std::time::Duration;
use tokio::time::Instant;

const HOSTS: u64 = 1_000;
const OUTAGE: Duration = Duration::from_secs(1_800);
/// By then every pause may be as long as pauses get.
const GROWN: usize = 120;

/// When one host tries, in an outage that begins when it starts. `chance` is its own.
fn attempts(begun: Instant, mut chance: impl FnMut() -> u64) -> Vec<Duration> {
    let mut life = Life::new(words(), false, begun);
    let mut attempts = Vec::new();
    let (mut now, mut input) = (begun, Input::TryNow);
    while now < begun + OUTAGE {
        if life.handle(input, now, chance()) == [Command::Dial] {
            attempts.push(now - begun);
            now += Duration::from_millis(1);
            input = Input::Dialed(Err(fault(Class::Gone, "connection-refused")));
        } else {
            now = life.due().expect("it is never given up");
            input = Input::Tick;
        }
    }
    attempts
}

/// Attempts of all hosts in each second.
fn seconds(hosts: &[Vec<Duration>]) -> Vec<f64> {
    let mut seconds = vec![0.0; usize::try_from(OUTAGE.as_secs()).unwrap()];
    for attempt in hosts.iter().flatten() {
        seconds[usize::try_from(attempt.as_secs()).unwrap()] += 1.0;
    }
    seconds
}

/// The fullest second beside the mean, and chi-square for each degree of freedom, which is about one where attempts have
/// nothing to do with each other.
fn crowding(seconds: &[f64]) -> (f64, f64) {
    let mean = seconds.iter().sum::<f64>() / seconds.len() as f64;
    let fullest = seconds.iter().copied().fold(0.0, f64::max);
    let chi_square = seconds.iter().map(|count| (count - mean).powi(2) / mean).sum::<f64>();
    (fullest / mean, chi_square / (seconds.len() - 1) as f64)
}

#[test]
fn hosts_that_lost_a_service_together_do_not_try_it_together() {
    let begun = Instant::now();
    let host = |seed| {
        let mut dice = Random(seed);
        attempts(begun, move || dice.next())
    };
    let hosts: Vec<_> = (0..HOSTS).map(host).collect();
    let counts: Vec<f64> = hosts.iter().map(|attempts| attempts.len() as f64 / 30.0).collect();
    let mean = counts.iter().sum::<f64>() / counts.len() as f64;
    let most = counts.iter().copied().fold(0.0, f64::max);
    println!("in 30 minutes of outage {mean:.2} attempts a minute, {most:.2} at most");
    assert!(mean <= 5.0, "{mean} attempts a minute");

    let all = seconds(&hosts);
    let (fullest, chi_square) = crowding(&all[GROWN..]);
    println!(
        "of {HOSTS} hosts, after two minutes: the fullest second has {fullest:.2} times the mean, chi-square {chi_square:.2} \
         for each degree of freedom; the first seconds have {:?}",
        &all[..10]
    );
    assert!(fullest <= 3.0, "{fullest} times the mean");
    assert!(chi_square < 2.0, "{chi_square}");

    // The same pauses for all would be seen.
    let in_step: Vec<_> = (0..HOSTS).map(|_| attempts(begun, || u64::MAX)).collect();
    let (fullest, _) = crowding(&seconds(&in_step)[GROWN..]);
    assert!(fullest > 3.0, "{fullest} times the mean");
}

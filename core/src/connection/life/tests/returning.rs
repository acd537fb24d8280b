//! A service fails until the pauses are as long as they get, and is back, and nobody says so: no socket is watched, and no user tries.

use super::world::{Figures, Happening, Random, Service, World};
use std::time::Duration;

/// Ten minutes.
const OUTAGE: u64 = 600_000;
const WELL: Service = Service::Up(5);
/// What a service may be like while it is not usable.
const FAILURES: [Service; 7] = [
    Service::Down,
    Service::Starting,
    Service::Busy,
    Service::Hung,
    Service::CutOff,
    Service::Stranger,
    Service::Locked,
];

/// How many attempts it took, and how long.
fn back_from(failure: Service, seed: u64, was_connected: bool) -> (u32, u64) {
    let mut dice = Random(seed ^ 0x0bac);
    let mut world = World::new(seed, None, Duration::from_secs(5)).seeing(seed.is_multiple_of(2), false);
    if was_connected {
        world.happens(Happening::Becomes(WELL)).unwrap();
        world.run_until(60_000).unwrap();
        assert!(world.is_connected());
    }
    world.happens(Happening::Becomes(failure)).unwrap();
    // It may be back at any moment of a pause, or of an attempt.
    world.run_until(world.now + OUTAGE + dice.below(60_000)).unwrap();
    world.happens(Happening::Becomes(WELL)).unwrap();
    let (Figures { attempts, .. }, returned) = (world.figures, world.now);
    while !world.is_connected() {
        world.run_until(world.now + 100).unwrap();
        assert!(world.now < returned + 90_000, "{failure:?}, seed {seed}: not connected after 90 s\n{}", world.log);
    }
    (world.figures.attempts - attempts, world.now - returned)
}

#[test]
fn whatever_returns_after_long_is_connected_within_three_attempts_and_90_seconds() {
    for failure in FAILURES {
        let stories = (0..50).flat_map(|seed| [false, true].map(|was| back_from(failure, seed, was)));
        let (attempts, times): (Vec<u32>, Vec<u64>) = stories.unzip();
        let (most, longest) = (attempts.iter().max().unwrap(), times.iter().max().unwrap());
        println!("{failure:?}: {most} attempts at most, {:.1} s at the longest", *longest as f64 / 1_000.0);
        assert!(*most <= 3, "{failure:?}: {most} attempts");
    }
}

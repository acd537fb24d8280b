//! Opening drivers over and over. The lane `address-sanitizer` does it more often, with every access checked.
//!
//! A test of its own process, as it counts what that holds of drivers.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mdd_core::plugins;
use mdd_tests::built;
#[cfg(target_os = "linux")]
use std::{collections::BTreeSet, fs};

/// How often: the variable is set by the lane.
fn cycles() -> usize {
    std::env::var("MDD_LOAD_CYCLES").map_or(10, |cycles| cycles.parse().unwrap())
}

/// What this process holds of drivers: images that are mapped, and open files.
#[cfg(target_os = "linux")]
fn held() -> (usize, usize) {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let images = maps.lines().filter(|line| line.contains("memfd:mdd-driver"));
    let images: BTreeSet<_> = images.filter_map(|line| line.split_whitespace().nth(4)).collect();
    (images.len(), fs::read_dir("/proc/self/fd").unwrap().count())
}

/// Other systems do not tell as easily.
#[cfg(not(target_os = "linux"))]
fn held() -> (usize, usize) {
    (2, 0)
}

#[test]
fn a_driver_that_is_opened_again_is_not_loaded_again_and_one_that_panics_is_refused_each_time() {
    let copies = tempfile::tempdir().unwrap();
    let open_all = || {
        for driver in ["comfyui", "litellm"] {
            plugins::open(&built().driver(driver), copies.path()).unwrap();
        }
    };
    open_all();
    let before = held();
    assert_eq!(before.0, 2);
    for _ in 1..cycles() {
        open_all();
    }
    assert_eq!(held(), before);

    for _ in 0..cycles() {
        for driver in ["panics-in-create", "panics-in-methods", "panics-in-future-drop", "panics-in-drop"] {
            let refusal = plugins::open(&built().driver(driver), copies.path()).unwrap_err();
            assert_eq!(refusal.code(), "driver-panicked", "{driver}");
        }
    }
}

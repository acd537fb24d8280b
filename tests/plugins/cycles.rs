//! Opening drivers over and over. The lane `address-sanitizer` runs these a thousand times with every access checked.

use mdd_core::plugins;
use mdd_tests::built;
use std::{fs, path::Path};

/// How often: the variable is set by the lane.
fn cycles() -> usize {
    std::env::var("MDD_LOAD_CYCLES").map_or(10, |cycles| cycles.parse().unwrap())
}

/// Files of this folder that are mapped into this process.
#[cfg(target_os = "linux")]
fn mapped(folder: &Path) -> usize {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let folder = folder.to_str().unwrap();
    let files = maps.lines().filter_map(|line| line.split_whitespace().nth(5)).filter(|file| file.starts_with(folder));
    files.collect::<std::collections::BTreeSet<_>>().len()
}

#[cfg(not(target_os = "linux"))]
fn mapped(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn a_driver_that_is_opened_again_is_not_loaded_again() {
    let copies = tempfile::tempdir().unwrap();
    let open_all = || {
        for driver in ["comfyui", "litellm"] {
            plugins::open(&built().driver(driver), copies.path()).unwrap();
        }
    };
    open_all();
    let before = (fs::read_dir(copies.path()).unwrap().count(), mapped(copies.path()));
    assert_eq!(before, (2, 2));
    for _ in 1..cycles() {
        open_all();
    }
    assert_eq!((fs::read_dir(copies.path()).unwrap().count(), mapped(copies.path())), before);
}

#[test]
fn a_driver_that_panics_is_refused_each_time() {
    let copies = tempfile::tempdir().unwrap();
    for _ in 0..cycles() {
        for driver in ["panics-in-create", "panics-in-methods", "panics-in-future-drop", "panics-in-drop"] {
            let refusal = plugins::open(&built().driver(driver), copies.path()).unwrap_err();
            assert_eq!(refusal.code(), "driver-panicked", "{driver}");
        }
    }
}

//! Every recorded file is compared with what the simulator answers to the same request.

mod comfyui;
mod litellm;
mod rvc_python;
mod wan2gp;

use std::{fs, path::PathBuf};

use serde_json::Value;

/// The files of a folder of recordings, sorted.
fn files(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(path(folder, "")).expect("the recordings are there");
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().expect("names are text")).collect();
    names.sort();
    assert!(names.len() > 30, "{folder} has lost its recordings");
    names
}

fn path(folder: &str, name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "fixtures", folder, name].iter().collect()
}

fn text(folder: &str, name: &str) -> String {
    fs::read_to_string(path(folder, name)).unwrap_or_else(|error| panic!("{folder}/{name}: {error}"))
}

fn json(folder: &str, name: &str) -> Value {
    serde_json::from_str(&text(folder, name)).unwrap_or_else(|error| panic!("{folder}/{name}: {error}"))
}

fn lines(folder: &str, name: &str) -> Vec<Value> {
    text(folder, name).lines().filter(|line| !line.is_empty()).map(|line| serde_json::from_str(line).unwrap()).collect()
}

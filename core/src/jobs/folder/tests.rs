//! What services may and may not do to the folder of results.

use super::{Complete, JobFolder, hex, keep, part};
use crate::jobs::names;
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};

fn setup() -> (tempfile::TempDir, JobFolder) {
    let state = tempfile::tempdir().unwrap();
    let folder = JobFolder::create(&state.path().join("jobs"), "job-1").unwrap();
    (state, folder)
}

fn save(folder: &JobFolder, name: &str) -> String {
    // No two have the same bytes, as the same result again is the same file.
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let content = format!("{}", NUMBER.fetch_add(1, Ordering::SeqCst));
    keep(complete(folder, &content), &folder.results(), &names::safe(name), &BTreeSet::new()).unwrap()
}

fn complete(folder: &JobFolder, content: &str) -> Complete {
    let mut part = part(&folder.results()).unwrap();
    part.write_all(content.as_bytes()).unwrap();
    Complete { part, bytes: content.len() as u64, sha256: hex(&Sha256::digest(content)) }
}

/// Every file below a folder that is not in the folder of results.
fn elsewhere(state: &Path, folder: &JobFolder) -> Vec<String> {
    let mut found = Vec::new();
    let mut todo = vec![state.to_owned()];
    while let Some(next) = todo.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                todo.push(entry.path());
            } else if entry.path().parent() != Some(&folder.results()) {
                found.push(entry.path().display().to_string());
            }
        }
    }
    found
}

#[test]
fn every_hostile_name_lands_in_the_folder() {
    let (state, folder) = setup();
    let table = crate::jobs::names::tests::table();
    let names: BTreeSet<String> = table.iter().map(|(given, _)| save(&folder, given)).collect();
    assert_eq!(names.len(), table.len(), "no result takes the place of another");
    let on_disk: BTreeSet<String> = fs::read_dir(folder.results())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(on_disk, names);
    assert_eq!(elsewhere(state.path(), &folder), Vec::<String>::new());
}

#[cfg(unix)]
#[test]
fn a_planted_link_is_neither_followed_nor_replaced() {
    let (state, folder) = setup();
    let target = state.path().join("target");
    fs::write(&target, "mine").unwrap();
    for (link, to) in [("a.png", target.as_path()), ("b.png", Path::new("nowhere")), ("c.png", state.path())] {
        std::os::unix::fs::symlink(to, folder.results().join(link)).unwrap();
        assert_eq!(save(&folder, link), names::numbered(link, 2));
        assert!(fs::symlink_metadata(folder.results().join(link)).unwrap().is_symlink());
    }
    assert_eq!(fs::read_to_string(target).unwrap(), "mine");
    assert!(!folder.results().join("nowhere").exists());
}

#[cfg(unix)]
#[test]
fn a_link_in_place_of_the_folder_is_refused() {
    let (state, folder) = setup();
    fs::remove_dir(folder.results()).unwrap();
    std::os::unix::fs::symlink(state.path(), folder.results()).unwrap();
    assert_eq!(part(&folder.results()).unwrap_err().kind(), std::io::ErrorKind::NotADirectory);
}

#[test]
fn names_are_numbered_also_where_only_the_case_differs() {
    let (_state, folder) = setup();
    assert_eq!(save(&folder, "a.png"), "a.png");
    assert_eq!(save(&folder, "a.png"), "a (2).png");
    let taken = BTreeSet::from([names::key("a.png"), names::key("a (2).png")]);
    let other = keep(complete(&folder, "x"), &folder.results(), "A.PNG", &taken).unwrap();
    assert_eq!(other, "A (3).PNG");
}

#[test]
fn what_an_earlier_process_has_named_is_found_again() {
    let (state, folder) = setup();
    let results = folder.results();
    let again = |content: &str| keep(complete(&folder, content), &results, "a.png", &BTreeSet::new()).unwrap();
    assert_eq!(again("one"), "a.png");
    assert_eq!(again("one"), "a.png", "the same bytes");
    assert_eq!(again("two"), "a (2).png", "other bytes of the same length");
    #[cfg(unix)]
    {
        fs::write(state.path().join("target"), "three").unwrap();
        std::os::unix::fs::symlink(state.path().join("target"), results.join("a (3).png")).unwrap();
        assert_eq!(again("three"), "a (4).png", "a link is none of ours");
    }
    drop(state);
}

#[test]
fn what_was_being_written_is_swept_away() {
    let (_state, folder) = setup();
    save(&folder, "a.png");
    for place in [folder.path(), &folder.results()] {
        fs::write(place.join(".part-x"), "half").unwrap();
    }
    folder.sweep().unwrap();
    let left: Vec<_> = fs::read_dir(folder.results()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["a.png"]);
    assert!(!folder.path().join(".part-x").exists());
}

#[test]
fn a_folder_that_a_power_cut_has_taken_is_made_again() {
    let (state, folder) = setup();
    fs::remove_dir_all(state.path().join("jobs")).unwrap();
    folder.discard(false).unwrap();
    folder.sweep().unwrap();
    assert_eq!(save(&folder, "a.png"), "a.png");
}

#[test]
fn a_result_that_is_not_kept_leaves_nothing() {
    let (_state, folder) = setup();
    drop(part(&folder.results()).unwrap());
    assert_eq!(fs::read_dir(folder.results()).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn folders_are_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let (state, folder) = setup();
    let source = state.path().join("voice.wav");
    fs::write(&source, "abc").unwrap();
    folder.copy_in("voice", &source).unwrap();
    for path in [&state.path().join("jobs"), folder.path(), &folder.results(), &folder.files()] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o700);
    }
}

#[test]
fn files_are_copied_with_their_hash_and_type() {
    let (state, folder) = setup();
    let source = state.path().join("photo.JPG");
    fs::write(&source, "abc").unwrap();
    let record = folder.copy_in("ref", &source).unwrap();
    fs::write(&source, "changed").unwrap();
    assert_eq!((record.name.as_str(), record.bytes, record.media_type.as_str()), ("ref", 3, "image/jpeg"));
    assert_eq!(record.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(fs::read_to_string(folder.files().join(&record.file)).unwrap(), "abc");
    assert_eq!(folder.copy_in("again", &source).unwrap().file, "photo (2).JPG");
    assert!(folder.copy_in("x", state.path()).is_err());
    assert!(folder.copy_in("x", &state.path().join("gone")).is_err());
    assert!(folder.copy_in("x", Path::new("photo.JPG")).unwrap_err().to_string().contains("not absolute"));
}

#[test]
fn ids_that_no_system_takes_as_names_have_folders_too() {
    let (state, _) = setup();
    let jobs = state.path().join("jobs");
    for (id, name) in [("job-1", "job-1 (2)"), ("..", "result"), ("CON", "_CON"), ("a.", "a")] {
        let folder = JobFolder::create(&jobs, id).unwrap();
        assert_eq!(folder.path(), jobs.join(name));
    }
}

#[test]
fn discarding_leaves_results_unless_told_otherwise() {
    let (_state, folder) = setup();
    folder.write_preview("image/png", b"small").unwrap();
    save(&folder, "a.png");
    folder.discard(false).unwrap();
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["results"]);
    folder.discard(true).unwrap();
    assert!(!folder.path().exists());
    let (_state, empty) = setup();
    empty.discard(false).unwrap();
    assert!(!empty.path().exists());
}

//! Finds the scripts of all drivers of this repository, so that no kind has to be named anywhere.

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let drivers = here.join("../../drivers");
    println!("cargo::rerun-if-changed={}", drivers.display());
    let mut list = String::from("&[");
    for driver in sorted(&drivers)? {
        let folder = driver.join("conformance");
        if !folder.is_dir() {
            continue;
        }
        let files = sorted(&folder)?;
        let (scripts, beside): (Vec<_>, Vec<_>) =
            files.iter().partition(|file| file.extension().is_some_and(|ending| ending == "json"));
        let beside: String = beside
            .iter()
            .map(|file| format!("({:?}, include_bytes!({:?}).as_slice()),", name(file), file.display().to_string()))
            .collect();
        for script in scripts {
            let stem = script.file_stem().unwrap_or_default().to_string_lossy();
            let path = script.display().to_string();
            let _infallible = write!(list, "({:?}, {stem:?}, include_str!({path:?}), &[{beside}]),", name(&driver));
        }
    }
    list.push(']');
    fs::write(PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("known.rs"), list)
}

fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

//! The extension for Blender: its checks, and its tests in real Blenders.

mod package;
mod service;
mod window;

pub use package::{make as package, make_for as package_for};

use crate::{
    debian,
    dist::{self, Installation},
    process, venv, workspace,
};
use anyhow::{Context, Result, bail};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Series of Blender that are run as a module, with the tests in each: the oldest and the newest take all of them, those
/// between the ones that depend on the version most. Two run at once, as they mostly wait.
const SERIES: [[(&str, &[&str]); 2]; 2] =
    [[("4.2", &["."]), ("5.2", &["."])], [("4.5", MOST_DEPENDENT), ("5.0", MOST_DEPENDENT)]];
const MOST_DEPENDENT: &[&str] = &["test_life.py", "test_panels.py"];

/// What Blender as a module needs of the system.
const LIBRARIES: &[&str] = &[
    "libx11-6",
    "libxrender1",
    "libxxf86vm1",
    "libxfixes3",
    "libxi6",
    "libxkbcommon0",
    "libgomp1",
    "libsm6",
    "libice6",
    "libxext6",
    "libgl1",
];

/// Types and tests of the modules that know nothing of Blender.
pub fn check_parts(installation: &Installation) -> Result<()> {
    let python = venv::ensure("blender")?;
    let mut mypy = Command::new(&python);
    mypy.current_dir(folder()).args(["-I", "-m", "mypy", "--strict", "--python-version", "3.10"]);
    mypy.args(["--follow-imports", "silent", "--no-error-summary", "--cache-dir"]).arg(std::env::temp_dir());
    process::run(mypy.args(without_blender()?))?;
    for name in ["blender-oldest", "blender"] {
        process::run(&mut pytest(&venv::ensure(name)?, "tests/pure", &["."], installation, &[])?)?;
    }
    Ok(())
}

/// The tests in each Blender, with the host, simulated services, and real ones.
pub fn run_headless(installation: &Installation) -> Result<()> {
    let services = service::start_all()?;
    let real: Vec<String> = services.iter().map(|one| format!("{}={}", one.kind, one.url)).collect();
    let real = real.join(" ");
    for pair in SERIES {
        in_both(pair, "tests/headless", installation, ("MDD_TEST_SERVICES", &real))?;
    }
    send_a_file_around()
}

/// The same tests in two Blenders at once, each of which is told by a variable what it needs to know.
fn in_both(
    pair: [(&str, &[&str]); 2],
    folder: &str,
    installation: &Installation,
    variable: (&str, &str),
) -> Result<()> {
    for (series, _) in pair {
        // Whatever has to be installed for it.
        blender(series)?;
    }
    let started = pair.map(|(series, tests)| -> Result<_> {
        let mut command = pytest(&blender(series)?, folder, tests, installation, &[variable])?;
        // One after the other is read more easily.
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok((series, command.spawn().with_context(|| format!("cannot start Blender {series}"))?))
    });
    let mut failed = Vec::new();
    for one in started {
        let (series, process) = one?;
        let output = process.wait_with_output()?;
        println!("Blender {series}");
        std::io::stdout().write_all(&output.stdout)?;
        std::io::stderr().write_all(&output.stderr)?;
        if !output.status.success() {
            failed.push(format!("in Blender {series}: {}", output.status));
        }
    }
    if failed.is_empty() { Ok(()) } else { bail!("{}", failed.join(", ")) }
}

/// Saved by the oldest, opened and saved by the newest, opened by the oldest: nothing is lost. Blender 4.2 does not open
/// files of 5.2 itself, but those that 4.5 has saved.
fn send_a_file_around() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("film.blend");
    for (series, step) in [("4.2", "write"), ("5.2", "save"), ("4.5", "save"), ("4.2", "check")] {
        let mut python = Command::new(blender(series)?);
        python.current_dir(self::folder().join("tests/headless")).args(["roundtrip.py", step]).arg(&file);
        process::run(python.env("PYTHONDONTWRITEBYTECODE", "1"))
            .with_context(|| format!("{step} in Blender {series}"))?;
    }
    Ok(())
}

/// The packages as Blender's own tool sees them, and in each Blender as users install them.
pub fn check_packages(installation: &Installation) -> Result<()> {
    let packages = package::make_for_tests(installation)?;
    package::check(&packages)?;
    let extension = package::extension(&packages)?.display().to_string();
    let pair: [(&str, &[&str]); 2] = [("4.2", &["."]), ("5.2", &["."])];
    in_both(pair, "tests/packages", installation, ("MDD_TEST_PACKAGE", &extension))
}

/// Scenes in the newest Blender with a window.
pub fn play_scenes(installation: &Installation) -> Result<()> {
    window::play(installation, &package::extension(&package::make_for_tests(installation)?)?)
}

/// The tests in the oldest Blender that can be had.
pub fn run_legacy(installation: &Installation) -> Result<()> {
    window::run_legacy(installation)
}

/// The interpreter with Blender of that series as a module.
fn blender(series: &str) -> Result<PathBuf> {
    let python = venv::ensure(&format!("bpy-{series}"))?;
    let imports = || process::capture(Command::new(&python).args(["-I", "-c", "import bpy"]));
    if imports().is_err() {
        debian::install(LIBRARIES)?;
        imports()?;
    }
    Ok(python)
}

fn pytest(
    python: &Path,
    folder: &str,
    tests: &[&str],
    installation: &Installation,
    variables: &[(&str, &str)],
) -> Result<Command> {
    let mut pytest = Command::new(python);
    pytest.current_dir(self::folder().join(folder)).args(["-m", "pytest", "-q", "-p", "no:cacheprovider"]).args(tests);
    pytest.env("PYTHONDONTWRITEBYTECODE", "1").env("MDD_TEST_PLUGINS", &installation.plugins);
    pytest.env("MDD_TEST_BIN", bin(installation)?).env("MDD_TEST_EXAMPLES", examples());
    pytest.env("MDD_TEST_PAYLOADS", installation.root.join(dist::EXAMPLES));
    pytest.envs(variables.iter().copied());
    Ok(pytest)
}

/// Modules that import nothing of Blender, neither themselves nor through each other.
fn without_blender() -> Result<Vec<PathBuf>> {
    let mut modules = Vec::new();
    for entry in std::fs::read_dir(folder().join("movie_director"))? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "py") {
            modules.push((file.clone(), std::fs::read_to_string(&file)?));
        }
    }
    // Those that import a module with Blender in it have its types.
    let mut with: Vec<String> =
        modules.iter().filter(|(_, text)| text.contains("import bpy")).map(|(file, _)| stem(file)).collect();
    with.extend(["operators".to_owned(), "panels".to_owned()]);
    let knows = |text: &str| text.lines().any(|line| line.starts_with("from . import") && imports(line, &with));
    modules.retain(|(file, text)| !with.contains(&stem(file)) && !knows(text));
    Ok(modules.into_iter().map(|(file, _)| file).collect())
}

fn imports(line: &str, names: &[String]) -> bool {
    line.split(|character: char| !character.is_alphanumeric() && character != '_')
        .any(|word| names.iter().any(|name| name == word))
}

fn stem(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The folder of the programs.
fn bin(installation: &Installation) -> Result<PathBuf> {
    installation.host.parent().map(Path::to_owned).context("a program lies in a folder")
}

/// Examples of the book: parts of Movie Director that use the extension.
fn examples() -> PathBuf {
    workspace::root().join("docs/examples")
}

fn folder() -> PathBuf {
    workspace::root().join("blender_bridge")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_modules_that_others_use_without_blender_are_found() {
        let names: Vec<String> = without_blender().unwrap().iter().map(|file| stem(file)).collect();
        for name in ["api", "bridge", "model", "project", "session", "words"] {
            assert!(names.iter().any(|found| found == name), "{name} is not in {names:?}");
        }
        for name in ["addon", "looks", "preferences", "runtime", "scene"] {
            assert!(!names.iter().any(|found| found == name), "{name} is in {names:?}");
        }
    }
}

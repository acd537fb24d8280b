//! Python environments in the user's cache folder, each keyed by its pins and its interpreter.

use crate::{process, python, tool, workspace};
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One environment that a lane or a test may ask for.
struct Venv {
    name: &'static str,
    /// Series of the interpreter.
    python: &'static str,
    /// File of exact versions, relative to the root.
    pins: &'static str,
}

const VENVS: &[Venv] = &[
    Venv { name: "blender", python: "3.11", pins: "xtask/pins/blender.txt" },
    Venv { name: "blender-oldest", python: "3.10", pins: "xtask/pins/blender-oldest.txt" },
    Venv { name: "bpy-4.2", python: "3.11", pins: "xtask/pins/bpy-4.2.txt" },
    Venv { name: "bpy-4.5", python: "3.11", pins: "xtask/pins/bpy-4.5.txt" },
    Venv { name: "bpy-5.0", python: "3.11", pins: "xtask/pins/bpy-5.0.txt" },
    Venv { name: "bpy-5.2", python: "3.13", pins: "xtask/pins/bpy-5.2.txt" },
    Venv { name: "comfyui-client", python: "3.11", pins: "tests/real/comfyui-client.txt" },
    Venv { name: "gradio-3.14.0", python: "3.10", pins: "tests/real/gradio-3.14.0.txt" },
    Venv { name: "gradio-3.50.2", python: "3.10", pins: "tests/real/gradio-3.50.2.txt" },
    Venv { name: "gradio-4.0.2", python: "3.10", pins: "tests/real/gradio-4.0.2.txt" },
    Venv { name: "gradio-4.44.1", python: "3.10", pins: "tests/real/gradio-4.44.1.txt" },
    Venv { name: "gradio-5.50.0", python: "3.11", pins: "tests/real/gradio-5.50.0.txt" },
    Venv { name: "gradio-6.31.0", python: "3.11", pins: "tests/real/gradio-6.31.0.txt" },
    Venv { name: "litellm-1.75.8", python: "3.11", pins: "tests/real/litellm-1.75.8.txt" },
    Venv { name: "litellm-1.106.2", python: "3.11", pins: "tests/real/litellm-1.106.2.txt" },
    Venv { name: "peers", python: "3.11", pins: "tests/bench/peers.txt" },
    Venv { name: "ruff", python: "3.11", pins: "xtask/pins/ruff.txt" },
];

/// The names that [`ensure`] knows.
pub fn names() -> impl Iterator<Item = &'static str> {
    VENVS.iter().map(|venv| venv.name)
}

/// The interpreter of the environment `name`, which is made when it is missing.
///
/// Any number of threads and processes may ask at once: one makes it and the others wait. Programs of the
/// environment's packages lie beside the interpreter.
pub fn ensure(name: &str) -> Result<PathBuf> {
    let venv = VENVS.iter().find(|venv| venv.name == name).with_context(|| {
        format!("no environment is called {name}; there are {}", names().collect::<Vec<_>>().join(", "))
    })?;
    let pins = workspace::root().join(venv.pins);
    let python = python::find(venv.python)?;
    let folder = tool::cache()?.join("venvs").join(format!("{name}-{}", key(&fs::read(&pins)?, &python)));
    let interpreter = interpreter(&folder);
    tool::once(&folder, || {
        eprintln!("installing the Python environment {name}, once");
        make(&python, &folder, &pins).with_context(|| format!("cannot make the Python environment {name}"))
    })?;
    Ok(interpreter)
}

/// Ten digits that change with the pins and with the interpreter, since an environment outlives neither.
fn key(pins: &[u8], python: &python::Python) -> String {
    let mut hash = Sha256::new();
    hash.update(pins);
    hash.update(&python.version);
    hash.update(python.program.as_os_str().as_encoded_bytes());
    hash.finalize().iter().take(5).map(|byte| format!("{byte:02x}")).collect()
}

fn make(python: &python::Python, folder: &Path, pins: &Path) -> Result<()> {
    process::run(Command::new(&python.program).args(["-I", "-m", "venv"]).arg(folder))?;
    let pip = |words: &[&str]| {
        let mut command = Command::new(interpreter(folder));
        command.args(["-I", "-m", "pip", "--disable-pip-version-check", "--no-input"]).args(words);
        command
    };
    // The pins are the whole truth: nothing is resolved, and `check` proves that nothing was left out.
    let mut install = pip(&["install", "--quiet", "--no-deps", "--only-binary", ":all:", "--requirement"]);
    process::run(install.arg(pins))?;
    process::capture(&mut pip(&["check"]))?;
    Ok(())
}

fn interpreter(folder: &Path) -> PathBuf {
    if cfg!(windows) { folder.join("Scripts").join("python.exe") } else { folder.join("bin").join("python") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_environment_has_exact_pins_for_all_its_packages() {
        for venv in VENVS {
            let pins = fs::read_to_string(workspace::root().join(venv.pins)).unwrap();
            for line in pins.lines().filter(|line| !line.starts_with('#')) {
                assert_eq!(line.split("==").count(), 2, "{}: {line:?} pins no exact version", venv.pins);
            }
        }
    }

    #[test]
    fn the_key_follows_pins_and_interpreter() {
        let python = |version: &str| python::Python { program: "python".into(), version: version.into() };
        assert_eq!(key(b"a==1", &python("3.11.7")), key(b"a==1", &python("3.11.7")));
        assert_ne!(key(b"a==1", &python("3.11.7")), key(b"a==2", &python("3.11.7")));
        assert_ne!(key(b"a==1", &python("3.11.7")), key(b"a==1", &python("3.11.8")));
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = ensure("nothing").unwrap_err().to_string();
        assert!(error.contains("litellm-1.106.2"), "{error}");
    }
}

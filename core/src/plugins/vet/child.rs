//! The child's side of vetting.

use crate::plugins::{Refusal, content::Content, image::Image, inspect, load, trial};
use serde::{Deserialize, Serialize};
use std::{
    io::{self, Write},
    path::Path,
};

/// No trial takes as long.
const SECONDS: u64 = 10;

/// What the child tells, one line each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// What it does next.
    At(String),
    /// Nothing speaks against the file.
    Good,
    /// Something does.
    Refused {
        /// Stable name.
        code: String,
        /// One line for people.
        reason: String,
        /// What helps.
        remedy: String,
    },
}

/// Takes a file from stdin, tries it, and tells on `out`. `copies`: for systems that can only load from a file.
///
/// # Errors
/// When nobody listens any more, or nothing can be read.
pub fn run(out: &mut impl Write, copies: &Path) -> io::Result<()> {
    let content = Content::copy(io::stdin());
    least_power(SECONDS);
    let verdict = judge(content, copies, &mut |place| {
        // Nobody who does not listen can be told.
        let _told = say(out, &Said::At(place.to_owned()));
    });
    let said = match verdict {
        Ok(()) => Said::Good,
        Err(refusal) => Said::Refused {
            code: refusal.code().to_owned(),
            reason: refusal.to_string(),
            remedy: refusal.remedy().to_owned(),
        },
    };
    say(out, &said)
}

fn judge(content: Result<Content, Refusal>, copies: &Path, at: &mut dyn FnMut(&str)) -> Result<(), Refusal> {
    let file = inspect::inspect_content(Path::new("the file"), content?)?;
    let image = Image::of(&file, copies)?;
    at("load");
    let driver = load::load(file, image)?;
    trial::run(&driver, at)
}

fn say(out: &mut impl Write, said: &Said) -> io::Result<()> {
    let mut line = serde_json::to_vec(said)?;
    line.push(b'\n');
    out.write_all(&line)?;
    out.flush()
}

/// Takes away from this process what no driver needs, for one that was started to try one. `seconds`: of a processor.
#[cfg(unix)]
pub fn least_power(seconds: u64) {
    use rustix::process::{Resource, Rlimit, setrlimit};
    /// Far above what loading and trying takes, host included.
    const MEMORY: u64 = 2 << 30;
    let limits = [(Resource::As, MEMORY), (Resource::Core, 0), (Resource::Cpu, seconds), (Resource::Nofile, 64)];
    for (resource, most) in limits {
        // A lower limit that is in force already stays.
        let _in_force = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    }
    #[cfg(target_os = "linux")]
    {
        // An old kernel cannot.
        let _set = rustix::thread::set_no_new_privs(true);
    }
}

/// Takes away from this process what no driver needs, where the system can.
#[cfg(not(unix))]
pub fn least_power(_seconds: u64) {}

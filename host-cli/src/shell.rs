//! `completions` and `man`: what a shell and its reader know of the commands.

use crate::{Verdict, arguments::Arguments, completing, stdout};
use clap::CommandFactory as _;
use clap_complete::Shell;
use std::{fs, io::Write as _, path::Path};

pub(crate) fn completions(shell: Shell) -> anyhow::Result<Verdict> {
    stdout::ours()?.write_all(&completing::script(shell)?)?;
    Ok(Verdict::InOrder)
}

/// A page for each command, named as `man` wants it.
pub(crate) fn man(folder: &Path) -> anyhow::Result<Verdict> {
    fs::create_dir_all(folder)?;
    clap_mangen::generate_to(Arguments::command().disable_help_subcommand(true), folder)?;
    Ok(Verdict::InOrder)
}

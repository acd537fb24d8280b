//! `completions` and `man`: what a shell and its reader know of the commands.

use crate::{Verdict, arguments::Arguments, stdout};
use clap::CommandFactory as _;
use clap_complete::Shell;
use std::{fs, io::Write as _, path::Path};

pub(crate) fn completions(shell: Shell) -> anyhow::Result<Verdict> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "mdd-host", &mut text);
    // For bash clap_complete 4.6 writes the hyphen of our name in two ways, of which its script finds only one.
    let text = String::from_utf8(text)?.replace("mdd__subcmd__host", "mdd__host");
    stdout::ours()?.write_all(text.as_bytes())?;
    Ok(Verdict::InOrder)
}

/// A page for each command, named as `man` wants it.
pub(crate) fn man(folder: &Path) -> anyhow::Result<Verdict> {
    fs::create_dir_all(folder)?;
    clap_mangen::generate_to(Arguments::command().disable_help_subcommand(true), folder)?;
    Ok(Verdict::InOrder)
}

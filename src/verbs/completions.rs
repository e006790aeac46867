//! `completions`: what a shell needs to complete our verbs and flags.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{Ended, print_bytes};

/// Prints the script for a shell.
pub(super) fn run(shell: Shell) -> Ended {
    let mut script = Vec::new();
    let mut command = crate::Arguments::command();
    let name = command.get_name().to_owned();
    clap_complete::generate(shell, &mut command, name, &mut script);
    print_bytes(&script)
}

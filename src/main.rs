//! The program: closed to other processes first, then one command.

use std::process::ExitCode;

use anyrole::cli;
use anyrole::env::Environment;

/// The allocator of the static build. That of musl maps and unmaps pages so often that it takes a tenth of each cached run.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    // First of all, before an argument or a variable is read.
    let privileges = anyrole::process::close_to_others();
    ExitCode::from(cli::run(privileges, std::env::args_os(), Environment::process()))
}

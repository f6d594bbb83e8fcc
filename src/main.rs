//! The program: it first closes itself to other processes, then runs one command.

use std::process::ExitCode;

use anyrole::cli;
use anyrole::env::Environment;

/// The allocator of the static build. musl's maps and unmaps pages so often that it takes a tenth of each cached run.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    // Before any argument or variable is read.
    let privileges = anyrole::process::close_to_others();
    ExitCode::from(cli::run(privileges, std::env::args_os(), Environment::process()))
}

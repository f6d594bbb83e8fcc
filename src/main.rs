//! The program: closed to other processes first, then one command.

use std::process::ExitCode;

use anyrole::cli;
use anyrole::env::Environment;

fn main() -> ExitCode {
    // First of all, before an argument or a variable is read.
    let privileges = anyrole::process::close_to_others();
    ExitCode::from(cli::run(privileges, std::env::args_os(), Environment::process()))
}

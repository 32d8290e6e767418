//! The command line of coretool.

use std::process::ExitCode;

use coretool::cli;

fn main() -> ExitCode {
    cli::main(std::env::args_os()).into()
}

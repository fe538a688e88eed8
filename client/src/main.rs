//! `vscsi-helper`, the workstation's program. Everything is in the library; here it meets the process.

use std::process::ExitCode;

fn main() -> ExitCode {
    vscsi_helper::cli::main(std::env::args_os())
}

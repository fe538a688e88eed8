//! The program `vscsi-agent`; everything it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(vscsi_agent::run(std::env::args_os()))
}

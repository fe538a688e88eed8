//! `cargo xtask`: the project's own tasks.

mod bench;
mod binaries;
mod cli;
mod demo;
mod dependencies;
mod fuzz;
mod needs;
mod newer_fio;
mod notices;
mod process;
mod python;
mod readers;
mod script;
mod test;
mod tidy;
mod torture;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            process::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

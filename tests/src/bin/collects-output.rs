//! What the agent must not do: collects a program's output with `Command::output`, which panics where pipes refuse
//! `FIONBIO`. The ESXi-like filter has teeth when this fails under it and works without it.

use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    match Command::new("/bin/echo").arg("collected").output() {
        Ok(output) if output.stdout == b"collected\n" => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

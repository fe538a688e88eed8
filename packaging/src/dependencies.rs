//! What the dependencies bring, held against `deny.toml` by cargo-deny: licences, sources, second versions, advisories.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::process;

/// The version that `deny.toml` is written for.
const VERSION: &str = "0.20.2";

/// Checks the dependencies. Advisories come from a database on the network; where it cannot be reached, that is said
/// and the rest is checked all the same.
///
/// # Errors
/// When a rule is broken, or cargo-deny cannot be built.
pub(crate) fn check() -> Result<()> {
    let program = installed()?;
    // A second version that is gone must leave the list of those allowed.
    let offline = ["check", "--deny", "unmatched-skip", "licenses", "bans", "sources"];
    process::run(&mut deny(&program, &offline)?)?;
    let fetched = deny(&program, &["fetch", "db"])?.stderr(Stdio::null()).status();
    if fetched.is_ok_and(|status| status.success()) {
        process::run(&mut deny(&program, &["check", "--disable-fetch", "advisories"])?)
    } else {
        process::say("advisories: NOT CHECKED, because the database of RustSec cannot be fetched from here");
        Ok(())
    }
}

fn deny(program: &Path, arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(program);
    command.current_dir(process::repository()?).arg("--locked");
    command.args(arguments).stdin(Stdio::null());
    Ok(command)
}

/// cargo-deny below the target directory, built when it is not there yet. Without optimisation that takes a third of
/// the time, and the check itself takes seconds either way.
fn installed() -> Result<PathBuf> {
    let root = process::target_directory()?.join("tools");
    let program = root.join("bin").join("cargo-deny");
    if !is_of_version(&program) {
        let mut install = process::cargo([
            "install",
            "--locked",
            "--quiet",
            "--debug",
            "cargo-deny",
            "--version",
            VERSION,
        ])?;
        install.arg("--root").arg(&root).env("CARGO_PROFILE_DEV_DEBUG", "0");
        process::run(&mut install)?;
    }
    Ok(program)
}

fn is_of_version(program: &Path) -> bool {
    let output = Command::new(program).arg("--version").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == format!("cargo-deny {VERSION}").as_bytes())
}

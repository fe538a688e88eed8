//! The checks of the agent in Python: style, types, the oldest library it may use, and its unit tests.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::process;

/// Interpreters that hosts have, oldest first: the tests run on every one that is here, besides the system's own.
const INTERPRETERS: &[&str] = &["python3.5", "python3.6", "python3.7", "python3.8"];

/// Checks the sources of the script and runs its tests.
///
/// # Errors
/// When a check or a test fails, or the checkers cannot be installed.
pub(crate) fn check() -> Result<()> {
    let checkers = checkers()?;
    let checks: [(&str, &[&str]); 3] = [
        ("flake8", &["."]),
        ("mypy", &["--package", "vscsi_agent"]),
        (
            "vermin",
            &["--target=3.5-", "--no-tips", "--quiet", "__main__.py", "vscsi_agent"],
        ),
    ];
    for (program, arguments) in checks {
        process::run(
            Command::new(checkers.join("bin").join(program))
                .args(arguments)
                .current_dir(folder()?),
        )?;
    }
    test()
}

/// Runs the unit tests of the script.
///
/// # Errors
/// When one fails.
pub(crate) fn test() -> Result<()> {
    let found = INTERPRETERS.iter().filter(|interpreter| runs(interpreter));
    for interpreter in found.chain(&["python3"]) {
        process::run(
            Command::new(interpreter)
                .args(["-B", "-m", "unittest", "discover", "--quiet", "-s", "tests", "-t", "."])
                .current_dir(folder()?),
        )?;
    }
    Ok(())
}

/// The folder of the script.
///
/// # Errors
/// When the repository is not found.
pub(crate) fn folder() -> Result<PathBuf> {
    Ok(process::repository()?.join("agent").join("script"))
}

/// An environment with the checkers below the target directory, made when it is not there as it should be.
fn checkers() -> Result<PathBuf> {
    let environment = process::target_directory()?.join("script-checks");
    let wanted = folder()?.join("tests").join("requirements.txt");
    let installed = environment.join("requirements.txt");
    let list = std::fs::read(&wanted).with_context(|| format!("{} cannot be read", wanted.display()))?;
    if std::fs::read(&installed).is_ok_and(|found| found == list) {
        return Ok(environment);
    }
    process::run(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&environment),
    )?;
    let pip = environment.join("bin").join("pip");
    process::run(
        Command::new(pip)
            .args(["install", "--quiet", "--disable-pip-version-check", "--requirement"])
            .arg(&wanted),
    )?;
    std::fs::write(&installed, list).with_context(|| format!("{} cannot be written", installed.display()))?;
    Ok(environment)
}

/// The interpreter is here and works: a shim of that name may be there without one.
fn runs(interpreter: impl AsRef<Path>) -> bool {
    let run = Command::new(interpreter.as_ref())
        .args(["-c", "pass"])
        .stderr(Stdio::null())
        .status();
    run.is_ok_and(|status| status.success())
}

//! The checks of the agent in Python: style, types, the oldest library it may use, and its unit tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::{process, python};

/// Interpreters that hosts have, oldest first: the tests run on every one that is here, besides the system's own.
const INTERPRETERS: &[&str] = &["python3.5", "python3.6", "python3.7", "python3.8"];

/// Checks the sources of the script and runs its tests.
///
/// # Errors
/// When a check or a test fails, or the checkers cannot be installed.
pub(crate) fn check() -> Result<()> {
    let list = folder()?.join("tests").join("requirements.txt");
    let list = fs::read_to_string(&list).with_context(|| format!("{} cannot be read", list.display()))?;
    let python = python::environment("script-checks", &list.lines().collect::<Vec<_>>())?;
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
            Command::new(python.with_file_name(program))
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

/// The interpreter is here and works: a shim of that name may be there without one.
fn runs(interpreter: impl AsRef<Path>) -> bool {
    let run = Command::new(interpreter.as_ref())
        .args(["-c", "pass"])
        .stderr(Stdio::null())
        .status();
    run.is_ok_and(|status| status.success())
}

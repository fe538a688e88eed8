//! The checks of the agent in Python: style, types, the oldest library it may use, and its unit tests.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::{process, python};

/// Interpreters that hosts have, oldest first: the tests run on every one that is here, besides the system's own.
const INTERPRETERS: &[&str] = &["python3.5", "python3.6", "python3.7", "python3.8"];

/// The end-to-end tests that the agent takes part in: one suite for both programs.
const CONFORMANCE: &[&str] = &[
    "agent_cleanup",
    "agent_crash",
    "agent_doctor",
    "agent_faults",
    "agent_handover",
    "agent_http",
    "agent_life",
    "agent_restart_mode",
    "agent_spool",
    "agent_switch",
    "client_disk",
    "client_gone",
    "client_journey",
    "client_list",
    "client_pull",
    "client_watch",
    "main_job",
    "torture",
];

/// Tests of that suite that are not about the script, and why.
const EXCUSED: &[(&str, &str)] = &[(
    "a_job_works_under_every_variant_of_the_filter",
    "the interpreter itself does not start where getrandom answers EINVAL",
)];

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

/// The words for `cargo test` that run the agent's end-to-end tests against the script.
pub(crate) fn conformance() -> Vec<String> {
    let mut words = vec!["--workspace".to_owned()];
    for test in CONFORMANCE {
        words.extend(["--test".to_owned(), (*test).to_owned()]);
    }
    words.push("--".to_owned());
    for (test, reason) in EXCUSED {
        process::say(&format!("not for the script: {test}: {reason}"));
        words.extend(["--skip".to_owned(), (*test).to_owned()]);
    }
    words
}

/// The script as a program, as it is shipped and with its fault points: each a file that lets the system's Python run a
/// folder beside it.
///
/// # Errors
/// When it cannot be put into the target directory.
pub(crate) fn programs() -> Result<[PathBuf; 2]> {
    let place = process::target_directory()?.join("agent-script");
    Ok([
        program(&place.join("shipped"), false)?,
        program(&place.join("with-fault-points"), true)?,
    ])
}

fn program(place: &Path, with_fault_points: bool) -> Result<PathBuf> {
    let (sources, script) = (folder()?, place.join("vscsi-agent-script"));
    if script.exists() {
        fs::remove_dir_all(&script).with_context(|| format!("{} cannot be removed", script.display()))?;
    }
    copy(&sources.join("vscsi_agent"), &script.join("vscsi_agent"))?;
    fs::copy(sources.join("__main__.py"), script.join("__main__.py"))?;
    if with_fault_points {
        fs::copy(sources.join("tests/fault.py"), script.join("vscsi_agent/fault.py"))?;
    }
    let program = place.join("vscsi-agent");
    let text = format!("#!/bin/sh\nexec /usr/bin/python3 -BEs '{}' \"$@\"\n", script.display());
    fs::write(&program, text).with_context(|| format!("{} cannot be written", program.display()))?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    Ok(program)
}

/// Copies the Python files of a folder and of those in it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("{} cannot be made", to.display()))?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let copied = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy(&path, &copied)?;
        } else if path.extension().is_some_and(|extension| extension == "py") {
            fs::copy(&path, &copied)?;
        }
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

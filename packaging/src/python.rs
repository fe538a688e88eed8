//! Environments of Python packages below the target directory, made once and again when their list changes.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process;

/// The interpreter of an environment `name` that holds `packages`, each as `pip` is told it, with its version.
///
/// # Errors
/// When the environment cannot be made or a package cannot be installed.
pub(crate) fn environment(name: &str, packages: &[&str]) -> Result<PathBuf> {
    let folder = process::target_directory()?.join("python").join(name);
    let python = folder.join("bin").join("python");
    // Written last, so that an environment that was broken off is made anew.
    let (made_of, wanted) = (folder.join("packages.txt"), packages.join("\n"));
    if fs::read_to_string(&made_of).is_ok_and(|made_of| made_of == wanted) {
        return Ok(python);
    }
    process::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--only-binary",
        ":all:",
    ];
    process::run(Command::new(&python).args(pip).args(packages))?;
    fs::write(&made_of, wanted).with_context(|| format!("{} cannot be written", made_of.display()))?;
    Ok(python)
}

//! Rules of the repository that no other tool checks.

mod file;
mod paths;
mod stair;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::process;

/// Checks every file that git tracks, and says in which order the modules of the client stand.
///
/// # Errors
/// All violations, one a line.
pub(crate) fn check() -> Result<()> {
    let root = process::repository()?;
    let mut violations = Vec::new();
    for file in tracked_files(&root)? {
        violations.extend(file::violations(&root, &file)?);
    }
    violations.extend(stair::missing_modules(&root));
    if violations.is_empty() {
        process::say(&stair::shown());
        return Ok(());
    }
    bail!("the repository's own rules are broken:\n  {}", violations.join("\n  "));
}

fn tracked_files(root: &Path) -> Result<Vec<PathBuf>> {
    let output = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root)
        .output()
        .context("git cannot be run")?;
    // Without a repository git lists nothing, and nothing would break a rule.
    if !output.status.success() {
        bail!(
            "git cannot list the files: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let list = String::from_utf8(output.stdout).context("git lists a file whose name is not UTF-8")?;
    Ok(list
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(PathBuf::from)
        .collect())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_repository_keeps_its_rules() {
        super::check().unwrap();
    }
}

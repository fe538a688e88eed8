//! Rules of the repository that no other tool checks.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::process;

/// Longest source file, lines.
const LONGEST_FILE_LINES: usize = 600;
/// Longest `main.rs`, lines.
const LONGEST_MAIN_LINES: usize = 30;
/// What stands at the top of the repository, and nothing else.
const TOP_LEVEL: &[&str] = &[
    ".cargo",
    ".ci",
    ".gitattributes",
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "Cross.toml",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "agent",
    "client",
    "clippy.toml",
    "deny.toml",
    "fixtures",
    "packaging",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "shared",
    "tests",
];
/// The one folder that may mention the data frame library.
const FRAME_FOLDER: &str = "client/src/table";

/// Checks every file that git tracks.
///
/// # Errors
/// All violations, one a line.
pub(crate) fn check() -> Result<()> {
    let root = process::repository()?;
    let mut violations = Vec::new();
    for file in tracked_files(&root)? {
        violations.extend(violations_of(&root, &file)?);
    }
    if violations.is_empty() {
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

fn violations_of(root: &Path, file: &Path) -> Result<Vec<String>> {
    let mut violations = Vec::new();
    let shown = file.display();
    if let Some(top) = file.iter().next().and_then(|part| part.to_str())
        && !TOP_LEVEL.contains(&top)
    {
        violations.push(format!("{shown}: `{top}` does not belong to the top of the repository"));
    }
    if file.extension().is_none_or(|extension| extension != "rs") || !root.join(file).is_file() {
        return Ok(violations);
    }
    let text = std::fs::read_to_string(root.join(file)).with_context(|| format!("{shown} cannot be read"))?;
    let lines = text.lines().count();
    let is_main = file.ends_with("src/main.rs");
    let longest = if is_main {
        LONGEST_MAIN_LINES
    } else {
        LONGEST_FILE_LINES
    };
    if lines > longest {
        violations.push(format!("{shown}: {lines} lines, {longest} are allowed"));
    }
    if file
        .file_stem()
        .is_some_and(|stem| stem == "utils" || stem == "util" || stem == "helpers")
    {
        violations.push(format!("{shown}: a module is named for what it holds"));
    }
    if text.contains("polars::") && !file.starts_with(FRAME_FOLDER) && !file.starts_with("packaging") {
        violations.push(format!("{shown}: only {FRAME_FOLDER} may use polars"));
    }
    if is_crate_root_or_module(file) && !text.starts_with("//!") {
        violations.push(format!("{shown}: it does not begin by saying what it is for (`//!`)"));
    }
    Ok(violations)
}

/// Every source file is a module with a purpose, except the pieces that a test binary includes.
fn is_crate_root_or_module(file: &Path) -> bool {
    file.components().any(|part| part.as_os_str() == "src")
}

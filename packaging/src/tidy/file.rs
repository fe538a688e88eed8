//! Rules that each file is held to by itself.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::stair;

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

/// What is wrong with a tracked file, by its path in the repository.
///
/// # Errors
/// When it cannot be read, or is no Rust where it should be.
pub(super) fn violations(root: &Path, file: &Path) -> Result<Vec<String>> {
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
    violations.extend(stair::violations(file, &text)?);
    Ok(violations)
}

/// Every source file is a module with a purpose, except the pieces that a test binary includes.
fn is_crate_root_or_module(file: &Path) -> bool {
    file.components().any(|part| part.as_os_str() == "src")
}

//! The texts of the terms of a crate.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::linked::Package;
use crate::process;

/// How the files begin that hold terms or names of authors.
const BEGINNINGS: [&str; 6] = ["LICENSE", "LICENCE", "UNLICENSE", "COPYING", "COPYRIGHT", "NOTICE"];
/// Code of others inside crates that wrap a library in C, below the folder of the crate.
const WRAPPED: &[(&str, &str)] = &[
    ("libmimalloc-sys", "c_src/mimalloc/v2/LICENSE"),
    ("libmimalloc-sys", "c_src/mimalloc/v3/LICENSE"),
    ("lz4-sys", "liblz4/lib/LICENSE"),
    ("zstd-sys", "zstd/LICENSE"),
];

/// The texts that go with a crate: where MIT may be chosen, its own. A crate that comes without any has them in
/// `packaging/notices`, from the repository that it was made from.
///
/// # Errors
/// When there is none, or a file cannot be read.
pub(super) fn of(package: &Package) -> Result<Vec<String>> {
    let mut files = files_in(&package.folder)?;
    if chooses_mit(&package.licence) && files.iter().any(|file| names(file, "MIT")) {
        files.retain(|file| names(file, "MIT") || names(file, "NOTICE") || names(file, "COPYRIGHT"));
    }
    if files.is_empty() {
        let supplied = process::repository()?
            .join("packaging/notices")
            .join(format!("{}.txt", package.name));
        if !supplied.is_file() {
            bail!(
                "{} {} comes without the text of its terms ({}): put it into {}",
                package.name,
                package.version,
                package.licence,
                supplied.display()
            );
        }
        files.push(supplied);
    }
    let wrapped = WRAPPED.iter().filter(|(name, _)| *name == package.name);
    files.extend(wrapped.map(|(_, file)| package.folder.join(file)));
    files.iter().map(|file| read(file)).collect()
}

/// The text of a file, without carriage returns and blank ends.
///
/// # Errors
/// When it cannot be read.
pub(super) fn read(file: &Path) -> Result<String> {
    let bytes = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    Ok(lines.join("\n").trim_matches('\n').to_owned())
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let listing = std::fs::read_dir(folder).with_context(|| format!("{} cannot be listed", folder.display()))?;
    let mut files: Vec<PathBuf> = listing
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file() && begins_as_terms(path))
        .collect();
    files.sort();
    Ok(files)
}

fn begins_as_terms(file: &Path) -> bool {
    let name = upper_name(file);
    BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}

/// The terms are MIT, or may be by choice.
fn chooses_mit(licence: &str) -> bool {
    !licence.contains("AND") && licence.split([' ', '/', '(', ')']).any(|word| word == "MIT")
}

fn names(file: &Path, what: &str) -> bool {
    upper_name(file).contains(what)
}

fn upper_name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mit_is_chosen_where_the_terms_leave_the_choice() {
        for licence in ["MIT", "MIT OR Apache-2.0", "Unlicense/MIT", "Apache-2.0 / MIT"] {
            assert!(chooses_mit(licence), "{licence}");
        }
        for licence in [
            "Apache-2.0",
            "MIT AND Apache-2.0",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "MIT-0",
        ] {
            assert!(!chooses_mit(licence), "{licence}");
        }
    }
}

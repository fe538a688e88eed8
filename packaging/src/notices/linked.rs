//! The crates that cargo links into the shipped programs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::process;

/// The programs, and the targets that each is shipped for.
const SHIPPED: &[(&str, &[&str])] = &[
    (
        "vscsi-helper",
        &[
            "x86_64-unknown-linux-gnu",
            "aarch64-unknown-linux-gnu",
            "x86_64-apple-darwin",
            "aarch64-apple-darwin",
            "x86_64-pc-windows-msvc",
        ],
    ),
    ("vscsi-agent", &["x86_64-unknown-linux-musl"]),
];

/// A crate.
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    /// Its terms, as an SPDX expression.
    pub(super) licence: String,
    /// Where its source is.
    pub(super) folder: PathBuf,
}

/// What `cargo metadata` says of all packages that some target or some feature may need.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Described>,
}

#[derive(Deserialize)]
struct Described {
    name: String,
    version: String,
    license: Option<String>,
    manifest_path: PathBuf,
    /// `None` for those of this workspace.
    source: Option<String>,
}

/// Every crate of others that a shipped program is linked from, by name and version.
///
/// # Errors
/// When cargo cannot list them, or one names no terms.
pub(super) fn packages() -> Result<Vec<Package>> {
    let metadata: Metadata = serde_json::from_str(&answer(&["metadata", "--locked", "--format-version", "1"])?)?;
    let mut described: BTreeMap<(String, String), Described> = metadata
        .packages
        .into_iter()
        .map(|package| ((package.name.clone(), package.version.clone()), package))
        .collect();
    let mut found = Vec::new();
    for (name, version) in linked()? {
        let key = (name, version);
        let Some(package) = described.remove(&key) else {
            bail!("cargo tree names {} {}, and cargo metadata does not", key.0, key.1);
        };
        if package.source.is_none() {
            continue;
        }
        let (name, version) = key;
        found.push(Package {
            licence: package.license.with_context(|| format!("{name} names no terms"))?,
            folder: package.manifest_path.parent().map(PathBuf::from).unwrap_or_default(),
            name,
            version,
        });
    }
    Ok(found)
}

/// Names and versions. Only `cargo tree` looks at which features are on for which target.
fn linked() -> Result<BTreeSet<(String, String)>> {
    let mut found = BTreeSet::new();
    for (program, targets) in SHIPPED {
        for target in *targets {
            let tree = answer(&[
                "tree",
                "--locked",
                "--edges=normal,no-proc-macro",
                "--prefix=none",
                "--package",
                program,
                "--target",
                target,
            ])?;
            found.extend(tree.lines().filter_map(|line| {
                let (name, rest) = line.split_once(" v")?;
                let version = rest.split(' ').next()?;
                Some((name.to_owned(), version.to_owned()))
            }));
        }
    }
    Ok(found)
}

fn answer(arguments: &[&str]) -> Result<String> {
    let mut command = process::cargo(arguments)?;
    let output = command
        .output()
        .with_context(|| format!("{} cannot be run", process::shown(&command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` failed: {}", process::shown(&command), said.trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}

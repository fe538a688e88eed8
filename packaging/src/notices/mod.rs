//! What the shipped programs contain of others, and the terms that each asks to be passed on.
//!
//! They stand in `client/assets/NOTICES.txt`, which `vscsi-helper licenses` prints. `cargo xtask notices` writes the file,
//! and a test holds it against what cargo links.

mod linked;
mod text;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::process;

/// Something that is part of a shipped program.
struct Component {
    /// Its name, with its version where it has one of its own.
    name: String,
    /// The terms, as an SPDX expression.
    licence: String,
    /// The texts of the terms.
    texts: Vec<String>,
}

/// What is linked in beside crates: name, terms, and the file of the repository with their text.
const OTHERS: &[(&str, &str, &str)] = &[
    (
        "Rust standard library",
        "MIT OR Apache-2.0",
        "packaging/notices/rust-std.txt",
    ),
    ("musl (in vscsi-agent)", "MIT", "packaging/notices/musl.txt"),
    ("Roboto (in charts)", "Apache-2.0", "client/assets/LICENSE-APACHE"),
];

/// Writes the file anew.
///
/// # Errors
/// When cargo cannot list what is linked, a component has no text, or the file cannot be written.
pub(crate) fn write() -> Result<()> {
    let path = path()?;
    std::fs::write(&path, rendered(&components()?)).with_context(|| format!("{} cannot be written", path.display()))
}

fn path() -> Result<PathBuf> {
    Ok(process::repository()?.join("client/assets/NOTICES.txt"))
}

fn components() -> Result<Vec<Component>> {
    let root = process::repository()?;
    let mut found = Vec::new();
    for (name, licence, file) in OTHERS {
        found.push(Component {
            name: (*name).to_owned(),
            licence: (*licence).to_owned(),
            texts: vec![text::read(&root.join(file))?],
        });
    }
    for package in linked::packages()? {
        found.push(Component {
            texts: text::of(&package)?,
            name: format!("{} {}", package.name, package.version),
            licence: package.licence,
        });
    }
    Ok(found)
}

/// The list of all components, and then each text once, below those that it belongs to.
fn rendered(components: &[Component]) -> String {
    let mut file = String::from("vscsi-helper and the agent inside it contain these, in whole or in part:\n\n");
    // Writing to a string cannot fail, so the results are dropped.
    for component in components {
        let _ = writeln!(file, "  {}: {}", component.name, component.licence);
    }
    let mut order: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for component in components {
        for text in &component.texts {
            // The same terms are laid out in many ways.
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let place = *places.entry(words).or_insert_with(|| {
                order.push((text, Vec::new()));
                order.len() - 1
            });
            if let Some((_, names)) = order.get_mut(place) {
                names.push(&component.name);
            }
        }
    }
    for (text, names) in order {
        let _ = write!(file, "\n{}\n{}\n\n{text}\n", "=".repeat(80), names.join(", "));
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notices_are_those_of_what_is_linked() {
        let there = std::fs::read_to_string(path().unwrap()).unwrap();
        let wanted = rendered(&components().unwrap());
        let lines = |text: &str| -> std::collections::BTreeSet<String> { text.lines().map(str::to_owned).collect() };
        let missing: Vec<String> = lines(&wanted).difference(&lines(&there)).take(5).cloned().collect();
        assert!(
            there == wanted,
            "run `cargo xtask notices`; client/assets/NOTICES.txt lacks {missing:?}"
        );
    }

    #[test]
    fn terms_that_differ_in_their_layout_only_stand_once_below_all_their_names() {
        let component = |name: &str, text: &str| Component {
            name: name.to_owned(),
            licence: "MIT".to_owned(),
            texts: vec![text.to_owned()],
        };
        let file = rendered(&[
            component("a 1", "Do as\nyou like."),
            component("b 2", "Keep the name."),
            component("c 3", "Do as you like."),
        ]);
        assert!(file.contains("  c 3: MIT\n"), "{file}");
        assert!(file.contains("\na 1, c 3\n\nDo as\nyou like.\n"), "{file}");
        assert_eq!(file.matches("you like.").count(), 1, "{file}");
    }
}

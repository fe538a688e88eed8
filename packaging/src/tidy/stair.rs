//! The stair of the client's modules: each uses only those that stand before it.

use std::path::{Component, Path};

use anyhow::{Context as _, Result};

use super::paths::{Leads, RootPath, through_root};

/// The folder of the client's modules.
const FOLDER: &str = "client/src";
/// What the client's crate is called by others.
const CRATE: &str = "vscsi_helper";
/// The modules in order, those of one purpose on a line. A module's floor is its place in it, from 1.
const ORDER: &[&[&str]] = &[
    &[
        "number",
        "failure",
        "suggest",
        "sha256",
        "visible",
        "clock",
        "interrupt",
    ],
    &["store", "catalog", "recording"],
    &["transport", "host", "preflight", "install", "pull"],
    &["stream"],
    &["analysis", "fidelity", "table", "samples"],
    &["fio", "chart", "compare", "import", "verify", "summary", "report"],
    &["watch"],
    &["config", "cli"],
];

/// The order on one line.
pub(super) fn shown() -> String {
    let lines: Vec<String> = ORDER.iter().map(|line| line.join(" ")).collect();
    format!(
        "the client's modules, each using only those before it: {}",
        lines.join(" | ")
    )
}

/// The modules of the order that are not there: a name that stays behind would let another module take its floor.
pub(super) fn missing_modules(root: &Path) -> Vec<String> {
    let is_there = |module: &str| {
        let path = root.join(FOLDER).join(module);
        path.is_dir() || path.with_extension("rs").is_file()
    };
    ORDER
        .iter()
        .flat_map(|line| line.iter())
        .filter(|module| !is_there(module))
        .map(|module| format!("{FOLDER}: `{module}` has a floor in the order of the modules, and is not there"))
        .collect()
}

/// The imports of a file, by its path in the repository, that lead upwards.
///
/// # Errors
/// When the text is no Rust.
pub(super) fn violations(file: &Path, text: &str) -> Result<Vec<String>> {
    let Some(path) = module_path(file) else {
        return Ok(Vec::new());
    };
    let Some(module) = path.first() else {
        // The root names all modules.
        return Ok(Vec::new());
    };
    let shown = file.display();
    let Some(own) = floor(module) else {
        return Ok(vec![format!(
            "{shown}: module `{module}` has no floor in the order of the client's modules"
        )]);
    };
    let found = through_root(text, path.len(), CRATE).with_context(|| format!("{shown} cannot be read"))?;
    let violation = |RootPath { line, leads }: RootPath| match leads {
        Leads::To(target) => {
            let above = floor(&target)?;
            (above > own).then(|| {
                format!(
                    "{shown}:{line}: `{module}` on floor {own} uses `{target}` on floor {above}, and a module uses only \
                     those below its own floor"
                )
            })
        }
        Leads::Anywhere => Some(format!(
            "{shown}:{line}: `{module}` on floor {own} takes the crate's root as a whole, so nobody sees the floors it uses"
        )),
    };
    Ok(found.into_iter().filter_map(violation).collect())
}

/// The modules from the crate's root to a file of the client; `None` for other files.
fn module_path(file: &Path) -> Option<Vec<String>> {
    let below = file.strip_prefix(FOLDER).ok()?;
    let mut path = Vec::new();
    for part in below.components() {
        let Component::Normal(part) = part else { return None };
        path.push(part.to_str()?.to_owned());
    }
    let last = path.pop()?;
    match last.strip_suffix(".rs")? {
        "mod" | "lib" | "main" => {}
        name => path.push(name.to_owned()),
    }
    Some(path)
}

fn floor(module: &str) -> Option<usize> {
    let mut modules = ORDER.iter().flat_map(|line| line.iter());
    modules.position(|known| *known == module).map(|place| place + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(file: &str, text: &str) -> Vec<String> {
        violations(Path::new(file), text).unwrap()
    }

    #[test]
    fn an_upward_import_is_told_with_file_line_and_both_floors() {
        let found = found("client/src/store/lock.rs", "\n\nuse crate::cli::Env;\n");
        let [message] = found.as_slice() else {
            panic!("{found:?}")
        };
        let (store, cli) = (floor("store").unwrap(), floor("cli").unwrap());
        assert!(message.starts_with("client/src/store/lock.rs:3: "), "{message}");
        assert!(
            message.contains(&format!("`store` on floor {store} uses `cli` on floor {cli}")),
            "{message}"
        );
    }

    #[test]
    fn an_upward_path_in_any_form_is_found() {
        for text in [
            "fn f() { crate::cli::run() }",
            "use crate::{failure, cli::Env};",
            "use super::super::cli;",
            "mod tests { use super::super::super::cli; }",
            "use vscsi_helper::cli;",
            "use crate::*;",
        ] {
            assert_eq!(found("client/src/store/lock.rs", text).len(), 1, "{text}");
        }
    }

    #[test]
    fn a_neighbour_that_stands_later_is_above() {
        assert_eq!(found("client/src/analysis/run.rs", "use crate::table;").len(), 1);
        assert_eq!(found("client/src/table/mod.rs", "use crate::analysis;"), [""; 0]);
    }

    #[test]
    fn imports_from_below_and_from_the_own_module_are_fine() {
        let text = "use crate::failure::Failure; use crate::store::Store; use super::error; use crate::{self, number};";
        assert_eq!(found("client/src/store/lock.rs", text), [""; 0]);
    }

    #[test]
    fn a_module_without_a_floor_is_told() {
        assert_eq!(found("client/src/attic.rs", "").len(), 1);
        assert_eq!(found("client/src/attic/mod.rs", "").len(), 1);
    }

    #[test]
    fn the_root_and_other_crates_have_no_floor() {
        for file in [
            "client/src/lib.rs",
            "client/src/main.rs",
            "client/tests/suite/main.rs",
            "agent/src/store.rs",
        ] {
            assert_eq!(found(file, "use crate::cli;"), [""; 0], "{file}");
        }
    }

    #[test]
    fn a_floor_without_a_module_is_told() {
        let empty = Path::new("/nonexistent");
        assert_eq!(
            missing_modules(empty).len(),
            ORDER.iter().map(|line| line.len()).sum::<usize>()
        );
    }

    #[test]
    fn no_module_has_two_floors() {
        let mut modules: Vec<&str> = ORDER.iter().flat_map(|line| line.iter().copied()).collect();
        let all = modules.len();
        modules.sort_unstable();
        modules.dedup();
        assert_eq!(modules.len(), all);
    }
}

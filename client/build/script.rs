//! The files of the agent in Python.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::write_line;

/// Where the script is, from the client's own folder.
const SCRIPT: &str = "../agent/script";
/// What a host needs of it; the rest are its tests and their settings.
const SHIPPED: [&str; 2] = ["__main__.py", "vscsi_agent"];

/// Lists them in `script.rs` in the folder `out`.
pub(super) fn list(out: &Path) -> io::Result<()> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(SCRIPT).canonicalize()?;
    let mut files = Vec::new();
    for name in SHIPPED {
        let path = script.join(name);
        // Of a folder cargo looks at everything in it, new files too.
        write_line(&format!("cargo::rerun-if-changed={}", path.display()))?;
        collect(&path, &mut files)?;
    }
    files.sort();
    let mut text = String::from("&[\n");
    for file in files {
        let name = file.strip_prefix(&script).map_err(io::Error::other)?;
        let name: Vec<&str> = name.iter().filter_map(|part| part.to_str()).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "    ({:?}, include_bytes!({:?})),",
            name.join("/"),
            file.display().to_string()
        );
    }
    text.push_str("]\n");
    fs::write(out.join("script.rs"), text)
}

/// The Python files at or below `path`.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            collect(&entry?.path(), files)?;
        }
    } else if path.extension().is_some_and(|extension| extension == "py") {
        files.push(path.to_owned());
    }
    Ok(())
}

//! The libraries of Python that people open the product's tables with: the tests read them with each.

use anyhow::Result;

use crate::python;

/// Environments by name: pandas with an old, a middle and the newest pyarrow and with what reads workbooks, and `DuckDB`
/// and polars.
const READERS: &[(&str, &[&str])] = &[
    (
        "pyarrow-10",
        &["pandas==1.5.3", "pyarrow==10.0.1", "numpy==1.26.4", "openpyxl==3.1.5"],
    ),
    (
        "pyarrow-16",
        &["pandas==2.2.3", "pyarrow==16.1.0", "numpy==1.26.4", "openpyxl==3.1.5"],
    ),
    ("pyarrow-26", &["pandas==3.1.1", "pyarrow==26.0.1", "openpyxl==3.1.5"]),
    ("duckdb", &["duckdb==2.0.1"]),
    ("polars", &["polars==2.1.0"]),
];

/// Makes the environments, and gives their names and interpreters as `NAME=PYTHON` lines, the form of the variable
/// `VSCSI_READERS`.
///
/// # Errors
/// When one cannot be made.
pub(crate) fn ensure() -> Result<String> {
    let mut lines = Vec::new();
    for (name, packages) in READERS {
        let python = python::environment(&format!("reader-{name}"), packages)?;
        lines.push(format!("{name}={}", python.display()));
    }
    Ok(lines.join("\n"))
}

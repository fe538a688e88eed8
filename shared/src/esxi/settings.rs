//! `esxcli system settings advanced list` and `… kernel list`: options of the host.

use super::diagnostic::Findings;
use super::record::Record;
use super::text::decode;
use super::{Reading, blocks, table};

/// An advanced option. An option has an integer or a string, never both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdvancedOption {
    /// Such as `/User/execInstalledOnly`.
    pub path: String,
    /// Current integer.
    pub int_value: Option<i64>,
    /// Integer of a fresh installation.
    pub default_int_value: Option<i64>,
    /// Current string.
    pub string_value: Option<String>,
}

/// Reads `esxcli system settings advanced list`, with or without `-o`.
///
/// A host without the option prints `Unable to find option …`, which becomes a diagnostic.
pub fn parse_advanced_options(output: &[u8]) -> Reading<Vec<AdvancedOption>> {
    let mut findings = Findings::default();
    let text = decode(output, &mut findings);
    let records = blocks::read(&text, &mut findings);
    let options = records
        .iter()
        .filter_map(|record| advanced(record, &mut findings))
        .collect();
    findings.with(options)
}

fn advanced(record: &Record<'_>, findings: &mut Findings) -> Option<AdvancedOption> {
    Some(AdvancedOption {
        path: record.required("Path", findings)?.to_owned(),
        int_value: record.parsed("Int Value", findings),
        default_int_value: record.parsed("Default Int Value", findings),
        string_value: record.get("String Value").map(str::to_owned),
    })
}

/// A boot option of the kernel. Booleans are printed `TRUE` and `FALSE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelOption {
    /// Such as `execInstalledOnly`.
    pub name: String,
    /// What the next boot will use.
    pub configured: Option<String>,
    /// What this boot uses.
    pub runtime: Option<String>,
    /// What a fresh installation uses.
    pub default: Option<String>,
}

/// Reads `esxcli system settings kernel list`, with or without `-o`.
pub fn parse_kernel_options(output: &[u8]) -> Reading<Vec<KernelOption>> {
    let mut findings = Findings::default();
    let text = decode(output, &mut findings);
    let records = table::read(&text, &mut findings);
    let options = records
        .iter()
        .filter_map(|record| kernel(record, &mut findings))
        .collect();
    findings.with(options)
}

fn kernel(record: &Record<'_>, findings: &mut Findings) -> Option<KernelOption> {
    let text = |key| record.get(key).map(str::to_owned);
    Some(KernelOption {
        name: record.required("Name", findings)?.to_owned(),
        configured: text("Configured"),
        runtime: text("Runtime"),
        default: text("Default"),
    })
}

//! What vscsiStats and its neighbours print.

use vscsi_shared::esxi;
use vscsi_shared::histogram::{Histogram, Step};
use vscsi_shared::vscsistats::{Parsed, Parser, Print, is_command_table, parse, parse_command_table, parse_listing};

use crate::pieces;

/// How many findings a parser keeps, with the one that counts the rest.
const MOST_FINDINGS: usize = 101;

/// Histograms do not depend on how the input is cut, are found again in what is printed from them, and can be
/// subtracted from each other.
pub(crate) fn vscsistats(input: &[u8]) {
    let parsed = parse(input);
    assert!(parsed.diagnostics.len() <= MOST_FINDINGS, "too many findings");
    assert_eq!(parsed, in_pieces(input), "the pieces make a difference");
    for print in &parsed.prints {
        let numbers = Print::new(print.disks.clone());
        for again in [print.csv().to_string(), print.text().to_string()] {
            let again = parse(again.as_bytes());
            assert_eq!(again.prints, std::slice::from_ref(&numbers), "it is not read back");
        }
    }
    for (earlier, later) in parsed.prints.iter().zip(parsed.prints.iter().skip(1)) {
        steps(earlier, later);
    }
}

fn in_pieces(input: &[u8]) -> Parsed {
    let mut parser = Parser::new();
    let mut prints = Vec::new();
    for piece in pieces(input) {
        parser.push(piece);
        prints.append(&mut parser.take_prints());
    }
    let last = parser.finish();
    prints.extend(last.prints);
    Parsed {
        prints,
        diagnostics: last.diagnostics,
    }
}

fn steps(earlier: &Print, later: &Print) {
    for (before, after) in earlier.disks.iter().zip(&later.disks) {
        for (kind, histogram) in after.iter() {
            if let Some(before) = before.get(kind) {
                step(before, histogram);
            }
        }
    }
}

/// An interval holds what was counted since, and its sums are in order. Two of them merged hold both.
fn step(before: &Histogram, after: &Histogram) {
    let Ok(Step::Difference(interval)) = after.since(before) else {
        return;
    };
    let sums = before.counts().iter().zip(&interval.counts);
    let sums: Vec<u64> = sums.map(|(before, since)| before + since).collect();
    assert_eq!(sums, after.counts(), "something is lost in between");
    assert!(interval.sum_at_least <= interval.sum_at_most, "the bounds are swapped");
    let mut whole = before.whole();
    assert!(whole.extend(&interval).is_ok(), "the same limits cannot be added");
    assert_eq!(whole.counts, after.counts(), "the parts are not the whole");
}

/// A listing never has more findings than are kept.
pub(crate) fn listing(input: &[u8]) {
    assert!(
        parse_listing(input).diagnostics.len() <= MOST_FINDINGS,
        "too many findings"
    );
}

/// A table of commands becomes histograms that are read back from their own print.
pub(crate) fn command_table(input: &[u8]) {
    let table = parse_command_table(input);
    assert!(table.diagnostics.len() <= MOST_FINDINGS, "too many findings");
    if is_command_table(input) {
        assert!(!table.prints.is_empty(), "its titles are not found again");
    }
    // A table of titles alone has a disk and nothing to print of it.
    let is_empty = |print: &&Print| print.disks.iter().all(|disk| disk.iter().next().is_none());
    for print in table.prints.iter().filter(|print| !is_empty(print)) {
        let again = parse(print.csv().to_string().as_bytes());
        assert_eq!(again.prints, std::slice::from_ref(print), "it is not read back");
    }
}

/// No parser of a companion command or of a file beside a VM has more findings than are kept.
pub(crate) fn esxi(input: &[u8]) {
    let volumes = esxi::parse_filesystems(input);
    let vms = esxi::parse_vm_processes(input);
    for vm in &vms.value {
        // A path that cannot be resolved is an error, which is as good as one that can.
        let _ = esxi::canonical_path(&vm.config_file, &volumes.value);
    }
    let findings = [
        volumes.diagnostics.len(),
        vms.diagnostics.len(),
        esxi::parse_acceptance_level(input).diagnostics.len(),
        esxi::parse_advanced_options(input).diagnostics.len(),
        esxi::parse_kernel_options(input).diagnostics.len(),
        esxi::parse_registered_vms(input).diagnostics.len(),
        esxi::parse_secure_boot(input).diagnostics.len(),
        esxi::parse_storage_paths(input).diagnostics.len(),
        esxi::parse_system_version(input).diagnostics.len(),
        esxi::parse_uname(input).diagnostics.len(),
        esxi::parse_vmdk_descriptor(input).diagnostics.len(),
        esxi::parse_vmfs_extents(input).diagnostics.len(),
        esxi::parse_vmware_version(input).diagnostics.len(),
        esxi::parse_vmx_disks(input).diagnostics.len(),
    ];
    assert!(
        findings.into_iter().all(|number| number <= MOST_FINDINGS),
        "{findings:?}"
    );
}

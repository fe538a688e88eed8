//! `vscsiStats -l`: the running VMs and their virtual disks.

use memchr::memmem;

use super::diagnostic::Findings;
use super::lines::{Cut, LineCutter};
use super::number::unsigned;
use super::{Diagnostic, DiagnosticKind};
use crate::diagnostic::excerpt;
use crate::identifier::{HandleId, WorldGroupId};

/// A running VM as `vscsiStats -l` lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedVm {
    /// World group of the VM.
    pub world_group_id: WorldGroupId,
    /// Display name; it may hold commas, braces and colons.
    pub display_name: String,
    /// Path of the .vmx, with the volume's UUID or its label.
    pub config_file: String,
    /// Disks in the order printed.
    pub disks: Vec<ListedDisk>,
}

/// A virtual disk of the listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedDisk {
    /// Handle to pass to `-i`, exactly as printed.
    pub handle_id: HandleId,
    /// Virtual device node such as `scsi0:0`, when printed.
    pub node: Option<String>,
}

/// The listing with what could not be read of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// VMs in the order printed.
    pub vms: Vec<ListedVm>,
    /// What could not be used.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads `vscsiStats -l`. The closing `}` of a VM is accepted and not required.
///
/// The line of a VM is `Virtual Machine worldGroupID: N, Virtual Machine Display Name: NAME, Virtual Machine Config
/// File: PATH, {`. A name may hold any of these words, so the last `, Virtual Machine Config File: ` ends it. A line cut
/// short, a shell prompt, and disks below a VM line that cannot be read become diagnostics: a disk is never given to
/// another VM. A number at which the input ends without a line end may be the beginning of another, and is not taken.
pub fn parse_listing(input: &[u8]) -> Listing {
    let mut reader = Reader::default();
    let mut cutter = LineCutter::default();
    let mut rest = input;
    while !rest.is_empty() {
        match cutter.cut(&mut rest) {
            Cut::Line(line) => reader.line(line, true),
            Cut::Carried => reader.line(&cutter.carried(), true),
            Cut::Unfinished => reader.line(&cutter.carried(), false),
        }
    }
    Listing {
        vms: reader.vms,
        diagnostics: reader.findings.finish(DiagnosticKind::Further),
    }
}

#[derive(Debug, Default)]
struct Reader {
    line: u64,
    vms: Vec<ListedVm>,
    /// Disks belong to the last VM; false after its brace and below a line that could not be read.
    in_vm: bool,
    findings: Findings,
}

impl Reader {
    /// Reads a line; `ended` is false for the last line of an input that has no line end there.
    fn line(&mut self, line: &[u8], ended: bool) {
        self.line += 1;
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii_end();
        let trimmed = line.trim_ascii_start();
        if trimmed.is_empty() {
            return;
        }
        if trimmed == b"}" {
            self.in_vm = false;
        } else if let Some((world_group_id, name, path)) = vm(line) {
            let vm = ListedVm {
                world_group_id,
                display_name: self.text(name),
                config_file: self.text(path),
                disks: Vec::new(),
            };
            self.vms.push(vm);
            self.in_vm = true;
        } else if !self.disk(trimmed, ended) {
            self.in_vm &= !line.starts_with(VM);
            self.report(DiagnosticKind::UnexpectedLine(excerpt(line)));
        }
    }

    /// Takes a disk of the VM at hand.
    fn disk(&mut self, line: &[u8], ended: bool) -> bool {
        let Some((handle_id, node)) = disk(line).filter(|(_, node)| ended || node.is_some()) else {
            return false;
        };
        let node = node.map(|node| self.text(node));
        match self.vms.last_mut() {
            Some(vm) if self.in_vm => vm.disks.push(ListedDisk { handle_id, node }),
            _ => return false,
        }
        true
    }

    fn text(&mut self, bytes: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes);
        if std::str::from_utf8(bytes).is_err() {
            self.report(DiagnosticKind::NotUtf8(excerpt(bytes)));
        }
        text.into_owned()
    }

    fn report(&mut self, kind: DiagnosticKind) {
        self.findings.report(self.line, kind);
    }
}

const VM: &[u8] = b"Virtual Machine worldGroupID: ";
const NAME: &[u8] = b", Virtual Machine Display Name: ";
const PATH: &[u8] = b", Virtual Machine Config File: ";

/// World group, display name and configuration file; the line begins at its first column.
fn vm(line: &[u8]) -> Option<(WorldGroupId, &[u8], &[u8])> {
    let rest = line.strip_prefix(VM)?.strip_suffix(b", {")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = rest.split_at_checked(digits)?;
    let rest = rest.strip_prefix(NAME)?;
    let end = memmem::rfind(rest, PATH)?;
    let (name, path) = rest.split_at_checked(end)?;
    Some((WorldGroupId(unsigned(number).ok()?), name, path.strip_prefix(PATH)?))
}

/// Handle and node; hosts of the 4.x era print no node.
fn disk(line: &[u8]) -> Option<(HandleId, Option<&[u8]>)> {
    let rest = line.strip_prefix(b"Virtual SCSI Disk handleID: ")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = rest.split_at_checked(digits)?;
    let handle_id = HandleId(unsigned(number).ok()?);
    if rest.is_empty() {
        return Some((handle_id, None));
    }
    let node = rest
        .strip_prefix(b" ")?
        .trim_ascii_start()
        .strip_prefix(b"(")?
        .strip_suffix(b")")?;
    (!node.contains(&b')')).then_some((handle_id, Some(node)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unexpected(line: u64, text: &str) -> Diagnostic {
        Diagnostic {
            line,
            kind: DiagnosticKind::UnexpectedLine(text.to_owned()),
        }
    }

    #[test]
    fn a_name_may_hold_commas_braces_colons_and_the_words_of_the_line_itself() {
        for name in [
            "a, b: {c}",
            "x, {",
            "",
            " ",
            "}, Virtual Machine Config File: /no, {",
            "Virtual Machine worldGroupID: 1",
        ] {
            let text = format!(
                "Virtual Machine worldGroupID: 7, Virtual Machine Display Name: {name}, Virtual Machine Config File: \
                 /vmfs/volumes/ds 1/a/a.vmx, {{\n   Virtual SCSI Disk handleID: 8192 (scsi0:0)\n}}\n"
            );
            let listing = parse_listing(text.as_bytes());
            assert_eq!(listing.diagnostics, []);
            assert_eq!(
                listing.vms,
                [ListedVm {
                    world_group_id: WorldGroupId(7),
                    display_name: name.to_owned(),
                    config_file: "/vmfs/volumes/ds 1/a/a.vmx".to_owned(),
                    disks: vec![ListedDisk {
                        handle_id: HandleId(8192),
                        node: Some("scsi0:0".to_owned())
                    }],
                }]
            );
        }
    }

    #[test]
    fn a_disk_without_a_node_is_listed() {
        assert_eq!(disk(b"Virtual SCSI Disk handleID: 8194"), Some((HandleId(8194), None)));
    }

    #[test]
    fn nodes_of_every_controller_are_kept_as_printed() {
        for node in ["nvme0:0", "sata1:12", "ide0:1"] {
            let line = format!("Virtual SCSI Disk handleID: 9135781989851158 ({node})");
            assert_eq!(
                disk(line.as_bytes()),
                Some((HandleId(9_135_781_989_851_158), Some(node.as_bytes())))
            );
        }
    }

    #[test]
    fn disks_below_an_unreadable_vm_line_are_not_given_to_the_vm_before() {
        let text = "Virtual Machine worldGroupID: 1, Virtual Machine Display Name: a, Virtual Machine Config File: /a.vmx, \
                    {\nVirtual Machine worldGroupID: 2, Virtual Machine Disp\n   Virtual SCSI Disk handleID: 8192 (scsi0:0)\n";
        let listing = parse_listing(text.as_bytes());
        assert_eq!(listing.vms.len(), 1);
        assert_eq!(listing.vms[0].disks, []);
        assert_eq!(
            listing.diagnostics,
            [
                unexpected(2, "Virtual Machine worldGroupID: 2, Virtual Machine Disp"),
                unexpected(3, "   Virtual SCSI Disk handleID: 8192 (scsi0:0)")
            ]
        );
    }

    #[test]
    fn a_handle_at_which_the_listing_breaks_off_is_not_taken_for_another_one() {
        let text = "Virtual Machine worldGroupID: 1, Virtual Machine Display Name: a, Virtual Machine Config File: /a.vmx, \
                    {\n   Virtual SCSI Disk handleID: 8643 (scsi0:0)\n   Virtual SCSI Disk handleID: 8644 (scsi0:1)\n}\n";
        let number = text.find("8644").unwrap();
        for digits in 1..=4 {
            let listing = parse_listing(&text.as_bytes()[..number + digits]);
            assert_eq!(listing.vms[0].disks.len(), 1, "{digits}");
            assert_eq!(listing.diagnostics.len(), 1, "{digits}");
        }
        // The node shows that the handle is whole.
        let whole = text.find(")\n}").unwrap() + 1;
        assert_eq!(parse_listing(&text.as_bytes()[..whole]).diagnostics, []);
    }

    #[test]
    fn a_shell_prompt_and_a_line_cut_in_mid_word_are_reported() {
        let text = "~ # vscsiStats -l\nVirtual Machine worldGroupID: 1, Virtual Machine Display Name: a, Virtual Machine \
                    Config File: /a.vmx, {\n   Virtual SCSI Disk handleID: 8644 (scs";
        let listing = parse_listing(text.as_bytes());
        assert_eq!(listing.vms.len(), 1);
        assert_eq!(
            listing.diagnostics,
            [
                unexpected(1, "~ # vscsiStats -l"),
                unexpected(3, "   Virtual SCSI Disk handleID: 8644 (scs")
            ]
        );
    }

    #[test]
    fn a_name_that_is_not_utf8_is_listed_and_reported() {
        let mut text = b"Virtual Machine worldGroupID: 1, Virtual Machine Display Name: ".to_vec();
        text.extend_from_slice(b"caf\xe9, Virtual Machine Config File: /a.vmx, {\n");
        let listing = parse_listing(&text);
        assert_eq!(listing.vms[0].display_name, "caf\u{fffd}");
        assert_eq!(
            listing.diagnostics,
            [Diagnostic {
                line: 1,
                kind: DiagnosticKind::NotUtf8("caf\u{fffd}".to_owned())
            }]
        );
    }
}

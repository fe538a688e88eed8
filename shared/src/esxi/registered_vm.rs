//! `vim-cmd vmsvc/getallvms`: every VM the host knows, running or not.

use super::Reading;
use super::diagnostic::Findings;
use super::text::{Line, decode, lines};

/// A registered VM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredVm {
    /// Number that `vim-cmd` uses; not a world ID.
    pub vmid: u32,
    /// Display name.
    pub name: String,
    /// Label of the datastore that holds the .vmx; `None` when it lies on none, as that of a VM of the host's own under
    /// `/var/run/crx`.
    pub datastore: Option<String>,
    /// Path of the .vmx in that datastore, or absolute without one. A template has a .vmtx.
    pub path: String,
    /// Guest operating system, such as `centos64Guest`.
    pub guest_os: Option<String>,
    /// Virtual hardware, such as `vmx-13`.
    pub hardware_version: Option<String>,
}

impl RegisteredVm {
    /// Path of the .vmx, with the label of the volume.
    pub fn config_file(&self) -> String {
        match &self.datastore {
            Some(datastore) => format!("/vmfs/volumes/{datastore}/{}", self.path),
            None => self.path.clone(),
        }
    }
}

/// Reads `vim-cmd vmsvc/getallvms`.
///
/// Columns are padded and not marked, and annotations run over any number of lines with any content. So only a line with
/// a number, a name and `[datastore] …vmx` is a VM, and others below the column titles are taken for annotations, unless
/// they have the number and the virtual hardware of a VM: these are reported.
pub fn parse_registered_vms(output: &[u8]) -> Reading<Vec<RegisteredVm>> {
    let mut findings = Findings::default();
    let text = decode(output, &mut findings);
    let mut vms = Vec::new();
    let mut below_titles = false;
    for line in lines(&text) {
        if let Some(vm) = vm(line, &mut findings) {
            vms.push(vm);
        } else if line.text.starts_with("Vmid ") {
            below_titles = true;
        } else if looks_like_a_vm(line.text) || !below_titles && !line.text.trim().is_empty() {
            findings.unexpected(line.number, line.text);
        }
    }
    findings.with(vms)
}

/// The number of a VM is padded to a column, and its virtual hardware has a number too.
fn looks_like_a_vm(line: &str) -> bool {
    let begins_digit = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
    let (number, rest) = line.split_once(' ').unwrap_or_default();
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number && rest.starts_with(' ') && rest.split(" vmx-").skip(1).any(begins_digit)
}

fn vm(line: Line<'_>, findings: &mut Findings) -> Option<RegisteredVm> {
    let (vmid, rest) = line.text.split_once([' ', '\t'])?;
    let vmid = vmid.parse().ok()?;
    // Without a datastore nobody knows where a relative path leads.
    let row = Row::of(rest).filter(|row| !row.datastore.is_empty() || row.path.trim().starts_with('/'))?;
    let mut words: Vec<&str> = row.rest.split_whitespace().take(2).collect();
    if !line.ended
        && let Some(last) = words.pop_if(|last| line.text.ends_with(*last))
    {
        findings.cut_short(line.number, last);
    }
    let mut words = words.into_iter().map(str::to_owned);
    Some(RegisteredVm {
        vmid,
        name: row.name.trim().to_owned(),
        datastore: Some(row.datastore.to_owned()).filter(|label| !label.is_empty()),
        path: row.path.trim().to_owned(),
        guest_os: words.next(),
        hardware_version: words.next(),
    })
}

/// What follows the number of a VM: `name   [datastore] path.vmx   …`.
#[derive(Debug)]
struct Row<'line> {
    name: &'line str,
    datastore: &'line str,
    path: &'line str,
    rest: &'line str,
}

impl<'line> Row<'line> {
    /// Names and paths may hold brackets too, so the padding before the datastore decides, and without it the last
    /// bracket. What stands behind the path, such as an annotation that names another one, does not count.
    ///
    /// Each byte is looked at once: whoever may edit a VM may write anything into its name and its annotation.
    fn of(text: &'line str) -> Option<Self> {
        let mut open = None;
        let mut plain = None;
        let mut padded = None;
        // The two bytes before.
        let mut before = [b'x', b' '];
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                b'[' if before[1] == b' ' => open = Some((at, before[0] == b' ')),
                b']' => {
                    let begun = open.take().filter(|_| text.get(at + 1..).is_some_and(begins_blank));
                    if let Some((begin, is_padded)) = begun {
                        plain = Some((begin, at));
                        padded = plain.filter(|_| is_padded).or(padded);
                    }
                }
                b'.' => {
                    let end = at + end_of_path(text.get(at..)?).unwrap_or(0);
                    if let Some((begin, close)) = padded.or(plain).filter(|_| end > at) {
                        return Some(Self {
                            name: text.get(..begin)?,
                            datastore: text.get(begin + 1..close)?,
                            path: text.get(close + 1..end)?,
                            rest: text.get(end..)?,
                        });
                    }
                }
                _ => {}
            }
            before = [before[1], byte];
        }
        None
    }
}

/// How many bytes the ending of a configuration file takes at the start of `text`.
fn end_of_path(text: &str) -> Option<usize> {
    [".vmx", ".vmtx"].into_iter().find_map(|ending| {
        let after = text.strip_prefix(ending)?;
        begins_blank(after).then_some(ending.len())
    })
}

fn begins_blank(text: &str) -> bool {
    text.starts_with([' ', '\t'])
}

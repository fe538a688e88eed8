//! The XML of the `VscsiStats` service of the vSphere API (`FetchAllHistograms`).
//!
//! ```text
//! <vscsiStats><VM>VM display name: …
//!   <VirtualDisk>Virtual disk name: scsi0:0
//!     <histo>VSCSIVsi_IoLatencyHistogram: latency of IOs in Microseconds (us)
//!     min: 1 … count: 793
//!     numBuckets: 11
//!     limits: 1,10,…,9223372036854775807
//!     counts: 0,3,…
//! ```
//!
//! No capture of it is known: its shape is that which VMware's own reader expects. The overflow bucket has the largest
//! number for its limit. A loop may append one answer to the other.

use std::collections::BTreeMap;

use roxmltree::{Document, Node};
use sha2::{Digest as _, Sha256};
use vscsi_shared::histogram::{Histogram, HistogramKind, Limits, Summary};
use vscsi_shared::identifier::{HandleId, WorldGroupId};
use vscsi_shared::vscsistats::{Diagnostic, DiagnosticKind, DiskHistograms, Findings, Print};

use super::description::Description;

/// The limit of the overflow bucket.
const OVERFLOW: i64 = i64::MAX;

/// What one answer, or several, hold.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// A print for each VM of each answer, in order.
    pub(super) prints: Vec<(Print, Description)>,
    /// What could not be used.
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// The input is XML.
pub(super) fn is_xml(input: &[u8]) -> bool {
    let text = input.strip_prefix(b"\xef\xbb\xbf").unwrap_or(input);
    text.trim_ascii_start().starts_with(b"<")
}

/// Reads the answers.
///
/// # Errors
/// When the text is no XML.
pub(super) fn read(text: &str) -> Result<Answers, roxmltree::Error> {
    let text = format!("<answers>{}</answers>", without_declarations(text));
    let document = Document::parse(&text)?;
    let mut answers = Answers::default();
    let mut findings = Findings::default();
    let vms = document.descendants().filter(|node| node.has_tag_name("VM"));
    for vm in vms {
        let lines = lines_of(vm);
        let name = lines.get("VM display name").copied();
        let identity = lines.get("VC uuid").copied().or(name).unwrap_or_default();
        let world_group_id = WorldGroupId(number_of(identity));
        let mut disks: Vec<DiskHistograms> = Vec::new();
        for node in vm.children().filter(|node| node.has_tag_name("VirtualDisk")) {
            let disk = read_disk(&document, node, world_group_id, &mut findings);
            if disks.iter().any(|known| known.handle_id == disk.handle_id) {
                let name = lines_of(node).get("Virtual disk name").copied().unwrap_or_default();
                findings.report(
                    line_of(&document, node),
                    DiagnosticKind::UnexpectedLine(shortened(name)),
                );
            } else if disk.iter().next().is_some() {
                disks.push(disk);
            }
        }
        if !disks.is_empty() {
            let description = Description {
                vm_name: name.map(str::to_owned),
                lun: None,
            };
            answers.prints.push((Print::new(disks), description));
        }
    }
    answers.diagnostics = findings.finish(DiagnosticKind::Further);
    Ok(answers)
}

fn line_of(document: &Document, node: Node) -> u64 {
    u64::from(document.text_pos_at(node.range().start).row)
}

/// The declarations at the head of each answer, which may stand nowhere else in one document, become blanks.
fn without_declarations(text: &str) -> String {
    let text = text.trim_start_matches('\u{feff}');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, declaration)) = rest.split_once("<?xml") {
        out.push_str(before);
        rest = declaration.split_once("?>").map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    out
}

fn read_disk(document: &Document, disk: Node, world_group_id: WorldGroupId, findings: &mut Findings) -> DiskHistograms {
    let name = lines_of(disk).get("Virtual disk name").copied().unwrap_or_default();
    let is_node = !name.is_empty() && name.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == ':');
    let node = is_node.then(|| name.to_owned());
    let mut read = DiskHistograms::new(world_group_id, HandleId(number_of(name)), node);
    for histo in disk.children().filter(|node| node.has_tag_name("histo")) {
        let finding = match read_histogram(&text_of(histo)) {
            Ok((kind, histogram)) if read.get(kind).is_none() => {
                read.insert(kind, histogram);
                continue;
            }
            Ok((kind, _)) => DiagnosticKind::UnexpectedLine(shortened(kind.title())),
            Err(finding) => finding,
        };
        findings.report(line_of(document, histo), finding);
    }
    read
}

fn read_histogram(text: &str) -> Result<(HistogramKind, Histogram), DiagnosticKind> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let title = first.split_once(": ").map_or(first, |(_, title)| title.trim());
    let kind = HistogramKind::from_title(title).ok_or_else(|| DiagnosticKind::UnknownTitle(shortened(title)))?;
    let values: BTreeMap<&str, &str> = lines.filter_map(key_and_value).collect();
    let incomplete = DiagnosticKind::Incomplete(kind.title());
    let value = |key: &str| values.get(key).copied().ok_or_else(|| incomplete.clone());
    let limits: Vec<i64> = numbers(value("limits")?)?;
    let counts: Vec<u64> = numbers(value("counts")?)?;
    let finite: Vec<i64> = limits.into_iter().filter(|limit| *limit != OVERFLOW).collect();
    if Limits::lack_rows(kind.metric(), &finite) {
        return Err(DiagnosticKind::RowsMissing(kind.title()));
    }
    let summary = Summary::exact(
        number(value("min")?)?,
        number(value("max")?)?,
        number(value("mean")?)?,
        number(value("count")?)?,
    );
    let limits = Limits::from_input(kind.metric(), &finite).map_err(|_| incomplete.clone())?;
    let histogram = Histogram::new(limits, counts, summary).map_err(|_| incomplete)?;
    Ok((kind, histogram))
}

fn numbers<N: std::str::FromStr>(list: &str) -> Result<Vec<N>, DiagnosticKind> {
    let items = list.split(',').map(str::trim).filter(|item| !item.is_empty());
    items.map(number).collect()
}

fn number<N: std::str::FromStr>(text: &str) -> Result<N, DiagnosticKind> {
    text.parse().map_err(|_| DiagnosticKind::BadNumber(shortened(text)))
}

/// The lines of an element's own text, by what stands before the colon.
fn lines_of<'text>(element: Node<'text, '_>) -> BTreeMap<&'text str, &'text str> {
    let texts = element.children().filter(Node::is_text).filter_map(|node| node.text());
    texts.flat_map(str::lines).filter_map(key_and_value).collect()
}

fn text_of(element: Node) -> String {
    let texts = element
        .descendants()
        .filter(Node::is_text)
        .filter_map(|node| node.text());
    texts.collect()
}

fn key_and_value(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    Some((key.trim(), value.trim()))
}

fn shortened(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}

/// A number that stands for a name: the same in every answer, and of no meaning to a host.
fn number_of(name: &str) -> u64 {
    let digest = Sha256::digest(name);
    let first = digest.first_chunk().copied().unwrap_or_default();
    u64::from(u32::from_be_bytes(first))
}

#[cfg(test)]
mod tests {
    use vscsi_shared::histogram::{Metric, Operation};

    use super::*;

    fn answer(count: u64) -> String {
        format!(
            "<?xml version=\"1.0\"?>\n<vscsiStats><VM>VM display name: SQL &amp; Web: 1\nVC uuid: 52 aa\n<VirtualDisk>Virtual \
             disk name: scsi0:1\n<histo>VSCSIVsi_IoLatencyHistogram: latency of IOs in Microseconds (us)\nmin: 7\nmax: \
             90\nmean: 41\ncount: {count}\nnumBuckets: 11\nlimits: \
             1,10,100,500,1000,5000,15000,30000,50000,100000,9223372036854775807\ncounts: 0,2,{},0,0,0,0,0,0,0,0\n</histo><histo>VSCSIVsi_New: something else\ncount: 1</histo></VirtualDisk></VM></vscsiStats>\n",
            count - 2
        )
    }

    #[test]
    fn answers_appended_to_one_another_are_prints() {
        let read = read(&(answer(5) + &answer(9))).unwrap();
        let kind = HistogramKind::new(Metric::Latency, Operation::All).unwrap();
        let counts: Vec<_> = read
            .prints
            .iter()
            .map(|(print, _)| print.disks[0].get(kind).unwrap().counts())
            .collect();
        assert_eq!(
            counts,
            [[0, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0], [0, 2, 7, 0, 0, 0, 0, 0, 0, 0, 0]]
        );
        let (print, description) = &read.prints[1];
        assert_eq!(description.vm_name.as_deref(), Some("SQL & Web: 1"));
        assert_eq!(print.disks[0].node.as_deref(), Some("scsi0:1"));
        assert_eq!(print.disks[0].handle_id, read.prints[0].0.disks[0].handle_id);
    }

    #[test]
    fn a_histogram_that_is_not_known_is_named() {
        let read = read(&answer(5)).unwrap();
        let [finding] = &read.diagnostics[..] else {
            panic!("{:?}", read.diagnostics)
        };
        assert_eq!(finding.kind, DiagnosticKind::UnknownTitle("something else".to_owned()));
    }

    #[test]
    fn a_histogram_that_lacks_buckets_or_stands_twice_is_named_and_left_out() {
        let short = answer(5).replace("500,1000,", "").replace("0,2,3,0,0,", "0,2,3,");
        let of = |text: &str| read(text).unwrap().diagnostics.remove(0).kind;
        assert_eq!(
            of(&short),
            DiagnosticKind::RowsMissing("latency of IOs in Microseconds (us)")
        );
        let whole = answer(5);
        let (begin, end) = (
            whole.find("<histo>").unwrap(),
            whole.find("</histo>").unwrap() + "</histo>".len(),
        );
        let twice = whole.replacen("<histo>", &format!("{}<histo>", &whole[begin..end]), 1);
        assert_eq!(
            of(&twice),
            DiagnosticKind::UnexpectedLine("latency of IOs in Microseconds (us)".to_owned())
        );
        assert_eq!(read(&twice).unwrap().prints.len(), 1);
    }

    #[test]
    fn what_is_no_xml_is_an_error() {
        assert!(read("<vscsiStats><VM>").is_err());
    }
}

//! The line that begins a histogram, in its CSV and its plain-text shapes.

use memchr::{memchr, memmem};

use super::number::{NotANumber, unsigned};
use crate::identifier::{HandleId, WorldGroupId};

/// What every such line begins with.
pub(super) const BEGINNING: &[u8] = b"Histogram: ";

/// CSV uses a comma between key and value, plain text a colon between blanks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Csv,
    Text,
}

/// The parts of the line, borrowed from it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header<'line> {
    pub(super) form: Form,
    pub(super) title: &'line [u8],
    pub(super) world_group_id: WorldGroupId,
    pub(super) handle_id: HandleId,
    pub(super) node: Option<&'line [u8]>,
}

/// Why a line is no header.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoHeader<'line> {
    /// It is built in another way.
    Shape,
    /// This number does not fit.
    Number(&'line [u8]),
}

/// Reads what follows [`BEGINNING`], trailing blanks removed.
pub(super) fn read(line: &[u8]) -> Result<Header<'_>, NoHeader<'_>> {
    csv(line).or_else(|error| {
        if error == NoHeader::Shape {
            text(line)
        } else {
            Err(error)
        }
    })
}

/// `<title>,virtual machine worldGroupID,<n>,virtual disk handleID,<n> (scsi0:0)`; no title holds a comma.
fn csv(line: &[u8]) -> Result<Header<'_>, NoHeader<'_>> {
    let comma = memchr(b',', line).ok_or(NoHeader::Shape)?;
    let (title, rest) = line.split_at_checked(comma).ok_or(NoHeader::Shape)?;
    let rest = rest
        .strip_prefix(b",virtual machine worldGroupID,")
        .ok_or(NoHeader::Shape)?;
    let (world_group_id, rest) = number(rest)?;
    let rest = rest.strip_prefix(b",virtual disk handleID,").ok_or(NoHeader::Shape)?;
    let (handle_id, rest) = number(rest)?;
    Ok(Header {
        form: Form::Csv,
        title,
        world_group_id: WorldGroupId(world_group_id),
        handle_id: HandleId(handle_id),
        node: node(rest)?,
    })
}

/// `<title>[ for virtual machine] worldGroupID : <n>, virtual disk handleID : <n>[ (scsi0:0)] {`.
///
/// No plain-text capture is known. The shorter shape is what scripts of the ESX 4.x era match; the longer one is from
/// memory of later hosts. The brace is not required, because it says nothing.
fn text(line: &[u8]) -> Result<Header<'_>, NoHeader<'_>> {
    const SEPARATOR: &[u8] = b" worldGroupID : ";
    let at = memmem::find(line, SEPARATOR).ok_or(NoHeader::Shape)?;
    let (title, rest) = line.split_at_checked(at).ok_or(NoHeader::Shape)?;
    let rest = rest.strip_prefix(SEPARATOR).ok_or(NoHeader::Shape)?;
    let title = title.strip_suffix(b" for virtual machine").unwrap_or(title);
    let (world_group_id, rest) = number(rest)?;
    let rest = rest
        .strip_prefix(b", virtual disk handleID : ")
        .ok_or(NoHeader::Shape)?;
    let (handle_id, rest) = number(rest)?;
    let rest = rest.strip_suffix(b"{").unwrap_or(rest).trim_ascii_end();
    Ok(Header {
        form: Form::Text,
        title,
        world_group_id: WorldGroupId(world_group_id),
        handle_id: HandleId(handle_id),
        node: node(rest)?,
    })
}

/// The digits at the start of `text`, and what follows them.
fn number(text: &[u8]) -> Result<(u64, &[u8]), NoHeader<'_>> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(length).ok_or(NoHeader::Shape)?;
    match unsigned(digits) {
        Ok(value) => Ok((value, rest)),
        Err(NotANumber::Shape) => Err(NoHeader::Shape),
        Err(NotANumber::Size) => Err(NoHeader::Number(digits)),
    }
}

/// The virtual device node in parentheses; hosts of the 4.x era print none.
fn node(rest: &[u8]) -> Result<Option<&[u8]>, NoHeader<'_>> {
    if rest.is_empty() {
        return Ok(None);
    }
    let inside = rest
        .strip_prefix(b" (")
        .and_then(|rest| rest.strip_suffix(b")"))
        .filter(|node| !node.contains(&b')'))
        .ok_or(NoHeader::Shape)?;
    Ok(Some(inside))
}

/// The kind of histogram printed under this title.
pub(super) fn kind(title: &[u8]) -> Option<crate::histogram::HistogramKind> {
    crate::histogram::HistogramKind::from_title(std::str::from_utf8(title).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header<'line>(form: Form, title: &'line str, node: Option<&'line str>) -> Header<'line> {
        Header {
            form,
            title: title.as_bytes(),
            world_group_id: WorldGroupId(4335),
            handle_id: HandleId(8195),
            node: node.map(str::as_bytes),
        }
    }

    #[test]
    fn the_csv_shape_is_read() {
        assert_eq!(
            read(b"IO lengths of commands,virtual machine worldGroupID,4335,virtual disk handleID,8195 (scsi0:0)"),
            Ok(header(Form::Csv, "IO lengths of commands", Some("scsi0:0")))
        );
    }

    #[test]
    fn the_csv_shape_may_lack_the_node() {
        assert_eq!(
            read(b"IO lengths of commands,virtual machine worldGroupID,4335,virtual disk handleID,8195"),
            Ok(header(Form::Csv, "IO lengths of commands", None))
        );
    }

    #[test]
    fn both_plain_text_shapes_are_read() {
        assert_eq!(
            read(b"IO lengths of commands worldGroupID : 4335, virtual disk handleID : 8195 {"),
            Ok(header(Form::Text, "IO lengths of commands", None))
        );
        assert_eq!(
            read(
                b"IO lengths of commands for virtual machine worldGroupID : 4335, virtual disk handleID : 8195 (scsi0:0) {"
            ),
            Ok(header(Form::Text, "IO lengths of commands", Some("scsi0:0")))
        );
    }

    #[test]
    fn an_identifier_beyond_64_bits_is_named() {
        assert_eq!(
            read(b"x,virtual machine worldGroupID,99999999999999999999,virtual disk handleID,1"),
            Err(NoHeader::Number(b"99999999999999999999"))
        );
    }

    #[test]
    fn text_behind_the_node_makes_it_no_header() {
        assert_eq!(
            read(b"x,virtual machine worldGroupID,1,virtual disk handleID,1 (scsi0:0) y"),
            Err(NoHeader::Shape)
        );
    }
}

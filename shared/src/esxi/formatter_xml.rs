//! `esxcli --formatter=xml`, as far as its lists of structures go: `<structure>` holds `<field name="…">`, which holds
//! one value element.
//!
//! esxcli writes one tag and at most one value per line and uses no attributes but names, so this is a scanner of tags
//! and no XML parser; anything unknown is passed over.

use std::borrow::Cow;

use super::record::{Field, Record};

/// The text is the output of this formatter.
pub(super) fn is_xml(text: &str) -> bool {
    text.trim_start().starts_with("<?xml") || text.trim_start().starts_with("<output")
}

/// The structures. One that is not closed was cut off and is not among them.
pub(super) fn read(text: &str) -> Vec<Record<'_>> {
    let mut records = Vec::new();
    let mut open: Option<Record<'_>> = None;
    let mut key = None;
    let mut line = 1;
    let mut rest = text;
    while let Some((before, tag, after)) = next_tag(rest) {
        let tag_line = line + newlines(before);
        line = tag_line + newlines(tag);
        rest = after;
        if tag.starts_with("structure") {
            open = Some(Record {
                line: tag_line,
                ..Record::default()
            });
        } else if tag == "/structure" {
            records.extend(open.take());
        } else if tag.starts_with("field") {
            key = attribute(tag, "name");
        } else if let (Some(name), Some(record), true) = (key, open.as_mut(), is_closing_value(tag)) {
            record.fields.push(Field {
                line: tag_line,
                key: name,
                value: unescaped(before),
            });
            key = None;
        }
    }
    records
}

/// What stands before the next tag, the tag without its brackets, and what follows it.
fn next_tag(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('<')?;
    let (tag, after) = rest.split_once('>')?;
    Some((before, tag, after))
}

fn newlines(text: &str) -> u64 {
    text.bytes().filter(|&byte| byte == b'\n').count() as u64
}

fn is_closing_value(tag: &str) -> bool {
    matches!(tag, "/string" | "/integer" | "/boolean" | "/long")
}

fn attribute<'text>(tag: &'text str, name: &str) -> Option<&'text str> {
    let (_, rest) = tag.split_once(name)?;
    rest.strip_prefix("=\"")?.split_once('"').map(|(value, _)| value)
}

/// The five predefined entities; the ampersand last, so that `&amp;lt;` is `&lt;`.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let text = text.replace("&lt;", "<").replace("&gt;", ">");
    let text = text.replace("&quot;", "\"").replace("&apos;", "'");
    Cow::Owned(text.replace("&amp;", "&"))
}

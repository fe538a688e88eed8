//! One entry of a list, whatever the format it was printed in.

use std::str::FromStr;

use super::DiagnosticKind;
use super::diagnostic::Findings;

/// Keys with their values, in the order printed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Record<'text> {
    /// Line it begins at.
    pub(super) line: u64,
    /// The line above its fields, where the format has one.
    pub(super) heading: &'text str,
    pub(super) fields: Vec<Field<'text>>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field<'text> {
    pub(super) line: u64,
    pub(super) key: &'text str,
    pub(super) value: &'text str,
}

impl Record<'_> {
    /// The value of `key`, blanks at its ends removed; `None` when it is absent or empty.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.field(key).map(|(_, value)| value)
    }

    /// The value of a key that makes the record what it is; its absence is reported.
    pub(super) fn required(&self, key: &'static str, findings: &mut Findings) -> Option<&str> {
        let value = self.get(key);
        if value.is_none() {
            findings.report(self.line, DiagnosticKind::Missing(key));
        }
        value
    }

    /// A number or flag that a host may leave out; only an unreadable one is reported.
    pub(super) fn parsed<T: FromStr>(&self, key: &'static str, findings: &mut Findings) -> Option<T> {
        let (line, value) = self.field(key)?;
        let parsed = value.parse().ok();
        if parsed.is_none() {
            findings.bad_value(line, key, value);
        }
        parsed
    }

    fn field(&self, key: &str) -> Option<(u64, &str)> {
        let field = self.fields.iter().find(|field| field.key == key)?;
        let value = field.value.trim();
        (!value.is_empty()).then_some((field.line, value))
    }
}

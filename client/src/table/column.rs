//! The columns of a table: what they mean, and their values batch by batch.

use std::iter::repeat_n;

use jiff::Timestamp;

use super::TableError;

/// A column: its name and type, and what a reader of its metadata is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct ColumnSpec {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Unit of its values; empty where they have none.
    pub(super) unit: &'static str,
    pub(super) meaning: &'static str,
}

impl ColumnSpec {
    pub(super) const fn new(name: &'static str, kind: Kind, unit: &'static str, meaning: &'static str) -> Self {
        Self {
            name,
            kind,
            unit,
            meaning,
        }
    }
}

/// The types that columns have. Integers are signed, because Spark, Athena and Trino know no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Int32,
    Int64,
    /// 64 bits, or nothing.
    OptionalInt64,
    Float64,
    /// A number, or nothing.
    OptionalFloat64,
    Text,
    Timestamp,
}

/// Values of a column, of the kind that its [`ColumnSpec`] names.
#[derive(Debug)]
pub(super) enum Values<'text> {
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    OptionalInt64(Vec<Option<i64>>),
    Float64(Vec<f64>),
    OptionalFloat64(Vec<Option<f64>>),
    Text(Vec<&'text str>),
    Timestamp(Vec<Timestamp>),
}

/// One value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell<'text> {
    Nothing,
    Integer(i64),
    Number(f64),
    Text(&'text str),
    Timestamp(Timestamp),
}

impl<'text> Values<'text> {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Int32(values) => values.len(),
            Self::Int64(values) => values.len(),
            Self::OptionalInt64(values) => values.len(),
            Self::Float64(values) => values.len(),
            Self::OptionalFloat64(values) => values.len(),
            Self::Text(values) => values.len(),
            Self::Timestamp(values) => values.len(),
        }
    }

    /// The value in `row`; nothing behind the last.
    pub(super) fn cell(&self, row: usize) -> Cell<'text> {
        let cell = match self {
            Self::Int32(values) => values.get(row).map(|value| Cell::Integer((*value).into())),
            Self::Int64(values) => values.get(row).copied().map(Cell::Integer),
            Self::OptionalInt64(values) => values.get(row).copied().flatten().map(Cell::Integer),
            Self::Float64(values) => values.get(row).copied().map(Cell::Number),
            Self::OptionalFloat64(values) => values.get(row).copied().flatten().map(Cell::Number),
            Self::Text(values) => values.get(row).copied().map(Cell::Text),
            Self::Timestamp(values) => values.get(row).copied().map(Cell::Timestamp),
        };
        cell.unwrap_or(Cell::Nothing)
    }

    /// A column without rows.
    pub(super) fn none(kind: Kind) -> Self {
        match kind {
            Kind::Int32 => Self::Int32(Vec::new()),
            Kind::Int64 => Self::Int64(Vec::new()),
            Kind::OptionalInt64 => Self::OptionalInt64(Vec::new()),
            Kind::Float64 => Self::Float64(Vec::new()),
            Kind::OptionalFloat64 => Self::OptionalFloat64(Vec::new()),
            Kind::Text => Self::Text(Vec::new()),
            Kind::Timestamp => Self::Timestamp(Vec::new()),
        }
    }

    /// The same text in every row.
    pub(super) fn repeated(text: &'text str, rows: usize) -> Self {
        Self::Text(repeat_n(text, rows).collect())
    }
}

/// Unsigned numbers as signed ones.
///
/// # Errors
/// [`TableError::TooLarge`] when one does not fit.
pub(super) fn signed<From, To: TryFrom<From>>(values: impl IntoIterator<Item = From>) -> Result<Vec<To>, TableError> {
    let fitted = values.into_iter().map(|value| To::try_from(value).ok());
    fitted.collect::<Option<Vec<To>>>().ok_or(TableError::TooLarge)
}

/// A table: its columns, and their values in batches.
pub(super) struct Table<'data> {
    pub(super) columns: Vec<ColumnSpec>,
    pub(super) batches: Box<dyn Iterator<Item = Result<Vec<Values<'data>>, TableError>> + 'data>,
}

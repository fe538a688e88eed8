//! UTF-16 made plain: `>` of Windows PowerShell writes the output of a command that way.

use std::borrow::Cow;

/// What the first two bytes of an input say about the rest.
#[derive(Debug, Default)]
pub(super) enum Encoding {
    /// Not read yet.
    #[default]
    Unknown,
    /// The first byte, which says nothing without the second.
    FirstByte(u8),
    /// One byte per character, as far as vscsiStats prints any.
    Bytes,
    /// Two bytes per character.
    Utf16 {
        to_unit: fn([u8; 2]) -> u16,
        /// The first of a pair that the last piece ended in.
        half: Option<u8>,
        /// A byte order mark announced it.
        marked: bool,
    },
}

impl Encoding {
    /// The piece in single bytes. A character that is not ASCII, which vscsiStats never prints, becomes `?`; a no-break
    /// space stays one.
    pub(super) fn decode<'piece>(&mut self, piece: &'piece [u8]) -> Cow<'piece, [u8]> {
        if let Self::FirstByte(first) = *self {
            *self = Self::Unknown;
            let whole = [&[first], piece].concat();
            return Cow::Owned(self.decode_whole(&whole).into_owned());
        }
        self.decode_whole(piece)
    }

    fn decode_whole<'piece>(&mut self, piece: &'piece [u8]) -> Cow<'piece, [u8]> {
        let mut rest = piece;
        if let Self::Unknown = self {
            (*self, rest) = match piece {
                [] => (Self::Unknown, piece),
                [first] => (Self::FirstByte(*first), &[][..]),
                [0xff, 0xfe, rest @ ..] => (Self::utf16(u16::from_le_bytes, true), rest),
                [0xfe, 0xff, rest @ ..] => (Self::utf16(u16::from_be_bytes, true), rest),
                // Text has no zero byte, and every second one of ASCII characters in UTF-16 is.
                [first, 0, ..] if is_text(*first) => (Self::utf16(u16::from_le_bytes, false), piece),
                [0, second, ..] if is_text(*second) => (Self::utf16(u16::from_be_bytes, false), piece),
                _ => (Self::Bytes, piece),
            };
        }
        match self {
            Self::Utf16 { to_unit, half, .. } => Cow::Owned(narrowed(*to_unit, half, rest)),
            Self::Unknown | Self::FirstByte(_) | Self::Bytes => Cow::Borrowed(rest),
        }
    }

    fn utf16(to_unit: fn([u8; 2]) -> u16, marked: bool) -> Self {
        Self::Utf16 {
            to_unit,
            half: None,
            marked,
        }
    }

    /// It is UTF-16, and nothing but its zero bytes says so.
    pub(super) fn is_unmarked_utf16(&self) -> bool {
        matches!(self, Self::Utf16 { marked: false, .. })
    }

    /// What was held back when the input ends.
    pub(super) fn finish(&self) -> Option<u8> {
        match self {
            Self::FirstByte(byte) => Some(*byte),
            // Half a character is none.
            Self::Unknown | Self::Bytes | Self::Utf16 { .. } => None,
        }
    }
}

fn is_text(byte: u8) -> bool {
    byte.is_ascii_graphic() || byte.is_ascii_whitespace()
}

fn narrowed(to_unit: fn([u8; 2]) -> u16, half: &mut Option<u8>, piece: &[u8]) -> Vec<u8> {
    let mut narrow = Vec::with_capacity(piece.len() / 2 + 1);
    for &byte in piece {
        match half.take() {
            Some(first) => match to_unit([first, byte]) {
                0xa0 => narrow.extend_from_slice("\u{a0}".as_bytes()),
                unit => narrow.push(u8::try_from(unit).ok().filter(u8::is_ascii).unwrap_or(b'?')),
            },
            None => *half = Some(byte),
        }
    }
    narrow
}

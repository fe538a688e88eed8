//! Texts that somebody else wrote, made safe to show: a VM may be called `"\x1b]0;…"`, and a terminal obeys.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Does `character` do something to the reader's screen instead of standing on it?
///
/// These are the control characters (C0, DEL and C1), the marks that change the direction in which the text around them
/// is shown (Unicode Standard Annex 9, section 2), and Unicode's own ends of a line and of a paragraph.
pub(crate) fn is_command(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `text` on one line, with everything that a terminal would obey written as its escape, such as `\u{1b}` and `\n`.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    shown(text, is_command)
}

/// The same, where the line feeds are the layout of whoever made the text.
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    shown(text, |character| character != '\n' && is_command(character))
}

fn shown(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut visible = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_escaped(character) {
            visible.extend(character.escape_default());
        } else {
            visible.push(character);
        }
    }
    Cow::Owned(visible)
}

/// JSON whose texts mean the same, with the characters that a terminal would obey escaped. Line feeds can only stand
/// between its values.
pub(crate) fn json_as_it_is(json: &str) -> Cow<'_, str> {
    if !json.contains(|character| character != '\n' && is_command(character)) {
        return Cow::Borrowed(json);
    }
    let mut escaped = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        if character != '\n' && is_command(character) {
            // Every one of them has four digits at most. Writing to a string cannot fail.
            let _ = write!(escaped, "\\u{:04x}", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

/// JSON in which every text is what [`one_line`] makes of it.
///
/// It works on the letters of the JSON, so that an answer is made safe before a byte of it is kept, whatever type it is
/// read as. A backslash stands in texts only, and so do the raw characters that are escaped here.
pub(crate) fn json_of_lines(json: &str) -> Cow<'_, str> {
    let is_plain = |character: char| character != '\\' && (character.is_ascii() || !is_command(character));
    if json.chars().all(is_plain) && !json.contains('\u{7f}') {
        return Cow::Borrowed(json);
    }
    let mut visible = String::with_capacity(json.len() + 16);
    let mut rest = json.chars();
    while let Some(character) = rest.next() {
        if character == '\\' {
            let escape = rest.as_str();
            let (meant, length) = meaning(escape);
            if let Some(meant) = meant.filter(|meant| is_command(*meant)) {
                push_escaped(&mut visible, meant);
            } else {
                visible.push('\\');
                visible.extend(escape.chars().take(length));
            }
            rest = escape.get(length..).unwrap_or_default().chars();
        } else if is_command(character) && !character.is_ascii() || character == '\u{7f}' {
            push_escaped(&mut visible, character);
        } else {
            visible.push(character);
        }
    }
    Cow::Owned(visible)
}

/// The escape of a character as a JSON text that holds a backslash.
fn push_escaped(visible: &mut String, character: char) {
    visible.push('\\');
    visible.extend(character.escape_default());
}

/// The character that an escape of JSON means, given what follows the backslash, and the bytes of it. A half of a
/// surrogate pair means none, and nor does what is no escape, which the parser will refuse.
fn meaning(escape: &str) -> (Option<char>, usize) {
    match escape.chars().next() {
        Some('b') => (Some('\u{8}'), 1),
        Some('f') => (Some('\u{c}'), 1),
        Some('n') => (Some('\n'), 1),
        Some('r') => (Some('\r'), 1),
        Some('t') => (Some('\t'), 1),
        Some('u') => match escape.get(1..5).map(|digits| u32::from_str_radix(digits, 16)) {
            Some(Ok(code)) => (char::from_u32(code), 5),
            _ => (None, 1),
        },
        Some(other) => (None, other.len_utf8()),
        None => (None, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn escape_sequences_line_ends_and_marks_of_direction_are_made_visible() {
        let cases = [
            ("a\u{1b}[31mb", r"a\u{1b}[31mb"),
            ("a\r\nb\tc", r"a\r\nb\tc"),
            ("\u{9b}31m\u{7f}", r"\u{9b}31m\u{7f}"),
            (
                "\u{202e}gpj.exe\u{2066}\u{200f}\u{61c}",
                r"\u{202e}gpj.exe\u{2066}\u{200f}\u{61c}",
            ),
            ("a\u{2028}b\u{2029}c", r"a\u{2028}b\u{2029}c"),
        ];
        for (text, visible) in cases {
            assert_eq!(one_line(text), visible);
        }
    }

    #[test]
    fn names_in_any_script_stay_as_they_are() {
        for name in ["SQL-Ü (1)", "データベース", "قاعدة", "👩‍💻", "=1+1"] {
            assert_eq!(one_line(name), name);
        }
    }

    #[test]
    fn the_layout_of_a_message_keeps_its_line_feeds_and_nothing_else() {
        assert_eq!(lines("a\n  b\u{1b}c\r"), "a\n  b\\u{1b}c\\r");
    }

    /// `value` with every text in it, keys included, on one line.
    fn on_lines(value: &Value) -> Value {
        match value {
            Value::String(text) => json!(one_line(text)),
            Value::Array(items) => items.iter().map(on_lines).collect(),
            Value::Object(fields) => fields
                .iter()
                .map(|(key, value)| (one_line(key).into_owned(), on_lines(value)))
                .collect(),
            other => other.clone(),
        }
    }

    fn texts() -> impl Strategy<Value = String> {
        // Much of what is escaped, much of what escapes, and anything.
        prop::collection::vec(
            prop_oneof![
                prop::sample::select(vec![
                    '\\', '"', 'u', 'n', '0', '\n', '\r', '\u{1b}', '\u{202e}', '\u{7f}', '\u{9b}'
                ]),
                any::<char>(),
            ],
            0..12,
        )
        .prop_map(|letters| letters.into_iter().collect())
    }

    proptest! {
        #[test]
        fn a_json_of_lines_holds_each_text_on_one_line(key in texts(), texts in prop::collection::vec(texts(), 1..4)) {
            let value = json!({(key): {"texts": texts, "number": 7}});
            for written in [value.to_string(), serde_json::to_string_pretty(&value).unwrap(), in_ascii(&value)] {
                let read: Value = serde_json::from_str(&json_of_lines(&written)).unwrap();
                prop_assert_eq!(read, on_lines(&value), "{}", written);
            }
        }

        #[test]
        fn escaped_json_means_the_same_and_commands_nothing(texts in prop::collection::vec(texts(), 1..4)) {
            let value = json!({"texts": texts});
            let written = serde_json::to_string_pretty(&value).unwrap();
            let escaped = json_as_it_is(&written);
            prop_assert!(!escaped.contains(|character| character != '\n' && is_command(character)));
            prop_assert_eq!(serde_json::from_str::<Value>(&escaped).unwrap(), value);
        }
    }

    /// JSON as some programs write it: everything beyond ASCII as an escape.
    fn in_ascii(value: &Value) -> String {
        let mut written = String::new();
        for unit in value.to_string().encode_utf16() {
            match u8::try_from(unit) {
                Ok(byte) if byte.is_ascii() => written.push(char::from(byte)),
                _ => write!(written, "\\u{unit:04X}").unwrap(),
            }
        }
        written
    }

    #[test]
    fn what_is_no_json_stays_none() {
        for text in ["\\", "\"\\u12\"", "\"\\uzzzz\"", "\"\\x\"", "{\"a\":\"b", "\u{1b}"] {
            assert!(serde_json::from_str::<Value>(&json_of_lines(text)).is_err(), "{text:?}");
        }
    }
}

//! Text from data that goes into generated files, made harmless.

/// Longest text of data in a comment; fio itself reads lines of at most 4095 bytes.
const LONGEST_COMMENT: usize = 200;

/// Text from data for a comment: on one line, without control characters, and bounded.
///
/// A comment ends at the end of its line and fio expands nothing in it, so nothing else needs care.
pub(crate) fn comment(text: &str) -> String {
    text.chars()
        .take(LONGEST_COMMENT)
        .map(|letter| {
            if letter.is_control() || is_line_separator(letter) {
                '?'
            } else {
                letter
            }
        })
        .collect()
}

/// A section name made from a job's name: letters, digits, `.`, `_` and `-`; fio's own word `global` is avoided.
pub(crate) fn section_name(text: &str) -> String {
    let name: String = text
        .chars()
        .take(64)
        .map(|letter| match letter {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '.' | '_' | '-' => letter,
            _ => '_',
        })
        .collect();
    if name.is_empty() || name == "global" {
        format!("job-{name}")
    } else {
        name
    }
}

/// Separators that some editors and tools take for line ends although they are no control characters.
fn is_line_separator(letter: char) -> bool {
    matches!(letter, '\u{2028}' | '\u{2029}')
}

/// A size as people write it in fio files: `8k`, `64k`, and bytes where nothing shorter is exact.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0 => "0".to_owned(),
        bytes if bytes % (1 << 30) == 0 => format!("{}g", bytes >> 30),
        bytes if bytes % (1 << 20) == 0 => format!("{}m", bytes >> 20),
        bytes if bytes % (1 << 10) == 0 => format!("{}k", bytes >> 10),
        bytes => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_stays_on_its_line() {
        assert_eq!(
            comment("vm\n[evil]\r\nfilename=/dev/sda\u{2028}x"),
            "vm?[evil]??filename=/dev/sda?x"
        );
    }

    #[test]
    fn a_section_name_holds_no_bracket() {
        assert_eq!(section_name("a]\nb;c"), "a__b_c");
    }

    #[test]
    fn a_job_named_global_does_not_become_fios_global_section() {
        assert_eq!(section_name("global"), "job-global");
    }

    #[test]
    fn sizes_are_written_exactly() {
        assert_eq!(
            [512, 4096, 6656, 1 << 20, 3 << 30].map(size),
            ["512", "4k", "6656", "1m", "3g"]
        );
    }
}

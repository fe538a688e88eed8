//! Text from data that goes into generated files, made harmless.

use std::ffi::OsStr;

use sha2::{Digest as _, Sha256};

use crate::sha256::hexadecimal;

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

/// Longest name made from data, characters; fio reads section names of at most 255.
const LONGEST_NAME: usize = 64;

/// A section name made from a job's name: letters, digits, `.`, `_` and `-`, from at most 64 characters. fio takes
/// every section whose name begins with `global` for one of options for all others, so such a name is avoided.
pub(crate) fn section_name(text: &str) -> String {
    let name: String = text
        .chars()
        .take(LONGEST_NAME)
        .map(|letter| match letter {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '.' | '_' | '-' => letter,
            _ => '_',
        })
        .collect();
    if name.is_empty() || is_global(&name) {
        format!("job-{name}")
    } else {
        name
    }
}

/// Whether fio takes a section of this name for one of options for all others.
/// [Source: `__parse_jobs_ini` in fio's `init.c`, 3.33 to 3.42: `!strncmp(name, "global", 6)`.]
pub(crate) fn is_global(section: &str) -> bool {
    section.starts_with("global")
}

/// A file name without extension, as the beginning of the names of files that belong to it. Different names give
/// different beginnings, none of which is the beginning of another followed by letters, digits, `.`, `_` or `-`.
pub(crate) fn file_prefix(stem: &OsStr) -> String {
    let name = section_name(&stem.to_string_lossy());
    if name.as_str() == stem {
        return name;
    }
    let digest = Sha256::digest(stem.as_encoded_bytes());
    format!("{name}+{}", hexadecimal(digest.get(..4).unwrap_or(&digest)))
}

/// Separators that some editors and tools take for line ends although they are no control characters.
fn is_line_separator(letter: char) -> bool {
    matches!(letter, '\u{2028}' | '\u{2029}')
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
        assert_eq!(section_name("global-reads"), "job-global-reads");
    }

    #[test]
    fn files_of_different_names_begin_differently_where_their_logs_could_not() {
        assert_eq!(file_prefix(OsStr::new("sql-workload")), "sql-workload");
        let long = "x".repeat(64);
        let names =
            ["a b", "a_b", "a+b", "", "global", &long, &format!("{long}y")].map(|stem| file_prefix(OsStr::new(stem)));
        let distinct: std::collections::BTreeSet<&String> = names.iter().collect();
        assert_eq!(distinct.len(), names.len(), "{names:?}");
    }
}

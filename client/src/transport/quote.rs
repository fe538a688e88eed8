//! Words for the host's shell.
//!
//! sshd hands one text to the login shell, so every argument has to survive a POSIX `sh` (BusyBox ash on ESXi).

use std::borrow::Cow;

/// `word` so that a POSIX shell reads it as that one word.
pub fn quote(word: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:=@%+,".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        Cow::Borrowed(word)
    } else {
        // Inside single quotes everything stands for itself; a single quote ends them, stands escaped, and begins them.
        Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
    }
}

/// The command line that a POSIX shell splits into exactly `words`.
pub fn command_line<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(quote).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::Command;

    /// What a real POSIX shell makes of `line`.
    fn words_of_a_shell(line: &str) -> Vec<String> {
        let script = format!("set -- {line}\nfor word in \"$@\"; do printf '%s\\0' \"$word\"; done");
        let output = Command::new("/bin/sh").args(["-c", &script]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_terminator('\0').map(str::to_owned).collect()
    }

    #[test]
    fn awkward_words_survive_a_shell() {
        let words = [
            "",
            "a b",
            "it's",
            "\"x\"",
            "$(id)",
            "`id`",
            "ä€😀",
            "-n",
            "*",
            "\\",
            "a\nb",
            "~",
            "#",
            ";&|<>",
        ];
        assert_eq!(words_of_a_shell(&command_line(words)), words);
    }

    #[test]
    fn a_plain_word_is_not_quoted() {
        assert_eq!(
            quote("/vmfs/volumes/ds1/vscsi-helper/vscsi-agent"),
            "/vmfs/volumes/ds1/vscsi-helper/vscsi-agent"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_words_survive_a_shell(words in prop::collection::vec("[^\0]{0,12}", 1..5)) {
            let line = command_line(words.iter().map(String::as_str));
            prop_assert_eq!(words_of_a_shell(&line), words);
        }
    }
}

//! A real terminal, on which one test runs by itself.

use std::process::{Command, Stdio};

/// By which a test knows that it runs there.
const MARK: &str = "VSCSI_TEST_ON_A_TERMINAL";
const ENTER: &str = "\u{1b}[?1049h";
const LEAVE: &str = "\u{1b}[?1049l";
const HIDE_CURSOR: &str = "\u{1b}[?25l";
const SHOW_CURSOR: &str = "\u{1b}[?25h";

/// What came to the terminal.
#[derive(Debug)]
pub(crate) struct Told(String);

/// Has `test`, which calls this, run once more on a terminal, where it does `act`. What came of that is told to the one
/// that is not there.
pub(crate) fn on_a_terminal(test: &str, act: impl FnOnce()) -> Option<Told> {
    if std::env::var_os(MARK).is_some() {
        act();
        return None;
    }
    let own = std::env::current_exe().unwrap();
    // The settings of the terminal stand before and after it.
    let words = format!(
        "stty rows 30 cols 100; stty -g; {MARK}=1 '{}' --exact {test} --nocapture; stty -g",
        own.display()
    );
    let mut script = Command::new("script")
        .args(["--quiet", "--return", "--command", &words, "/dev/null"])
        .env("SHELL", "/bin/sh")
        .env("TERM", "xterm-256color")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Its end would be Ctrl-D on the terminal.
    let keyboard = script.stdin.take();
    let output = script.wait_with_output().unwrap();
    drop(keyboard);
    Some(Told(String::from_utf8_lossy(&output.stdout).into_owned()))
}

impl Told {
    /// The picture began and ended once, `words` stand outside of it, and the terminal has its settings and its cursor.
    #[track_caller]
    pub(crate) fn assert_whole(&self, words: &str) {
        let Self(told) = self;
        assert_eq!(
            (told.matches(ENTER).count(), told.matches(LEAVE).count()),
            (1, 1),
            "{told:?}"
        );
        let (before, rest) = told.split_once(ENTER).unwrap();
        let (picture, after) = rest.split_once(LEAVE).unwrap();
        assert!(!picture.contains(words), "{told:?}");
        assert!(before.contains(words) || after.contains(words), "{told:?}");
        assert!(told.rfind(SHOW_CURSOR) > told.rfind(HIDE_CURSOR), "{told:?}");
        assert_eq!(told.lines().next(), told.lines().last(), "{told:?}");
    }
}

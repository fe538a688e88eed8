//! Keys without a character, as `WebDriver` writes them (<https://www.w3.org/TR/webdriver2/#keyboard-actions>).

/// Goes on to the next control.
pub const TAB: &str = "\u{e004}";
/// Presses, or takes what was marked.
pub const ENTER: &str = "\u{e007}";
/// Held down while another key is pressed.
pub const SHIFT: &str = "\u{e008}";
/// Ends what was begun.
pub const ESCAPE: &str = "\u{e00c}";
/// To the last.
pub const END: &str = "\u{e010}";
/// To the first.
pub const HOME: &str = "\u{e011}";
/// The arrow to the left.
pub const LEFT: &str = "\u{e012}";
/// The arrow up.
pub const UP: &str = "\u{e013}";
/// The arrow to the right.
pub const RIGHT: &str = "\u{e014}";
/// The arrow down.
pub const DOWN: &str = "\u{e015}";

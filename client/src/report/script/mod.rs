//! The page's script: the controls that a reader gets whose browser runs it. Without it nothing is missing but these.
//!
//! Plain ES2022, a file a concept, each with one function `improveXxx(root, data)` that works below `root` and with its own
//! field of [`Data`](super::data::Data), and that may be called again on another root. What they make that is not in the
//! page without them stands in elements of the class `tools`.

/// The files in the order in which they are read; `main.js` puts the others to work.
const FILES: [&str; 8] = [
    include_str!("element.js"),
    include_str!("ladder.js"),
    include_str!("surface.js"),
    include_str!("hover.js"),
    include_str!("zoom.js"),
    include_str!("charts.js"),
    include_str!("replay.js"),
    include_str!("main.js"),
];

/// The whole script, without the comments that stand on lines of their own.
pub(super) fn script() -> String {
    put_together(&FILES)
}

/// The same for a page that shows reports as they come to be.
pub(super) fn live() -> String {
    put_together(&[&FILES[..], &[include_str!("live.js")]].concat())
}

fn put_together(files: &[&str]) -> String {
    let lines = files.iter().flat_map(|file| file.lines()).map(str::trim);
    let code = lines.filter(|line| !line.is_empty() && !line.starts_with("//"));
    let code: Vec<&str> = code.collect();
    format!("(() => {{\n\"use strict\";\n{}\n}})();\n", code.join("\n"))
}

//! What holds whatever a host answers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use vscsi_shared::snapshot::sequence_of;

use super::INJECTED;
use super::workstation::Ended;

/// Memory that the client may have at its peak.
pub const MEMORY_LIMIT_BYTES: u64 = 200_000_000;

/// How long a command may take.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(pub Duration);

impl Default for Deadline {
    /// A machine that builds at the same time is slow.
    fn default() -> Self {
        Self(Duration::from_mins(1))
    }
}

/// Every file below a folder, with its content.
pub(super) type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Reads every file below `folder`; a link is told as where it leads.
pub(super) fn files_below(folder: &Path) -> Files {
    let mut found = Files::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_symlink() {
                let target = std::fs::read_link(&path).unwrap_or_default();
                found.insert(path, target.into_os_string().into_encoded_bytes());
            } else {
                found.insert(path.clone(), std::fs::read(&path).unwrap_or_default());
            }
        }
    }
    found
}

/// What changed below `home` that `may_change` does not allow.
pub(super) fn changed(home: &Path, before: &Files, after: &Files, may_change: impl Fn(&Path) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for path in before.keys().chain(after.keys()) {
        let below = path.strip_prefix(home).unwrap_or(path);
        let (was, is) = (before.get(path), after.get(path));
        let what = match (was, is) {
            (Some(was), Some(is)) if was == is => continue,
            (Some(_), Some(_)) => "has changed",
            (Some(_), None) => "is gone",
            _ => "is new",
        };
        let was_stored = was.is_some() && is_sample(below);
        // A snapshot that was stored stays as it is, whoever's it is, until its whole job is deleted.
        let is_deleted = is.is_none() && !path.parent().is_some_and(Path::exists);
        if (was_stored && !is_deleted) || !may_change(below) {
            let line = format!("{} {what}", below.display());
            if !found.contains(&line) {
                found.push(line);
            }
        }
    }
    found
}

fn is_sample(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| sequence_of(name).is_some())
}

/// Exit codes that the documentation lists, without those of signals.
const EXIT_CODES: [i32; 11] = [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14];

/// What is wrong with how a command ended.
pub(super) fn broken_by(ended: &Ended, deadline: Deadline) -> Vec<String> {
    let mut broken = Vec::new();
    if ended.was_killed {
        broken.push(format!("did not end within {:?}", deadline.0));
    } else if !EXIT_CODES.contains(&ended.code) {
        broken.push(format!("ended with {}", ended.code));
    }
    if ended.peak_bytes > MEMORY_LIMIT_BYTES {
        broken.push(format!("took {} MB of memory", ended.peak_bytes / 1_000_000));
    }
    if ended.stderr.contains("panicked") {
        broken.push("panicked".to_owned());
    }
    let is_failure = !ended.was_killed && ![0, 3].contains(&ended.code);
    if is_failure && !ended.stderr.contains("error: ") {
        broken.push("failed without a message".to_owned());
    }
    for (stream, text) in [("output", &ended.stdout), ("error", &ended.stderr)] {
        if let Some(character) = text.chars().find(|character| commands_a_terminal(*character)) {
            broken.push(format!(
                "printed {} on its standard {stream}",
                character.escape_unicode()
            ));
        }
        if text.lines().any(|line| line.trim_start().starts_with(INJECTED)) {
            broken.push(format!("printed a line of the host's own on its standard {stream}"));
        }
        if text.lines().any(|line| line.len() > 1_000_000) {
            broken.push(format!(
                "printed a line of {} bytes on its standard {stream}",
                text.len()
            ));
        }
    }
    broken
}

/// Control characters but the line feed, and the marks that change the direction in which text is read or end a line.
fn commands_a_terminal(character: char) -> bool {
    (character.is_control() && character != '\n')
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(character, '\u{2028}' | '\u{2029}')
}

/// What is wrong with files that other programs read: a spreadsheet runs a cell that begins like a formula, and fio obeys
/// every line of its file.
pub(super) fn dangerous(files: &Files) -> Vec<String> {
    let mut found = Vec::new();
    for (path, content) in files {
        let text = String::from_utf8_lossy(content);
        let is_table = path.ends_with("analysis/filtered_data.csv");
        if is_table && text.lines().flat_map(|line| line.split(',')).any(is_formula) {
            found.push(format!("{} holds a formula", path.display()));
        }
        if path.extension().is_some_and(|extension| extension == "fio")
            && text.lines().any(|line| line.trim_start().starts_with("exec_prerun"))
        {
            found.push(format!("{} holds an option of the host's", path.display()));
        }
    }
    found
}

fn is_formula(cell: &str) -> bool {
    let cell = cell.trim_matches('"');
    cell.parse::<f64>().is_err() && cell.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

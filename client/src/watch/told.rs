//! What is said of hosts and jobs, on the terminal and on the page alike.

use jiff::Timestamp;

use super::Watched;
use super::view::HostState;

/// A host that has been silent for longer than this is said to be, seconds: longer than it rests between two samples of a
/// `quick` job.
const SILENT_SECONDS: i64 = 15;

/// How a host does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It answers, or is being connected to.
    Well,
    /// It has not been heard for a while.
    Silent,
    /// It does not answer: what is shown of it is old.
    Lost,
}

/// A host, and how long ago it answered.
pub(super) fn host(name: &str, state: &HostState, now: Timestamp) -> (String, Standing) {
    let age = state.heard_at.map(|at| now.duration_since(at).as_secs().max(0));
    match (age, &state.trouble) {
        (None, None) => (format!("{name}: connecting"), Standing::Well),
        (None, Some(trouble)) => (format!("{name}: no answer: {trouble}"), Standing::Lost),
        (Some(age), Some(trouble)) => (format!("{name}: STALE for {}: {trouble}", ago(age)), Standing::Lost),
        (Some(age), None) if age > SILENT_SECONDS => (format!("{name}: heard {} ago", ago(age)), Standing::Silent),
        (Some(_), None) => (format!("{name}: connected"), Standing::Well),
    }
}

/// When the next snapshot of a job is due.
pub(super) fn next(watched: &Watched, now: Timestamp) -> String {
    match watched.due_at {
        _ if watched.job.status.is_final() => "ended".to_owned(),
        Some(due) if due > now => format!("in {}", ago(due.duration_since(now).as_secs() + 1)),
        Some(due) if now.duration_since(due).as_secs() < 2 => "now".to_owned(),
        Some(due) => format!("due for {}", ago(now.duration_since(due).as_secs())),
        None => String::new(),
    }
}

/// `18/30`: samples that were taken, of those that were asked for.
pub(super) fn progress(watched: &Watched) -> String {
    let collection = &watched.job.collection;
    format!("{}/{}", collection.samples_collected, collection.samples_expected)
}

/// How many findings matter to the numbers.
pub(super) fn findings(watched: &Watched) -> String {
    match watched.findings().count() {
        0 => "none".to_owned(),
        number => number.to_string(),
    }
}

/// `42 s`, `3 min`, `2 h`.
fn ago(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}

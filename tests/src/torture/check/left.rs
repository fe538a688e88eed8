//! Promise 5: after `cleanup --all` the host is as it was before, and no process is left.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::super::perform::Performed;
use super::files_of;
use crate::processes;

/// How long a process may take to end that has nothing to do any more.
const END_TIMEOUT: Duration = Duration::from_secs(3);

/// By which the agents of a host know its boot.
const MARKER: &str = "var/run/vscsi-agent.boot";

/// What the agent keeps beside its jobs.
const KEPT: [&str; 9] = [
    "agent.lock",
    "agent.log",
    "agent.log.1",
    "agent.out",
    "boot.json",
    "journal.json",
    "schedules.json",
    "switch.lock",
    "ballast",
];

pub(super) fn check(performed: &Performed) -> Vec<String> {
    let host = performed.stage.host.host.root();
    let mut violations = new_files(&performed.files_before, &files_of(host));
    violations.extend(strange_files(&files_of(&performed.stage.host.state())));
    if performed.stops_are_unsure {
        // What cannot be stopped for certain is remembered, and a clean-up that says so has not cleaned up yet.
        violations.retain(|words| !words.starts_with(MARKER) && !words.starts_with("running.json "));
    }
    let hung = performed.evidence.calls.iter().any(|call| call.exit_code.is_none());
    let programs = format!("still runs: {}", host.display());
    // Nobody is left who knows of a program of the host that hangs when both processes of the agent are killed; what plays
    // the kernel for it stays as well.
    let running = processes_of(host.parent().unwrap_or(host)).into_iter();
    let is_hung = |words: &String| words.starts_with(&programs) || words.contains("esxi-filter");
    violations.extend(running.filter(|words| !(hung && is_hung(words))));
    violations
}

/// What is on the host and was not before, but for what the host's own programs write.
fn new_files(before: &BTreeSet<String>, after: &BTreeSet<String>) -> Vec<String> {
    let is_own = |file: &str| file.starts_with(".esxi-sim/") || file.starts_with("var/log/");
    let new = after.difference(before).filter(|file| !is_own(file));
    new.map(|file| format!("{file} is left on the host")).collect()
}

fn strange_files(state: &BTreeSet<String>) -> Vec<String> {
    let strange = state.iter().filter(|file| {
        let in_job =
            file.starts_with("jobs/") && Path::new(file).extension().is_none_or(|extension| extension != "tmp");
        !in_job && !KEPT.contains(&file.as_str())
    });
    strange
        .map(|file| format!("{file} is left in the state directory"))
        .collect()
}

/// Processes that name a place of this run.
fn processes_of(place: &Path) -> Vec<String> {
    let until = Instant::now() + END_TIMEOUT;
    loop {
        let place = place.display().to_string();
        let found = processes::all().into_iter().filter_map(|process| {
            let line = processes::command_line(process).join(" ");
            (line.contains(&place) && processes::is_alive(process)).then(|| format!("still runs: {line}"))
        });
        let found: Vec<String> = found.collect();
        if found.is_empty() || Instant::now() > until {
            return found;
        }
        sleep(Duration::from_millis(100));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(files: &[&str]) -> BTreeSet<String> {
        files.iter().map(|file| (*file).to_owned()).collect()
    }

    #[test]
    fn a_file_that_was_not_there_before_is_left_over() {
        let before = set(&["bin/esxcli"]);
        let after = set(&[
            "bin/esxcli",
            ".esxi-sim/journal.jsonl",
            "var/log/syslog.log",
            "var/run/vscsi-agent.boot",
        ]);
        assert_eq!(
            new_files(&before, &after),
            ["var/run/vscsi-agent.boot is left on the host"]
        );
    }

    #[test]
    fn temporary_and_unknown_files_are_left_over() {
        let state = set(&["agent.log", "jobs/a/job.json", "jobs/a/job.json.tmp", "successor.json"]);
        assert_eq!(strange_files(&state).len(), 2);
    }

    #[test]
    fn this_process_would_be_found() {
        let own = std::env::current_exe().unwrap();
        assert!(!processes_of(&own).is_empty());
    }
}

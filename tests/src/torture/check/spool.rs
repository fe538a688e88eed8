//! Promise 2: no sample is lost, invented or silently altered.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use vscsi_fixtures::fingerprint;
use vscsi_shared::snapshot::sequence_of;

use super::super::evidence::Evidence;
use super::super::perform::Performed;
use super::{entries, folders};
use crate::truth::{Comparison, compare, read_snapshots};

/// What the spool showed.
#[derive(Debug, Default)]
pub(super) struct Spool {
    pub(super) violations: Vec<String>,
    pub(super) compared: usize,
}

pub(super) fn check(performed: &Performed) -> Spool {
    let mut spool = Spool::default();
    let jobs = performed.stage.host.state().join("jobs");
    for (name, folder) in folders(&jobs) {
        let samples = folder.join("samples");
        spool.violations.extend(sums_that_differ(&name, &samples));
        if !performed.storage_failed {
            let aside = entries(&folder.join("set-aside"));
            spool
                .violations
                .extend(aside.iter().map(|(file, _)| format!("{name}: {file} was set aside")));
        }
        match read_snapshots(&folder) {
            Ok(taken) => {
                let told = fs::read(folder.join("job.json")).is_ok_and(|bytes| tells_of_errors(&bytes));
                let Comparison { compared, wrong } =
                    compare(&performed.stage.host.host, &performed.evidence.calls, &taken, told);
                spool.compared += compared;
                spool
                    .violations
                    .extend(wrong.into_iter().map(|words| format!("{name}: {words}")));
            }
            Err(problem) => spool.violations.push(format!("{name}: {problem}")),
        }
    }
    spool.violations.extend(lost(&performed.evidence, &jobs));
    for (name, view) in &performed.jobs {
        spool
            .violations
            .extend(wrong_view(name, view, performed.stops_are_unsure));
    }
    spool
}

/// `sha256sum -c` finds every file as it was, and every file is in its list.
fn sums_that_differ(job: &str, samples: &Path) -> Vec<String> {
    let files: Vec<String> = entries(samples).into_iter().map(|(name, _)| name).collect();
    let strange = files
        .iter()
        .filter(|file| sequence_of(file).is_none() && *file != "SHA256SUMS")
        .map(|file| format!("{job}: {file} lies among the samples"));
    let mut violations: Vec<String> = strange.collect();
    let list = fs::read_to_string(samples.join("SHA256SUMS")).unwrap_or_default();
    let unlisted = files
        .iter()
        .filter(|file| sequence_of(file).is_some() && !list.contains(&format!("  {file}\n")))
        .map(|file| format!("{job}: {file} is not in SHA256SUMS"));
    violations.extend(unlisted);
    if list.is_empty() {
        return violations;
    }
    let checked = Command::new("sha256sum")
        .args(["-c", "--strict", "--quiet", "SHA256SUMS"])
        .current_dir(samples)
        .output();
    match checked {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            let words = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
            violations.push(format!("{job}: sha256sum -c: {}", words.trim().replace('\n', "; ")));
        }
        Err(error) => violations.push(format!("{job}: sha256sum: {error}")),
    }
    violations
}

/// Snapshots that were there once are there for ever, byte for byte.
fn lost(evidence: &Evidence, jobs: &Path) -> Vec<String> {
    let changed = evidence.seen.iter().filter_map(|((job, file), seen)| {
        match fs::read(jobs.join(job).join("samples").join(file)) {
            Ok(bytes) if fingerprint(&bytes) == *seen => None,
            Ok(_) => Some(format!("{job}: {file} was changed")),
            Err(_) => Some(format!("{job}: {file} is lost")),
        }
    });
    changed.collect()
}

/// The next agent knows every job it had accepted, as ended and stopped, or, where it is `unsure`, with the reason.
pub(in super::super) fn wrong_view(name: &str, view: &Value, unsure: bool) -> Option<String> {
    if let Some(problem) = view["problem"].as_str() {
        return Some(format!(
            "{name} was accepted, and the next agent does not tell of it: {problem}"
        ));
    }
    let status = view["job"]["status"].as_str().unwrap_or_default();
    if !["completed", "failed", "stopped"].contains(&status) {
        return Some(format!("{name} is {status} for the next agent"));
    }
    // What a user asked to keep has a command to stop it by hand.
    let cleanup = &view["job"]["cleanup"];
    let is_kept = cleanup["manual_cleanup_required"] == true && cleanup["cleanup_error"].is_null();
    let is_told = unsure && cleanup["manual_cleanup_required"] == true;
    (cleanup["vscsiStats_stopped"] != true && !is_kept && !is_told)
        .then(|| format!("{name} has ended and is not stopped: {cleanup}"))
}

fn tells_of_errors(job_json: &[u8]) -> bool {
    let job: Value = serde_json::from_slice(job_json).unwrap_or(Value::Null);
    let errors = job["collection"]["errors"].as_array();
    errors.is_some_and(|errors| !errors.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Two samples with their sums.
    fn samples() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("job/samples")).unwrap();
        let script = "echo one > sample_000.csv; echo two > sample_001.csv; sha256sum *.csv > SHA256SUMS";
        let status = Command::new("sh")
            .args(["-c", script])
            .current_dir(folder.path().join("job/samples"))
            .status();
        assert!(status.unwrap().success());
        folder
    }

    fn violations(folder: &tempfile::TempDir) -> Vec<String> {
        sums_that_differ("job", &folder.path().join("job/samples"))
    }

    #[test]
    fn whole_files_are_clean() {
        assert_eq!(violations(&samples()), Vec::<String>::new());
    }

    #[test]
    fn an_altered_a_missing_and_an_unlisted_file_are_found() {
        for (file, text) in [
            ("sample_001.csv", "other\n"),
            ("sample_002.csv", "three\n"),
            ("stray", "x"),
        ] {
            let folder = samples();
            fs::write(folder.path().join("job/samples").join(file), text).unwrap();
            assert_eq!(violations(&folder).len(), 1, "{file}");
        }
        let folder = samples();
        fs::remove_file(folder.path().join("job/samples/sample_000.csv")).unwrap();
        assert_eq!(violations(&folder).len(), 1);
    }

    #[test]
    fn a_snapshot_that_was_seen_and_is_changed_or_gone_is_found() {
        let folder = samples();
        let mut evidence = Evidence::default();
        let key = ("job".to_owned(), "sample_000.csv".to_owned());
        evidence.seen.insert(key.clone(), fingerprint(b"one\n"));
        assert!(lost(&evidence, folder.path()).is_empty());
        evidence.seen.insert(key, fingerprint(b"One\n"));
        evidence.seen.insert(("job".to_owned(), "sample_007.csv".to_owned()), 7);
        assert_eq!(lost(&evidence, folder.path()).len(), 2);
    }

    #[test]
    fn a_job_that_is_unknown_runs_on_or_is_not_stopped_is_found() {
        let view = |status: &str, stopped: bool| json!({"job": {"status": status, "cleanup": {"vscsiStats_stopped": stopped}}});
        assert_eq!(wrong_view("job", &view("failed", true), false), None);
        for view in [
            json!({"problem": "404"}),
            view("running", true),
            view("completed", false),
        ] {
            assert!(wrong_view("job", &view, true).is_some(), "{view}");
        }
    }
}

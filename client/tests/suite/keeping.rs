//! What a user keeps of jobs and hosts: notes, what is forgotten, and what is deleted when it is old.

use std::fs;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use vscsi_helper::host::HostRecord;
use vscsi_helper::store::Store;
use vscsi_helper::transport::Address;

use crate::support::desk::{Desk, capture};

#[test]
fn a_note_is_kept_beside_the_job_and_shown_with_it() {
    let desk = Desk::with_the_capture();
    let noted = desk.run(&["note", "captured", "month", "end,", "old array"]);
    assert_eq!((noted.code, noted.stdout.as_str()), (Some(0), ""), "{}", noted.stderr);
    assert_eq!(desk.run(&["reindex"]).code, Some(0));
    for arguments in [&["list"][..], &["note", "captured"], &["analyze", "captured"]] {
        let ended = desk.run(arguments);
        assert!(
            ended.stdout.contains("month end, old array"),
            "{arguments:?}: {}",
            ended.stdout
        );
    }
    let fio = fs::read_to_string(desk.job("captured").join("analysis/captured-workload.fio")).unwrap();
    assert!(fio.contains("\n# Note: month end, old array\n"), "{fio}");
    let jobs = desk.run(&["--json", "list"]).json();
    let summary = desk.run(&["--json", "analyze", "captured"]).json();
    let note = desk.run(&["--json", "note", "captured"]).json();
    for shown in [&jobs[0]["note"], &summary["note"], &note["note"]] {
        assert_eq!(shown, "month end, old array");
    }
}

#[test]
fn a_note_of_several_lines_is_shown_whole_but_in_a_list() {
    let desk = Desk::with_the_capture();
    let text = "month end\n[global]\nfilename=/dev/sda";
    assert_eq!(desk.run(&["note", "captured", text]).code, Some(0));
    assert_eq!(desk.run(&["note", "captured"]).stdout, format!("{text}\n"));
    let listed = desk.run(&["list"]).stdout;
    assert!(listed.ends_with("  # month end…\n"), "{listed}");
    assert_eq!(desk.run(&["analyze", "captured"]).code, Some(0));
    let fio = fs::read_to_string(desk.job("captured").join("analysis/captured-workload.fio")).unwrap();
    assert!(fio.contains("\n# Note: filename=/dev/sda\n"), "{fio}");
    assert!(!fio.contains("\nfilename=/dev/sda"), "{fio}");
}

#[test]
fn a_note_is_removed_by_its_option_and_by_an_empty_one() {
    let desk = Desk::with_the_capture();
    for remove in ["--remove", "", "  "] {
        assert_eq!(desk.run(&["note", "captured", "soon gone"]).code, Some(0));
        assert_eq!(desk.run(&["note", "captured", remove]).code, Some(0));
        assert!(!desk.job("captured").join("note.txt").exists());
        assert!(!desk.run(&["list"]).stdout.contains('#'));
        let shown = desk.run(&["note", "captured"]);
        assert_eq!((shown.code, shown.stdout.as_str()), (Some(0), ""));
        assert_eq!(shown.stderr, "Job 'captured' has no note.\n");
    }
}

#[test]
fn a_note_that_could_not_be_shown_as_it_is_is_refused_and_the_old_one_stays() {
    let desk = Desk::with_the_capture();
    assert_eq!(desk.run(&["note", "captured", "old"]).code, Some(0));
    let long = "x".repeat(4097);
    for (text, why) in [
        (long.as_str(), "the note has 4097 bytes"),
        ("a\u{1b}[2J", "the note holds \\u{1b}"),
        ("a\tb", "the note holds \\t"),
        ("a\u{202e}b", "the note holds \\u{202e}"),
    ] {
        desk.refuses(&["note", "captured", text], 2, &[why, "hint: "]);
    }
    desk.refuses(&["note", "captured", "new", "--remove"], 2, &["cannot be used with"]);
    desk.refuses(&["note", "capture", "new"], 2, &["did you mean `captured`?"]);
    assert_eq!(desk.run(&["note", "captured"]).stdout, "old\n");
}

#[cfg(unix)]
#[test]
fn a_note_that_somebody_laid_beside_a_job_commands_nothing_and_is_not_followed() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let desk = Desk::with_the_capture();
    let note = desk.job("captured").join("note.txt");
    fs::write(&note, "\u{1b}]0;x\u{7}").unwrap();
    let listed = desk.run(&["list"]).stdout;
    assert!(listed.contains("\\u{1b}") && !listed.contains('\u{1b}'), "{listed}");
    fs::remove_file(&note).unwrap();
    symlink(desk.file("theirs", b"theirs"), &note).unwrap();
    let listed = desk.run(&["list"]);
    assert_eq!(listed.code, Some(0));
    assert!(
        listed.stdout.contains("captured") && !listed.stdout.contains("theirs"),
        "{}",
        listed.stdout
    );
    assert!(listed.stderr.contains("cannot read"), "{}", listed.stderr);
    assert_eq!(desk.run(&["note", "captured", "ours"]).code, Some(0));
    assert_eq!(fs::read_to_string(desk.path("theirs")).unwrap(), "theirs");
    let mode = fs::symlink_metadata(&note).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[test]
fn a_host_is_forgotten_and_one_that_is_not_known_is_a_mistake() {
    let desk = Desk::new();
    let store = Store::open(&desk.path("data")).unwrap();
    for name in ["esx1", "esx2"] {
        let record = HostRecord::new(Address::new(name.parse().unwrap()));
        store.remember_host(&record).unwrap();
    }
    assert_eq!(desk.run(&["hosts", "forget", "esx1"]).code, Some(0));
    let hosts = desk.run(&["hosts"]).stdout;
    assert!(!hosts.contains("esx1") && hosts.contains("esx2"), "{hosts}");
    desk.refuses(
        &["hosts", "forget", "esx1"],
        2,
        &["no host `esx1` is known here", "did you mean `esx2`?"],
    );
    desk.refuses(&["hosts", "forget", "../esx2"], 2, &["invalid value"]);
    desk.refuses(&["hosts", "forget"], 2, &["<HOST>"]);
}

#[test]
fn a_record_of_a_host_that_is_damaged_is_forgotten_by_what_the_message_says() {
    let desk = Desk::new();
    fs::create_dir_all(desk.path("data/.hosts")).unwrap();
    desk.file("data/.hosts/esx1.json", b"{");
    desk.refuses(&["hosts"], 1, &["esx1.json", "`vscsi-helper hosts forget esx1`"]);
    assert_eq!(desk.run(&["hosts", "forget", "esx1"]).code, Some(0));
    assert_eq!(desk.run(&["hosts"]).code, Some(0));
}

/// A desk with the jobs `old`, imported from a file of 40 days ago, and `young`, from one of 20 days ago.
fn desk_with_an_old_job() -> Desk {
    let desk = Desk::new();
    for (name, days) in [("old", 40), ("young", 20)] {
        let file = desk.file("capture.csv", capture().as_bytes());
        let changed = SystemTime::now() - Duration::from_secs(days * 86_400);
        fs::File::open(&file).unwrap().set_modified(changed).unwrap();
        let ended = desk.run(&["import", &file, "--name", name]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
    desk
}

#[test]
fn jobs_whose_last_sample_is_older_are_deleted_and_no_others() {
    let desk = desk_with_an_old_job();
    let none = desk.run(&["prune", "--older-than", "50d", "--yes"]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(0), ""), "{}", none.stderr);
    assert!(none.stderr.contains("Nothing to delete"), "{}", none.stderr);
    let pruned = desk.run(&["prune", "--older-than", "30d", "--yes"]);
    assert_eq!(pruned.code, Some(0), "{}", pruned.stderr);
    for part in ["JOB  LAST SAMPLE", "\nold  ", "Deleted 1 job with "] {
        assert!(pruned.stdout.contains(part), "no `{part}` in {}", pruned.stdout);
    }
    assert!(!pruned.stdout.contains("young"), "{}", pruned.stdout);
    assert!(!desk.job("old").exists() && desk.job("young").exists());
    assert_eq!(desk.run(&["--json", "list"]).json().as_array().unwrap().len(), 1);
}

#[test]
fn a_dry_run_says_what_would_be_deleted_and_how_much_that_is() {
    let desk = desk_with_an_old_job();
    let dry = desk.run(&["prune", "--older-than", "30d", "--dry-run"]);
    assert_eq!(dry.code, Some(0), "{}", dry.stderr);
    assert!(dry.stdout.contains("Would delete 1 job with "), "{}", dry.stdout);
    let json = desk
        .run(&["--json", "prune", "--older-than", "30d", "--dry-run"])
        .json();
    let old = &json["deleted"].as_array().unwrap()[..];
    assert!(matches!(old, [row] if row["job"] == "old"), "{json}");
    let files = [
        "job.json",
        "samples/sample_000.csv",
        "samples/sample_001.csv",
        "samples/SHA256SUMS",
    ];
    let sizes = files.map(|file| {
        desk.job("old")
            .join(file)
            .metadata()
            .map_or(0, |metadata| metadata.len())
    });
    assert_eq!(old[0]["bytes"], sizes.iter().sum::<u64>(), "{json}");
    assert_eq!(json["dry_run"], true);
    assert!(desk.job("old").exists());
}

#[test]
fn nothing_is_pruned_without_a_word_where_nobody_can_be_asked() {
    let desk = desk_with_an_old_job();
    desk.refuses(
        &["prune", "--older-than", "30d"],
        2,
        &["needs to be confirmed", "give `--yes`", "`--dry-run`"],
    );
    for age in ["30", "-30d", "0d", "soon", ""] {
        desk.refuses(
            &["prune", "--yes", "--older-than", age],
            2,
            &["expected an age such as 30d"],
        );
    }
    desk.refuses(
        &["prune", "--yes", "--older-than", "19000y"],
        2,
        &["no job can be 19000y old"],
    );
    desk.refuses(&["prune", "--yes"], 2, &["--older-than <AGE>"]);
    assert!(desk.job("old").exists());
}

#[test]
fn a_job_that_may_still_run_or_is_not_all_here_is_not_pruned_and_says_why() {
    let desk = desk_with_an_old_job();
    let path = desk.job("old").join("job.json");
    let imported: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let mut on_host = imported.clone();
    on_host["pulled_from"] = json!({"host": "esx1"});
    let mut running = on_host.clone();
    running["status"] = json!("running");
    let mut unclean = on_host.clone();
    unclean["cleanup"]["vscsiStats_stopped"] = json!(false);
    let mut partly = on_host.clone();
    partly["collection"]["samples_collected"] = json!(9);
    let prune = ["prune", "--older-than", "30d", "--yes"];
    for (job, why) in [
        (
            running,
            "Kept old: it is running, as far as is known here; `vscsi-helper status old`",
        ),
        (
            unclean,
            "Kept old: vscsiStats may still be running; `vscsi-helper cleanup old`",
        ),
        (
            partly.clone(),
            "Kept old: its host may hold samples that are not here; `vscsi-helper pull old`",
        ),
    ] {
        fs::write(&path, job.to_string()).unwrap();
        let kept = desk.run(&prune);
        assert_eq!((kept.code, kept.stdout.as_str()), (Some(0), ""), "{}", kept.stderr);
        assert!(kept.stderr.contains(why), "no `{why}` in {}", kept.stderr);
        assert!(desk.job("old").exists());
    }
    fs::write(&path, partly.to_string()).unwrap();
    assert_eq!(desk.run(&[&prune[..], &["--unpulled"]].concat()).code, Some(0));
    assert!(!desk.job("old").exists());
}

#[test]
fn a_job_that_cannot_be_read_is_not_pruned_and_named() {
    let desk = desk_with_an_old_job();
    fs::write(desk.job("young").join("job.json"), "{").unwrap();
    let pruned = desk.run(&["prune", "--older-than", "30d", "--yes"]);
    assert_eq!(pruned.code, Some(3), "{}", pruned.stderr);
    assert!(pruned.stderr.contains("young/job.json"), "{}", pruned.stderr);
    assert!(!desk.job("old").exists() && desk.job("young").exists());
}

#[test]
fn how_to_reach_hosts_is_nothing_to_a_list_that_asks_none() {
    Desk::new().refuses(&["list", "--port", "2222"], 2, &["--refresh"]);
}

//! The commands that need no host, as programs: their exit codes, and what they say when something is wrong.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use vscsi_helper::host::HostRecord;
use vscsi_helper::store::Store;
use vscsi_helper::transport::Address;

use crate::support::desk::{Desk, capture, capture_file};

#[test]
fn a_job_that_is_not_there_is_a_mistake_of_the_command_line() {
    let desk = Desk::with_the_capture();
    let missing: [&[&str]; 6] = [
        &["analyze", "capture"],
        &["export", "capture"],
        &["compare", "captured", "capture"],
        &["status", "capture"],
        &["pull", "capture"],
        &["delete", "capture", "--force"],
    ];
    for arguments in missing {
        desk.refuses(
            arguments,
            2,
            &["error: there is no job `capture`", "hint: did you mean `captured`?"],
        );
    }
}

#[test]
fn a_value_that_an_option_cannot_have_is_a_mistake_of_the_command_line() {
    let desk = Desk::with_the_capture();
    desk.refuses(
        &["analyze", "captured", "--filter", "busy"],
        2,
        &["invalid value 'busy'", "possible values: percentile"],
    );
    desk.refuses(
        &["analyze", "captured", "--threshold", "150"],
        2,
        &["cannot use the threshold 150", "more than 0 and at most 100"],
    );
    desk.refuses(
        &["export", "captured", "--format", "xlsx"],
        2,
        &["invalid value 'xlsx'", "possible values: csv"],
    );
    desk.refuses(
        &["compare", "captured", "captured", "--limit", "speed=90%"],
        2,
        &["speed", "iops"],
    );
    let file = capture_file();
    desk.refuses(
        &["import", &file, "--interval", "0"],
        2,
        &["invalid value '0'", "--interval"],
    );
}

#[test]
fn a_filter_that_leaves_nothing_has_a_code_of_its_own() {
    let desk = Desk::with_the_capture();
    desk.refuses(
        &["analyze", "captured", "--filter", "absolute", "--threshold", "1e9"],
        5,
        &["absolute", "would leave 1 of 1 at"],
    );
}

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

#[test]
fn a_limit_that_is_not_kept_has_a_code_of_its_own() {
    let desk = Desk::with_the_capture();
    let kept = desk.run(&["compare", "captured", "captured", "--limit", "iops=90%"]);
    assert_eq!(kept.code, Some(0), "{}", kept.stderr);
    let missed = desk.run(&["compare", "captured", "captured", "--limit", "iops=110%"]);
    assert_eq!(missed.code, Some(4), "{}", missed.stderr);
}

#[test]
fn a_capture_that_is_damaged_is_imported_in_part_and_says_where() {
    let desk = Desk::new();
    let mut lines: Vec<String> = capture().lines().map(str::to_owned).collect();
    lines.insert(40, "vscsiStats: Segmentation fault".to_owned());
    let file = desk.file("damaged.csv", lines.join("\n").as_bytes());
    let ended = desk.run(&["import", &file, "--name", "damaged"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("damaged.csv") && ended.stderr.contains("line 41"),
        "{}",
        ended.stderr
    );
    assert!(ended.stdout.contains("Imported job 'damaged'"), "{}", ended.stdout);
}

#[test]
fn files_without_any_histogram_are_refused_with_the_reason() {
    let desk = Desk::new();
    let unchanged = "hint: give the output of `vscsiStats -p all -c`, unchanged";
    let empty = desk.file("empty.csv", b"");
    desk.refuses(&["import", &empty], 1, &["empty.csv", "it is empty", unchanged]);
    let other = desk.file("notes.txt", b"buy milk\n");
    desk.refuses(&["import", &other], 1, &["notes.txt", "holds no complete", unchanged]);
    let directory = desk.path("folder");
    fs::create_dir(&directory).unwrap();
    let directory = directory.display().to_string();
    desk.refuses(
        &["import", &directory],
        1,
        &["cannot read", "folder", "is a directory", "hint: name a file in it"],
    );
    desk.refuses(
        &["import", "/nowhere.csv"],
        1,
        &["cannot read `/nowhere.csv`", "No such file", "hint: check the path"],
    );
    let left: Vec<_> = fs::read_dir(desk.path("data"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name != ".locks")
        .collect();
    assert_eq!(left, Vec::<std::ffi::OsString>::new());
}

#[test]
fn a_table_is_written_where_it_was_asked_for() {
    let desk = Desk::with_the_capture();
    let ended = desk.run(&["export", "captured", "-o", "table.csv"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let table = fs::read_to_string(desk.path("table.csv")).unwrap();
    assert!(
        table.starts_with("sample,taken_at,start_seconds,seconds,disk,metric,"),
        "{table}"
    );
}

#[test]
fn a_bare_file_name_is_a_file_of_the_current_directory() {
    let desk = Desk::with_the_capture();
    let ended = desk.run(&["analyze", "captured", "-o", "replay.fio"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        fs::read_to_string(desk.path("replay.fio"))
            .unwrap()
            .contains("[global]")
    );
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_not_replaced_by_one() {
    let desk = Desk::with_the_capture();
    let _listening = std::os::unix::net::UnixListener::bind(desk.path("socket")).unwrap();
    std::os::unix::fs::symlink("socket", desk.path("link")).unwrap();
    for command in ["analyze", "export"] {
        for output in ["socket", "link"] {
            desk.refuses(
                &[command, "captured", "-o", output],
                1,
                &[
                    "cannot write",
                    "it is a device, a pipe or a socket",
                    "name a regular file",
                ],
            );
        }
    }
    assert!(!fs::metadata(desk.path("socket")).unwrap().is_file());
    assert!(fs::symlink_metadata(desk.path("link")).unwrap().is_symlink());
}

#[test]
fn a_table_has_the_form_of_its_extension_and_goes_to_the_standard_output_as_a_dash() {
    let desk = Desk::with_the_capture();
    let ended = desk.run(&["export", "captured", "-o", "table.parquet"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(fs::read(desk.path("table.parquet")).unwrap().starts_with(b"PAR1"));
    let printed = desk.run(&["export", "captured", "-o", "-"]);
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    assert!(printed.stdout.starts_with("sample,taken_at,"), "{}", printed.stdout);
    assert!(!desk.path("-").exists());
    desk.refuses(
        &["analyze", "captured", "-o", "-"],
        2,
        &["standard output", "hint: name a file"],
    );
}

#[test]
fn a_folder_of_snapshots_without_a_job_file_is_named_with_what_to_do() {
    let desk = Desk::with_the_capture();
    fs::remove_file(desk.job("captured").join("job.json")).unwrap();
    for command in ["list", "reindex"] {
        let ended = desk.run(&[command]);
        assert_eq!(ended.code, Some(3), "{command}: {}", ended.stderr);
        for part in [
            "captured` holds snapshots and no job.json",
            "vscsi-helper pull captured --host HOST",
        ] {
            assert!(ended.stderr.contains(part), "{command}: {}", ended.stderr);
        }
    }
    let samples = desk.job("captured").join("samples/sample_000.csv");
    let again = desk.run(&["import", samples.to_str().unwrap(), "--name", "again"]);
    assert!(again.stdout.contains("Imported job 'again'"), "{}", again.stderr);
}

#[test]
fn an_analysis_leaves_no_mix_with_the_one_before() {
    let desk = Desk::with_the_capture();
    let folder = desk.job("captured").join("analysis");
    let chart = desk.job("captured").join("visualizations/latency-3d.svg");
    let first = desk.run(&["analyze", "captured", "--csv", "--visualize", "--format", "svg"]);
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    assert!(folder.join("filtered_data.csv").exists() && chart.exists());
    fs::write(folder.join("notes.txt"), "mine").unwrap();
    let second = desk.run(&["analyze", "captured"]);
    assert!(second.stderr.contains("of the analysis before"), "{}", second.stderr);
    assert!(!folder.join("filtered_data.csv").exists() && !chart.exists());
    assert!(folder.join("captured-workload.fio").exists() && folder.join("notes.txt").exists());
}

#[test]
fn an_imported_job_is_deleted_without_asking_any_host() {
    let desk = Desk::with_the_capture();
    let ended = desk.run(&["--json", "delete", "captured", "--force"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let answer: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(answer, serde_json::json!({"deleted": "captured", "on_host": false}));
    assert!(!desk.path("data/captured").exists());
}

#[test]
fn a_pull_of_everything_leaves_imported_jobs_alone() {
    let desk = Desk::with_the_capture();
    let store = Store::open(&desk.path("data")).unwrap();
    let known = HostRecord::new(Address::new("esx1".parse().unwrap()));
    store.remember_host(&known).unwrap();
    let ended = desk.run(&["pull"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stderr, "Nothing to pull.\n");
}

#[test]
fn what_only_a_host_can_do_for_a_job_is_refused_for_an_imported_one() {
    let desk = Desk::with_the_capture();
    for command in ["pull", "stop", "cleanup"] {
        desk.refuses(
            &[command, "captured"],
            2,
            &[
                "job `captured` was imported from files",
                "hint: everything of it is here: `vscsi-helper analyze captured`",
            ],
        );
    }
    let status = desk.run(&["status", "captured"]);
    assert_eq!(status.code, Some(0), "{}", status.stderr);
    assert!(status.stdout.contains("Status: completed"), "{}", status.stdout);
}

#[test]
fn the_notices_name_the_terms_of_what_is_inside() {
    let desk = Desk::with_the_capture();
    let ended = desk.run(&["licenses"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for part in [
        "The vscsiStats Helper authors",
        "Roboto (in charts): Apache-2.0",
        "musl (in vscsi-agent): MIT",
        ": Zlib\n",
        "UNICODE LICENSE V3",
        "Redistributions in binary form must reproduce the above copyright notice",
        "This software is provided 'as-is', without any express or implied warranty",
    ] {
        assert!(ended.stdout.contains(part), "no {part}");
    }
}

#[test]
fn jobs_are_listed_where_no_catalog_can_be_written() {
    let desk = Desk::with_the_capture();
    // SQLite can neither read nor make a file where a directory is.
    fs::remove_file(desk.path("data/catalog.db")).ok();
    fs::create_dir(desk.path("data/catalog.db")).unwrap();
    let ended = desk.run(&["list"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("captured"), "{}", ended.stdout);
}

#[test]
fn a_list_that_leaves_out_every_job_does_not_say_there_are_none() {
    let desk = Desk::with_the_capture();
    let ended = desk.run(&["list", "--host", "nohost"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("No jobs of host nohost in"), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("`vscsi-helper list` shows all"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_slip_on_the_command_line_is_told_in_words_before_any_host_is_asked() {
    let desk = Desk::with_the_capture();
    let add = ["schedule", "add", "nightly", "--host", "esx1", "--vm", "sql"];
    desk.refuses(
        &[&add[..], &["--cron", "bogus"]].concat(),
        2,
        &["`bogus` is not a cron expression", "it has 1 of five fields"],
    );
    desk.refuses(
        &["analyze", "captured", "--from", "10m", "--to", "5m"],
        2,
        &["`--from` is not before `--to`", "hint: swap the two"],
    );
    desk.refuses(
        &["analyze", "captured", "--threshold", "many"],
        2,
        &["invalid value 'many'", "expected a number such as 75"],
    );
    desk.refuses(
        &["start", "--host", "esx1", "--vm", "sql", "--samples", "many"],
        2,
        &["invalid value 'many'", "expected a whole number from 1 to 100000"],
    );
}

#[test]
fn what_no_job_may_have_is_refused_with_the_allowed_range_before_any_host_is_asked() {
    let desk = Desk::with_the_capture();
    let target = ["--host", "esx1", "--vm", "sql"];
    for command in [
        &["start"][..],
        &["collect"],
        &["schedule", "add", "nightly", "--cron", "0 22 * * *"],
    ] {
        for (option, value, range) in [
            ("--samples", "0", "expected a whole number from 1 to 100000"),
            ("--samples", "4294967295", "expected a whole number from 1 to 100000"),
            ("--interval", "86401", "expected a whole number from 1 to 86400"),
            ("--max-misses", "0", "expected a whole number from 1 to 100000"),
        ] {
            let message = format!("invalid value '{value}'");
            desk.refuses(&[command, &target, &[option, value]].concat(), 2, &[&message, range]);
        }
    }
}

#[test]
fn a_profile_of_the_configuration_that_no_job_may_have_is_refused_with_the_allowed_range() {
    let desk = Desk::with_the_capture();
    let file = desk.file(
        "long.yaml",
        b"profiles:\n  long:\n    samples: 200000\n    interval_seconds: 60\n",
    );
    desk.refuses(
        &[
            "--config",
            &file,
            "start",
            "--host",
            "esx1",
            "--vm",
            "sql",
            "--profile",
            "long",
        ],
        2,
        &[
            "profile `long`",
            "the number of samples must be 1 to 100000, not 200000",
        ],
    );
}

#[test]
fn two_phases_of_one_name_are_a_mistake_of_the_command_line() {
    let desk = Desk::with_the_capture();
    desk.refuses(
        &["analyze", "captured", "--phase", "day=0m-1m", "--phase", "day=1m-2m"],
        2,
        &["two phases are called `day`", "hint: give each phase a name of its own"],
    );
}

#[test]
fn a_data_directory_that_is_a_file_is_told_with_what_to_do() {
    let desk = Desk::new();
    desk.file("data", b"");
    desk.refuses(&["list"], 1, &["cannot create", "hint: a file of that name exists"]);
}

#[test]
fn a_check_that_fails_ends_with_the_code_of_a_failure() {
    let desk = Desk::new();
    // There is no ssh on the path.
    let ended = desk.run(&["doctor", "--agent", &capture_file()]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stdout.contains("install the OpenSSH client"), "{}", ended.stdout);
    assert!(ended.stderr.contains("error: 2 checks failed"), "{}", ended.stderr);
}

#[test]
fn the_configuration_in_force_has_the_data_directory_in_force() {
    let desk = Desk::new();
    let ended = desk.run(&["config", "show"]);
    let directory = desk.path("data").display().to_string();
    assert!(ended.stdout.contains(&directory), "{}", ended.stdout);
    let path = desk.run(&["--json", "config", "path"]);
    assert!(
        serde_json::from_str::<PathBuf>(&path.stdout)
            .unwrap()
            .ends_with("config.yaml")
    );
}

#[test]
fn a_job_with_several_fio_files_is_verified_by_the_path_of_one_of_them() {
    let desk = Desk::with_the_capture();
    let other = "data/captured/analysis/other.fio";
    for path in ["data/captured/analysis/first.fio", other] {
        assert_eq!(desk.run(&["analyze", "captured", "-o", path]).code, Some(0));
    }
    desk.refuses(
        &["verify", "captured", "--against", "captured"],
        2,
        &["has 2 fio files", "captured/analysis/first.fio"],
    );
    let named = desk.run(&["verify", other, "--against", "captured"]);
    assert_eq!(named.code, Some(0), "{}", named.stderr);
}

#[test]
fn a_job_whose_files_cannot_be_listed_is_not_said_to_have_none() {
    let desk = Desk::with_the_capture();
    fs::remove_dir_all(desk.path("data/captured/analysis")).ok();
    desk.refuses(
        &["verify", "captured"],
        2,
        &["has no fio file", "hint: make one with `vscsi-helper analyze captured`"],
    );
    // A file where the folder should be.
    desk.file("data/captured/analysis", b"");
    desk.refuses(&["verify", "captured"], 1, &["cannot list", "captured/analysis"]);
}

#[test]
fn of_a_fio_file_that_is_not_there_its_own_name_is_said() {
    Desk::new().refuses(&["verify", "nowhere.fio"], 1, &["cannot read `nowhere.fio`"]);
}

#[test]
fn a_capture_is_not_compared_with_a_file_of_several_phases() {
    let desk = Desk::with_the_capture();
    assert_eq!(desk.run(&["analyze", "captured"]).code, Some(0));
    let path = desk.path("data/captured/analysis/captured-workload.target.json");
    let mut target: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let phases = target["phases"].as_array_mut().unwrap();
    phases.push(phases[0].clone());
    fs::write(&path, target.to_string()).unwrap();
    desk.refuses(
        &["verify", "captured", "--against", "captured"],
        2,
        &[
            "a job file of 2 phases",
            "hint: generate the job file without `--phases`",
        ],
    );
}

#[test]
fn a_file_is_compared_with_as_the_job_that_would_be_made_of_it() {
    let desk = Desk::with_the_capture();
    assert_eq!(desk.run(&["analyze", "captured"]).code, Some(0));
    let of_job = desk.run(&["--json", "verify", "captured", "--against", "captured"]);
    let file = capture_file();
    let of_file = desk.run(&["--json", "verify", "captured", "--against", &file]);
    assert_eq!((of_file.code, &of_file.stdout), (of_job.code, &of_job.stdout));
    let jobs: Value = serde_json::from_str(&desk.run(&["--json", "list"]).stdout).unwrap();
    assert_eq!(jobs.as_array().unwrap().len(), 1, "{jobs}");
    let compared: Value = serde_json::from_str(&of_file.stdout).unwrap();
    assert_eq!(compared["phases"][0]["score"], 100.0, "{compared}");
}

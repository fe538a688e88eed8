//! The commands that need no host, as programs: their exit codes, and what they say when something is wrong.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
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
        &["export", "captured", "--format", "ods"],
        2,
        &["invalid value 'ods'", "possible values: csv"],
    );
    desk.refuses(
        &["compare", "captured", "captured", "--limit", "speed=90%"],
        2,
        &["speed", "iops"],
    );
    desk.refuses(
        &["verify", "captured", "--limit", "read_p99=120"],
        2,
        &["write MEASURE=PERCENT%", "read_p99=120%"],
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

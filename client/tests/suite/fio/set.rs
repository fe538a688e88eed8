//! Several jobs as one set for one target: what is written, and what the real fio makes of it.

use std::path::PathBuf;

use serde_json::Value;

use crate::support::desk::Desk;
use crate::support::raw_job::in_sequence;
use vscsi_fixtures::Direction;

/// The system's fio by its path, because a command of a [`Desk`] finds nothing by name.
pub(super) fn fio() -> String {
    let folders = std::env::var_os("PATH").unwrap();
    let found = std::env::split_paths(&folders).map(|folder| folder.join("fio"));
    let path: Option<PathBuf> = found.into_iter().find(|path| path.is_file());
    path.expect("these tests need fio: run them with `cargo xtask test`")
        .display()
        .to_string()
}

/// A desk with `raw-stream` of 75 reads and 25 writes a second, and `web` of reads alone at 100 a second.
fn desk() -> Desk {
    let desk = Desk::with_reads_and_writes();
    desk.add("web", in_sequence((0..200).map(|_| Direction::Read)));
    desk
}

fn made(desk: &Desk) -> String {
    let ended = desk.run(&[
        "suite",
        "raw-stream",
        "web",
        "-o",
        "set",
        "--filter",
        "none",
        "--span",
        "128m",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("vscsi-helper verify set"), "{}", ended.stdout);
    desk.path("set").display().to_string()
}

#[test]
fn each_job_of_a_set_has_its_own_file_and_what_it_is_to_reproduce() {
    let desk = desk();
    made(&desk);
    for name in ["raw-stream.fio", "raw-stream.target.json", "web.fio", "web.target.json"] {
        assert!(desk.path("set").join(name).is_file(), "{name}");
    }
    // The set may be made again, and what the jobs have of their own stays.
    made(&desk);
    assert!(!desk.job("web").join("analysis").exists());
}

#[test]
fn the_jobs_of_a_set_run_together_and_each_has_a_row_of_what_it_asked_for_and_got() {
    let desk = desk();
    let set = made(&desk);
    let fio = fio();
    for how in [None, Some("--in-turn")] {
        let mut arguments = vec!["--json", "verify", &set, "--fio", &fio, "--duration", "6"];
        arguments.extend(how);
        let ended = desk.run(&arguments);
        let result = ended.json();
        let code = match result["judgement"].as_str() {
            Some("kept") => 0,
            Some("missed") => 4,
            Some("undecided") => 6,
            other => panic!("{other:?}"),
        };
        assert_eq!(ended.code, Some(code), "{}", ended.stderr);
        let [first, second] = &result["jobs"].as_array().unwrap()[..] else {
            panic!("{result}")
        };
        assert_eq!((&first["job"], &second["job"]), (&"raw-stream".into(), &"web".into()));
        for row in [first, second] {
            let number = |key: &str, of: &str| row[key][of].as_f64().unwrap();
            // 100 commands of 8 KiB a second.
            assert!((number("iops", "asked") - 100.0).abs() < 1.0, "{row}");
            assert!((number("mbps", "asked") - 0.8192).abs() < 0.01, "{row}");
            assert!((number("iops", "got") / 100.0 - 1.0).abs() < 0.2, "{row}");
            let measured = &row["read_p99_ms"]["measured"];
            // Each took 0.7 ms.
            assert!((measured["est"].as_f64().unwrap() - 0.7).abs() < 1e-9, "{row}");
            assert!(row["read_p99_ms"]["got"]["lo"].is_number(), "{row}");
        }
        assert!(first["write_p99_ms"]["got"]["lo"].is_number(), "{first}");
        assert_eq!(second["write_p99_ms"]["got"], Value::Null);
        assert!(desk.path("set").join("web.verify.json").is_file());
    }
    let ended = desk.run(&["verify", &set, "--fio", &fio, "--duration", "3"]);
    for words in ["ran together", "READ P99", "web", "All together: "] {
        assert!(ended.stdout.contains(words), "{}", ended.stdout);
    }
}

#[test]
fn a_limit_holds_each_job_of_a_set_to_what_was_measured() {
    let desk = desk();
    let set = made(&desk);
    let fio = fio();
    // No storage serves ten times what was asked of it, and none is a thousand times as slow as 0.7 ms.
    let limits = ["--limit", "iops=1000%", "--limit", "read_mean=100000%"];
    let mut arguments = vec!["--json", "verify", &set, "--fio", &fio, "--duration", "4", "--fill"];
    arguments.extend(limits);
    let ended = desk.run(&arguments);
    assert_eq!(ended.code, Some(4), "{}{}", ended.stdout, ended.stderr);
    let result = ended.json();
    assert_eq!(result["judgement"], "missed");
    for row in result["jobs"].as_array().unwrap() {
        let verdicts: Vec<&str> = row["limits"]
            .as_array()
            .unwrap()
            .iter()
            .map(|limit| limit["verdict"].as_str().unwrap())
            .collect();
        assert_eq!(verdicts, ["missed", "kept"], "{row}");
        assert_eq!(row["judgement"], "missed", "{row}");
    }
    let ended = desk.run(&["verify", &set, "--fio", &fio, "--duration", "4", limits[0], limits[1]]);
    assert_eq!(ended.code, Some(4), "{}{}", ended.stdout, ended.stderr);
    for words in ["LIMITS", "limit iops at least 1000%: missed"] {
        assert!(ended.stdout.contains(words), "{}", ended.stdout);
    }
}

#[test]
fn what_makes_no_set_is_refused_with_what_to_do() {
    let desk = desk();
    let set = made(&desk);
    desk.refuses(&["suite", "web", "web", "-o", "twice"], 2, &["named twice"]);
    desk.refuses(&["suite", "web", "-o", "set"], 2, &["raw-stream.fio", "another folder"]);
    desk.refuses(&["suite", "web", "-o", "other", "--tool", "vdbench"], 2, &["`--tool`"]);
    desk.refuses(&["suite", "wep", "-o", "other"], 2, &["web"]);
    let empty = desk.path("empty");
    std::fs::create_dir(&empty).unwrap();
    desk.refuses(&["verify", &empty.display().to_string()], 2, &["suite JOB"]);
    let device = ["verify", &set, "--device", "/dev/null", "--i-know-this-destroys-data"];
    desk.refuses(&device, 2, &["one device takes one", "--directory"]);
    desk.refuses(&["verify", &set, "--against", "web"], 2, &["a capture is of one"]);
    desk.refuses(&["verify", "web", "--in-turn"], 2, &["one job", "suite"]);
}

//! A host that was taken over must not reach the workstation, its other jobs, or other hosts: attacks made by hand.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use vscsi_tests::hostile::{Body, Reply, TERMINAL_COMMANDS, Workstation, honest};

#[test]
fn an_honest_host_breaks_no_law() {
    let mut workstation = Workstation::with_job_there();
    assert_eq!(workstation.run(&["pull", "evil", "--host", "h2"]).code, 0);
    let listed = workstation.run(&["list"]);
    assert_eq!(listed.code, 0);
    assert!(
        listed.stdout.contains("evil") && listed.stdout.contains("good"),
        "{}",
        listed.stdout
    );
    assert_eq!(workstation.run(&["analyze", "evil", "--csv"]).code, 3);
    workstation.expect_laws();
}

#[test]
fn a_collection_on_an_honest_host_breaks_no_law() {
    let mut workstation = Workstation::new();
    let ended = workstation.run(&["collect", "--host", "h2", "--vm", "SQL-Server-01", "--name", "evil"]);
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(ended.stdout.starts_with("evil failed 2/2 samples"), "{}", ended.stdout);
    workstation.expect_laws();
}

#[test]
fn an_answer_about_another_job_is_refused() {
    let mut workstation = Workstation::with_job_there();
    workstation.attack_views(|view| {
        view["job"]["job_id"] = "good".into();
        view["job"]["host"]["hostname"] = "esx01".into();
    });
    let ended = workstation.run(&["pull", "evil", "--host", "h2"]);
    assert_eq!(ended.code, 14, "{}", ended.stderr);
    workstation.expect_laws();
}

#[test]
fn a_job_that_has_the_name_of_another_host_s_is_kept_beside_it() {
    let mut workstation = Workstation::with_job_there();
    workstation.attack_views(|view| view["job"]["host"]["hostname"] = "esx01".into());
    // The client asks for it by its name, so only what identifies a job keeps them apart.
    let _ = workstation.run(&["start", "--host", "h2", "--vm", "SQL-Server-01", "--name", "good"]);
    let ended = workstation.run(&["pull", "good", "--host", "h2"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("good@h2"), "{}", ended.stdout);
    assert_eq!(workstation.broken_laws(&["good@h2"]), [""; 0]);
}

#[test]
fn a_job_goes_back_to_the_host_it_came_from_whatever_it_says() {
    for told in [
        "mallory@attacker.example",
        "attacker.example",
        "esx01",
        "-oProxyCommand=x",
    ] {
        let mut workstation = Workstation::with_job_there();
        workstation.attack_views(move |view| {
            view["job"]["host"]["hostname"] = told.into();
            view["job"]["status"] = "running".into();
        });
        workstation.run(&["pull", "evil", "--host", "h2"]);
        for words in [
            &["pull"][..],
            &["status", "evil"],
            &["stop", "evil"],
            &["cleanup", "evil"],
            &["list"],
        ] {
            workstation.run(words);
        }
        workstation.run(&["delete", "evil", "--force"]);
        workstation.expect_laws();
    }
}

#[test]
fn a_stop_never_reaches_the_job_of_that_name_on_another_host() {
    let mut workstation = Workstation::with_job_there();
    workstation.attack_views(|view| {
        view["job"]["host"]["hostname"] = "esx01".into();
        view["job"]["job_id"] = "prod".into();
        view["job"]["status"] = "running".into();
    });
    for words in [
        &["pull", "evil", "--host", "h2"][..],
        &["stop", "evil"],
        &["pull", "--host", "h2"],
        &["pull"],
    ] {
        workstation.run(words);
    }
    workstation.expect_laws();
}

#[test]
fn files_that_the_manifest_does_not_name_are_refused() {
    let mut workstation = Workstation::with_job_there();
    workstation.attack_bundle(|files| {
        let (header, bytes) = files[0].clone();
        files.extend((3..3000).map(|sequence| {
            let mut header = header.clone();
            header["file"]["sequence"] = sequence.into();
            (header, bytes.clone())
        }));
    });
    workstation.run(&["pull", "evil", "--host", "h2"]);
    workstation.expect_laws();
    let samples = fs::read_dir(workstation.data().join("evil/samples")).unwrap();
    assert!(samples.count() <= 4);
}

#[test]
fn bytes_that_are_not_those_of_the_manifest_are_refused() {
    let mut workstation = Workstation::with_job_there();
    workstation.attack_bundle(|files| {
        for (_, bytes) in files {
            bytes.fill(b'x');
        }
    });
    let ended = workstation.run(&["pull", "evil", "--host", "h2"]);
    assert_ne!(ended.code, 0);
    workstation.expect_laws();
    assert!(!workstation.data().join("evil/samples/sample_000.csv").exists());
}

#[test]
fn a_file_with_a_checksum_of_its_own_is_refused() {
    let mut workstation = Workstation::with_job_there();
    workstation.attack_bundle(|files| {
        let other = files[1].clone();
        files[0].0["file"]["sha256"] = other.0["file"]["sha256"].clone();
        files[0].0["file"]["bytes"] = other.0["file"]["bytes"].clone();
        files[0].1 = other.1;
    });
    let ended = workstation.run(&["pull", "evil", "--host", "h2"]);
    assert_ne!(ended.code, 0);
    workstation.expect_laws();
    assert!(!workstation.data().join("evil/samples/sample_000.csv").exists());
}

#[test]
fn a_file_larger_than_any_snapshot_is_not_written() {
    let mut workstation = Workstation::with_job_there();
    workstation.attack(|request, mut reply| {
        if request.route() == "GET jobs/NAME/samples"
            && let Some(value) = reply.value()
        {
            value["samples"][0]["bytes"] = u64::MAX.into();
        }
        if request.route() == "GET jobs/NAME/bundle" {
            let header = json!({"file": {"sequence": 0, "bytes": u64::MAX, "sha256": "0".repeat(64)}, "skipped": 0});
            reply.body = Body::Repeated {
                before: format!("{header}\n").into_bytes(),
                middle: vec![b'x'; 1 << 20],
                times: 3000,
                after: Vec::new(),
            };
        }
        reply
    });
    let ended = workstation.run(&["pull", "evil", "--host", "h2"]);
    assert_ne!(ended.code, 0);
    workstation.expect_laws();
    let stored = workstation.stored_bytes("evil");
    assert!(stored < 1 << 20, "{stored} bytes were written");
}

#[test]
fn more_snapshots_than_the_profile_has_are_refused() {
    let mut workstation = Workstation::with_job_there();
    workstation.attack_route("GET jobs/NAME/samples", |value| {
        let entry = value["samples"][0].clone();
        let entries = (0..90_000_u32).map(|sequence| {
            let mut entry = entry.clone();
            entry["sequence"] = sequence.into();
            entry
        });
        value["samples"] = entries.collect();
    });
    let ended = workstation.run(&["pull", "evil", "--host", "h2"]);
    assert_eq!(ended.code, 14, "{}", ended.stderr);
    workstation.expect_laws();
}

#[test]
fn what_would_fill_the_disk_is_refused_before_its_first_byte() {
    let mut workstation = Workstation::with_job_there();
    let was_asked = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&was_asked);
    workstation.attack(move |request, mut reply| {
        asked.fetch_or(request.route() == "GET jobs/NAME/bundle", Ordering::SeqCst);
        let Some(value) = reply.value() else { return reply };
        if value["job"].is_object() {
            value["job"]["profile"]["samples"] = 100_000.into();
        }
        // Each is as large as a snapshot may be, and together they have 6 TB.
        if let Some(entry) = value["samples"].get(0).cloned() {
            let entries = (0..90_000_u32).map(|sequence| {
                let mut entry = entry.clone();
                entry["sequence"] = sequence.into();
                entry["bytes"] = (64 << 20).into();
                entry
            });
            value["samples"] = entries.collect();
        }
        reply
    });
    let ended = workstation.run(&["pull", "evil", "--host", "h2"]);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("are free in") && ended.stderr.contains("free some space"),
        "{}",
        ended.stderr
    );
    assert!(!was_asked.load(Ordering::SeqCst), "snapshots were asked for");
    workstation.expect_laws();
}

#[test]
fn a_stored_snapshot_is_never_replaced() {
    let mut workstation = Workstation::with_job_here();
    workstation.attack(|_, mut reply| {
        if let Some(value) = reply.value().filter(|value| value["samples"].is_array()) {
            for entry in value["samples"].as_array_mut().unwrap() {
                entry["bytes"] = 3.into();
                entry["sha256"] = "a665a45920422f9d417e4867efdc4fb8a04a1f3fff1fa07e998e86f7f7a27ae3".into();
            }
        }
        if let Some(files) = reply.files() {
            for (header, bytes) in files {
                header["file"]["bytes"] = 3.into();
                header["file"]["sha256"] = "a665a45920422f9d417e4867efdc4fb8a04a1f3fff1fa07e998e86f7f7a27ae3".into();
                *bytes = b"123".to_vec();
            }
        }
        reply
    });
    let ended = workstation.run(&["pull", "evil"]);
    assert_ne!(ended.code, 0, "{}", ended.stdout);
    workstation.expect_laws();
}

#[test]
fn answers_larger_than_any_honest_one_are_refused() {
    let errors = || Body::Repeated {
        before: br#"{"job":{"collection":{"errors":["#.to_vec(),
        middle: br#"{"at":"2025-11-06T08:31:00Z","sequence":1,"message":"vscsiStats hung and was ended"},"#
            .repeat(1000),
        times: 2500,
        after: b"null]}}}".to_vec(),
    };
    let stories: [&[&str]; 4] = [
        &["pull", "evil", "--host", "h2"],
        &["pull", "--host", "h2"],
        &["discover", "h2"],
        &["schedule", "list", "--host", "h2"],
    ];
    for words in stories {
        let mut workstation = Workstation::with_job_there();
        workstation.attack(move |_, mut reply| {
            reply.body = errors();
            reply
        });
        let ended = workstation.run(words);
        assert_ne!(ended.code, 0);
        workstation.run(&["list"]);
        workstation.expect_laws();
    }
}

#[test]
fn a_refusal_larger_than_any_honest_one_is_not_read_to_its_end() {
    let mut workstation = Workstation::with_job_there();
    workstation.attack(|_, mut reply| {
        reply.status = 500;
        reply.body = Body::Repeated {
            before: br#"{"code":"internal","message":""#.to_vec(),
            middle: vec![b'x'; 1 << 20],
            times: 210,
            after: br#""}"#.to_vec(),
        };
        reply
    });
    let ended = workstation.run(&["pull", "evil", "--host", "h2"]);
    assert_ne!(ended.code, 0);
    workstation.expect_laws();
}

#[test]
fn an_inventory_of_many_small_parts_takes_no_memory() {
    let mut workstation = Workstation::with_job_there();
    workstation.attack(|request, mut reply| {
        if request.route() == "GET inventory" {
            reply.body = Body::Repeated {
                before: br#"{"vms":[{"name":"a","world_group_id":"1","powered_on":true,"config_file":"/a","disks":["#
                    .to_vec(),
                middle: b"{},".repeat(1000),
                times: 1300,
                after: b"{}]}]}".to_vec(),
            };
        }
        reply
    });
    workstation.run(&["discover", "h2"]);
    workstation.expect_laws();
}

#[test]
fn a_refusal_cannot_command_the_terminal() {
    let mut workstation = Workstation::with_job_there();
    workstation.attack(|_, _| {
        Reply::json(
            409,
            json!({"code": "conflict", "message": TERMINAL_COMMANDS, "hint": TERMINAL_COMMANDS}),
        )
    });
    for words in [
        &["discover", "h2"][..],
        &["doctor", "--host", "h2", "-v"],
        &["pull", "evil", "--host", "h2"],
        &["--json", "pull", "evil", "--host", "h2"],
        &["start", "--host", "h2", "--vm", "x"],
        &["schedule", "remove", "x", "--host", "h2"],
    ] {
        let ended = workstation.run(words);
        assert_ne!(ended.code, 0);
    }
    workstation.expect_laws();
}

#[test]
fn a_greeting_cannot_command_the_terminal_or_the_protocol() {
    let greetings = [
        json!({"version": TERMINAL_COMMANDS, "api": {"min": 7, "max": 9}}),
        json!({"token": "a\r\nX-Injected: 1"}),
        json!({"token": TERMINAL_COMMANDS}),
        json!({"token": "x".repeat(1 << 20)}),
        json!({"token": ""}),
        json!({"port": 0}),
        json!({"port": 4_294_967_296_u64}),
    ];
    for change in greetings {
        let mut workstation = Workstation::with_job_there();
        let mut greeting = workstation.agent.greeting();
        for (key, value) in change.as_object().unwrap() {
            greeting[key] = value.clone();
        }
        workstation.greet_with(&greeting.to_string());
        workstation.run(&["pull", "evil", "--host", "h2"]);
        workstation.expect_laws();
    }
}

#[test]
fn a_disk_that_is_called_like_a_formula_is_a_text_in_a_table_and_raw_for_programs() {
    for node in ["=cmd|'/C calc'!A0", "+1", "-2+3", "@SUM(A1)"] {
        let mut workstation = Workstation::with_disk_there(node);
        workstation.run(&["pull", "evil", "--host", "h2"]);
        let analyzed = workstation.run(&["analyze", "evil", "--csv"]);
        assert_eq!(analyzed.code, 3, "{}", analyzed.stderr);
        workstation.expect_laws();
        let exported = workstation.run(&["export", "evil", "-o", "-"]);
        assert!(exported.stdout.contains(&format!(",'{node},")), "{}", exported.stdout);
        let raw = workstation.run(&["export", "evil", "--raw", "-o", "-"]);
        assert!(raw.stdout.contains(&format!(",{node},")), "{}", raw.stdout);
    }
}

#[test]
fn a_disk_that_is_called_like_terminal_commands_commands_nothing() {
    // Line ends cannot stand in what vscsiStats prints.
    let node = TERMINAL_COMMANDS.replace(['\n', '\r', '\0', ','], "");
    let mut workstation = Workstation::with_disk_there(&node);
    for words in [
        &["pull", "evil", "--host", "h2"][..],
        &["analyze", "evil", "--csv"],
        &["--json", "analyze", "evil"],
        &["chart", "evil", "--format", "svg"],
        &["export", "evil", "-o", "-"],
        &["status", "evil"],
        &["discover", "h2"],
    ] {
        workstation.run(words);
    }
    workstation.expect_laws();
}

#[test]
fn what_is_kept_is_for_its_owner_only() {
    let mut workstation = Workstation::with_job_here();
    workstation.run(&["list"]);
    workstation.run(&["analyze", "evil", "--csv", "--visualize", "--format", "svg"]);
    workstation.run(&["start", "--host", "h2", "--vm", "SQL-Server-01", "--name", "evil"]);
    let open_to_others: Vec<_> = workstation
        .below("data")
        .into_iter()
        .filter(|path| path.metadata().unwrap().permissions().mode() & 0o077 != 0)
        .collect();
    assert_eq!(open_to_others, Vec::<PathBuf>::new());
}

#[test]
fn a_data_directory_that_others_can_write_to_is_refused() {
    for folder in ["data", "data/.hosts", "data/.locks", "data/evil", "data/evil/samples"] {
        let mut workstation = Workstation::with_job_here();
        let path = workstation.home().join(folder);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        let ended = workstation.run(&["pull", "evil"]);
        assert_eq!(ended.code, 1, "{folder}: {}", ended.stdout);
        assert!(
            ended.stderr.contains(&format!("chmod -R go-w {}", path.display())),
            "{}",
            ended.stderr
        );
        workstation.expect_laws();
    }
}

#[test]
fn a_link_that_was_planted_is_not_followed() {
    let mut workstation = Workstation::with_job_there();
    workstation.attack_bundle(|files| files.truncate(1));
    workstation.run(&["pull", "evil", "--host", "h2"]);
    workstation.agent.attack(honest());
    let outside = workstation.home().join("outside");
    for name in ["samples/sample_001.csv.part", "samples/SHA256SUMS"] {
        let path = workstation.data().join("evil").join(name);
        let _ = fs::remove_file(&path);
        std::os::unix::fs::symlink(&outside, &path).unwrap();
        let ended = workstation.run(&["pull", "evil"]);
        assert_eq!(ended.code, 1, "{}", ended.stdout);
        fs::remove_file(&path).unwrap();
    }
    let path = workstation.data().join("evil/job.json");
    let description = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(workstation.home().join("out/description"), &description).unwrap();
    std::os::unix::fs::symlink(workstation.home().join("out/description"), &path).unwrap();
    workstation.attack_route("GET jobs/NAME", |view| {
        view["job"]["status"] = "completed".into();
    });
    workstation.run(&["pull", "evil"]);
    assert_eq!(
        fs::read(workstation.home().join("out/description")).unwrap(),
        description
    );
    workstation.expect_laws();
}

#[test]
fn a_program_that_stands_for_the_agent_cannot_command_the_terminal() {
    for (says, code) in [("echo", 0), ("echo", 1), ("echo >&2", 1), ("echo >&2", 127)] {
        let mut workstation = Workstation::new();
        let program = workstation.home().join("out/agent");
        let text = TERMINAL_COMMANDS.replace('\0', "");
        fs::write(
            &program,
            format!("#!/bin/sh\ncat <<'END' {}\n{text}\nEND\nexit {code}\n", &says[4..]),
        )
        .unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let tunnel = format!("--tunnel=local:{}", program.display());
        let ended = workstation.run(&["discover", "h3", &tunnel]);
        assert_ne!(ended.code, 0);
        workstation.expect_laws();
    }
}

#[test]
fn an_ssh_that_fails_cannot_command_the_terminal() {
    for code in [1, 125, 126, 127, 255] {
        let mut workstation = Workstation::new();
        let ssh = workstation.home().join("programs/ssh");
        let text = TERMINAL_COMMANDS.replace('\0', "");
        workstation.put(
            "programs/ssh",
            &format!("#!/bin/sh\ncat >&2 <<'END'\n{text}\nEND\nexit {code}\n"),
        );
        fs::set_permissions(&ssh, fs::Permissions::from_mode(0o755)).unwrap();
        for words in [
            &["discover", "h3"][..],
            &["preflight", "h3"],
            &["install", "h3"],
            &["uninstall", "h3"],
        ] {
            let ended = workstation.run(words);
            assert!(!ended.stderr.is_empty() || !ended.stdout.is_empty());
        }
        workstation.expect_laws();
    }
}

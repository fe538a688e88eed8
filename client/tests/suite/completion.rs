//! Completion, in bash itself.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::desk::Desk;

/// The words of a command line on which these keys were typed in bash, with `\t` where it is asked to complete.
fn typed(desk: &Desk, keys: &str) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_vscsi-helper"));
    let path = std::env::var("PATH").unwrap();
    let script = desk.run(&["completions", "bash"]);
    assert_eq!(script.code, Some(0), "{}", script.stderr);
    let file = desk.file("completion.bash", script.stdout.as_bytes());
    let mut bash = Command::new("bash")
        .args(["--noprofile", "--norc", "-i"])
        .env("PATH", format!("{}:{path}", program.parent().unwrap().display()))
        .env("HOME", desk.path(""))
        .env("VSCSI_HELPER_DATA_DIR", desk.path("data"))
        .env("TERM", "dumb")
        .current_dir(desk.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that shows its words is completed as the program is.
    let lines = format!(
        "source '{file}'\nwords() {{ printf '<%s>' \"$@\"; }}\ncomplete -F _vscsi_helper words\nwords {keys}\nexit\n"
    );
    bash.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let ended = bash.wait_with_output().unwrap();
    let shown = String::from_utf8(ended.stdout).unwrap();
    assert!(!shown.is_empty(), "{}", String::from_utf8_lossy(&ended.stderr));
    shown
}

/// Changes the description of a job, and where it is.
fn change(desk: &Desk, directory: &str, change: impl FnOnce(&mut Value)) {
    let path = desk.job("captured").join("job.json");
    let mut job: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut job);
    fs::create_dir_all(desk.job(directory)).unwrap();
    fs::write(desk.job(directory).join("job.json"), job.to_string()).unwrap();
}

#[test]
fn bash_completes_commands_options_jobs_and_disks() {
    let desk = Desk::with_the_capture();
    let disk = |node: &str, handle: &str| json!({"node": node, "lun": node, "handle_id": handle});
    change(&desk, "captured", |job| {
        job["target"]["disks"] = json!([
            disk("scsi0:0", "8194"),
            disk("scsi0:10", "8195"),
            disk("nvme1:2", "8196")
        ]);
    });
    assert_eq!(
        typed(&desk, "anal\t capt\t --seq\t"),
        "<analyze><captured><--sequential-gap>"
    );
    // Options are offered where one is begun, so that the only job needs no letter.
    assert_eq!(typed(&desk, "status \t"), "<status><captured>");
    // A word ends at a colon to bash.
    assert_eq!(
        typed(&desk, "analyze capt\t --disk sc\t1\t"),
        "<analyze><captured><--disk><scsi0:10>"
    );
    assert_eq!(
        typed(&desk, "analyze captured --disk=n\t"),
        "<analyze><captured><--disk=nvme1:2>"
    );
}

#[test]
fn bash_completes_a_job_with_its_host_where_two_have_one_of_that_name() {
    let desk = Desk::with_the_capture();
    for host in ["esx1", "esx2"] {
        change(&desk, &format!("web@{host}"), |job| {
            job["job_id"] = json!("web");
            job["pulled_from"] = json!({"host": host});
        });
    }
    assert_eq!(typed(&desk, "status w\t2\t"), "<status><web@esx2>");
    assert_eq!(typed(&desk, "status web@\t1"), "<status><web@esx1>");
}

#[test]
fn every_shell_that_is_offered_gets_a_script_that_asks_the_program() {
    let desk = Desk::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = desk.run(&["completions", shell]);
        assert_eq!(script.code, Some(0), "{}", script.stderr);
        assert!(
            script.stdout.contains("VSCSI_HELPER_COMPLETE"),
            "{shell}: {}",
            script.stdout
        );
    }
    desk.refuses(&["completions", "tcsh"], 2, &["possible values", "bash"]);
}

//! The simulated host enforces what its scenario says: which files run, which tools there are, and which Python.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use vscsi_fixtures::{Python, Scenario};
use vscsi_tests::binaries::Binary;
use vscsi_tests::sshd::{SshHost, Style};

const FILTER: &str = env!("CARGO_BIN_EXE_esxi-filter");
const DATASTORE: &str = "/vmfs/volumes/datastore1";

/// A host with a foreign program, a script for each interpreter, and one that names none, on its first datastore.
fn host(scenario: &Scenario) -> SshHost {
    let host = SshHost::with_scenario(scenario, Style::Esxi8);
    let datastore = host.root().join(&DATASTORE[1..]);
    fs::copy(Binary::Simulator.path().unwrap(), datastore.join("foreign")).unwrap();
    fs::write(datastore.join("named.sh"), "#!/bin/sh\necho named\n").unwrap();
    fs::write(datastore.join("nameless.sh"), "echo nameless\n").unwrap();
    fs::write(datastore.join("script.py"), "print('python')\n").unwrap();
    for file in ["foreign", "named.sh", "nameless.sh"] {
        fs::set_permissions(datastore.join(file), fs::Permissions::from_mode(0o755)).unwrap();
    }
    host
}

fn refuses_foreign_programs_and_runs_scripts(scenario: &Scenario) {
    let host = host(scenario);
    for refused in ["foreign", "nameless.sh"] {
        let finished = host.shell(&format!("{DATASTORE}/{refused}")).expect(126);
        let complaint = format!("{DATASTORE}/{refused}: Operation not permitted");
        assert!(finished.stderr.contains(&complaint), "{}", finished.stderr);
    }
    let relative = host.shell(&format!("cd {DATASTORE} && ./foreign")).expect(126);
    assert!(
        relative.stderr.contains("Operation not permitted"),
        "{}",
        relative.stderr
    );
    for (line, output) in [
        (format!("sh {DATASTORE}/nameless.sh"), "nameless\n"),
        (format!("{DATASTORE}/named.sh"), "named\n"),
        (format!("/bin/python3 -BEs {DATASTORE}/script.py"), "python\n"),
        ("esxcli system version get | head -n 1".to_owned(), ""),
    ] {
        let finished = host.shell(&line).expect(0);
        assert!(finished.stdout.contains(output), "{line}: {}", finished.stdout);
    }
}

#[test]
fn a_stock_8_with_secure_boot_refuses_foreign_programs_and_runs_scripts() {
    refuses_foreign_programs_and_runs_scripts(&Scenario::load("esxi80-hardened").unwrap());
}

#[test]
fn a_stock_8_without_secure_boot_does_the_same() {
    let mut scenario = Scenario::load("esxi80-hardened").unwrap();
    scenario.host.secure_boot = false;
    refuses_foreign_programs_and_runs_scripts(&scenario);
}

#[test]
fn a_stock_9_with_the_boot_option_does_the_same() {
    refuses_foreign_programs_and_runs_scripts(&Scenario::load("esxi90").unwrap());
}

#[test]
fn a_host_without_the_policy_runs_foreign_programs() {
    let host = host(&Scenario::load("esxi80-policy-off").unwrap());
    let help = host.shell(&format!("{DATASTORE}/foreign help")).expect(0);
    assert!(help.stdout.contains("a simulated ESXi host"));
}

#[test]
fn a_program_that_is_started_by_a_script_is_refused_as_well() {
    let host = host(&Scenario::load("esxi80-hardened").unwrap());
    let code = format!("import subprocess; subprocess.call([\"{DATASTORE}/foreign\"])");
    let finished = host.shell(&format!("/bin/python3 -c '{code}'")).expect(1);
    assert!(
        finished.stderr.contains("PermissionError: [Errno 1]"),
        "{}",
        finished.stderr
    );
}

#[test]
fn the_shell_knows_only_the_tools_of_a_host() {
    let host = SshHost::start("esxi80-policy-off", Style::Esxi8);
    for tool in ["tr", "id", "base64", "flock", "python2", "perl"] {
        let finished = host.shell(&format!("{tool} </dev/null")).expect(127);
        assert!(finished.stderr.contains("not found"), "{}", finished.stderr);
    }
    assert_eq!(
        host.shell("uname -s; echo ok | sed s/o/O/").expect(0).stdout,
        "VMkernel\nOk\n"
    );
}

#[test]
fn python_lies_where_the_scenario_has_it() {
    let version = |python: Python| {
        let mut scenario = Scenario::load("esxi80-hardened").unwrap();
        scenario.host.python = python;
        let host = SshHost::with_scenario(&scenario, Style::Esxi8);
        let probe = "for p in /bin/python3 /bin/python; do [ -x $p ] && $p -c 'import sys; print(sys.version_info[0])'; done; true";
        host.shell(probe).expect(0).stdout
    };
    assert_eq!(version(Python::Both), "3\n3\n");
    assert_eq!(version(Python::PlainName), "3\n");
    assert_eq!(version(Python::TooOld), "2\n2\n");
    assert_eq!(version(Python::Missing), "");
}

/// What Python says to this code under the filter.
fn python_under_the_filter(switches: &[&str], code: &str) -> String {
    let output = Command::new(FILTER)
        .args(switches)
        .args(["--", "/usr/bin/python3", "-I", "-c", code])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn python_meets_the_gaps_of_the_vmkernel() {
    let attempt = "import os, select, socket\n\
                   def attempt(call):\n    \
                       try:\n        call()\n        return 'works'\n    \
                       except OSError as error:\n        return os.strerror(error.errno)\n";
    let epoll = format!("{attempt}print(attempt(select.epoll))");
    assert_eq!(
        python_under_the_filter(&["--deny", "epoll"], &epoll),
        "Function not implemented\n"
    );
    let poll = format!("{attempt}print(attempt(lambda: select.poll().poll(0)))");
    assert_eq!(python_under_the_filter(&["--deny", "epoll"], &poll), "works\n");
    let timeout = format!("{attempt}print(attempt(lambda: socket.socket().settimeout(1)))");
    assert_eq!(
        python_under_the_filter(&[], &timeout),
        "Inappropriate ioctl for device\n"
    );
    assert_eq!(python_under_the_filter(&["--allow-fionbio"], &timeout), "works\n");
    let random = "import os; print(len(os.urandom(16)))";
    assert_eq!(python_under_the_filter(&[], random), "16\n");
}

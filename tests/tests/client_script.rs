//! The way of a new user on the hosts that people have today: stock ESXi 8 and 9, on which no foreign binary runs.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use vscsi_fixtures::{Python, Scenario, SimulatedHost};
use vscsi_tests::agent_host::wait_until;
use vscsi_tests::sshd::{Client, SshHost, Style};
use vscsi_tests::truth::compare_with_truth;

/// The folder of the script on the host.
fn script_of(host: &SshHost) -> PathBuf {
    let is_script = |path: &PathBuf| path.ends_with("vscsi-agent-script") && path.is_dir();
    host.datastores().into_iter().find(is_script).unwrap()
}

/// Ends the ssh by which a command of the client speaks with the agent, as a broken network does.
fn kill_ssh_of(client: u32) {
    let connects = |process: &String| {
        let line = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(" connect")
    };
    let mut ssh = None;
    wait_until("the client has started ssh", || {
        let children = fs::read_to_string(format!("/proc/{client}/task/{client}/children")).unwrap_or_default();
        ssh = children.split_whitespace().map(str::to_owned).find(connects);
        ssh.is_some()
    });
    let killed = Command::new("kill").args(["-9", &ssh.unwrap()]).status();
    assert!(killed.unwrap().success());
}

fn a_new_user_comes_to_the_end(scenario: &str) {
    let host = SshHost::start(scenario, Style::Esxi8);
    let client = Client::of(&host);
    let before = host.datastores();

    let first = client.run_connected(&["--json", "discover", "esxi"]).expect(0).json();
    let preflight = client.run_connected(&["--json", "preflight", "esxi"]).expect(0).json();
    assert_eq!(preflight["recommended"], "script", "{preflight}");
    assert_eq!(host.datastores(), before);
    let installed = client.run_connected(&["install", "esxi"]).expect(0);
    assert!(installed.stdout.contains("verified on esxi"), "{}", installed.stdout);
    let hosts = client.run(&["--json", "hosts"]).expect(0).json();
    assert_eq!(
        (&hosts[0]["agent"]["program"], &hosts[0]["agent"]["python"]),
        (&"script".into(), &"/bin/python3".into())
    );
    let script = script_of(&host);
    assert!(
        !script.with_file_name("vscsi-agent").exists(),
        "a binary is there as well"
    );

    let inventory = client.run(&["--json", "discover", "esxi"]).expect(0).json();
    let vms = inventory["vms"].as_array().unwrap();
    let vm = vms.iter().find(|vm| vm["name"] == "SQL-Server-01").unwrap();
    assert!(vm["disks"][0]["capacity_bytes"].as_u64() > Some(1 << 30), "{vm}");
    assert_eq!(inventory, first, "the host's own commands and the agent tell the same");

    client.start("sql", "esxi", "SQL-Server-01", 6);
    let watching = client.command(["status", "sql", "--watch"]).spawn().unwrap();
    kill_ssh_of(watching.id());
    let watched = watching.wait_with_output().unwrap();
    assert_eq!(
        watched.status.code(),
        Some(10),
        "{}",
        String::from_utf8_lossy(&watched.stderr)
    );
    let status = client.run(&["status", "sql", "--watch"]).expect(0);
    assert!(
        status.stdout.contains("Progress: 6/6 samples (100%)"),
        "{}",
        status.stdout
    );
    client.run(&["pull", "sql"]).expect(0);
    let simulated = SimulatedHost::open(&host.root()).unwrap();
    let job = client.data().join("sql");
    // Six samples of each disk, compared with what the simulated disks really did.
    assert!(compare_with_truth(&simulated, &job) >= 6);
    client.run(&["analyze", "sql"]).expect(0);

    client.start("long", "esxi", "SQL-Server-01", 500);
    let stopped = client.run(&["stop", "long"]).expect(0);
    assert!(stopped.stdout.contains("done."), "{}", stopped.stdout);
    assert_eq!(host.sim(&["collecting"]).trim(), "");
    client.run(&["cleanup", "long"]).expect(0);
    client.schedule("nightly", "0 22 * * *").expect(0);
    let listed = client
        .run(&["--json", "schedule", "list", "--host", "esxi"])
        .expect(0)
        .json();
    assert_eq!(listed[0]["schedule"]["name"], "nightly");
    client
        .run(&["schedule", "remove", "nightly", "--host", "esxi"])
        .expect(0);
    let checks = client.run(&["--json", "doctor", "--host", "esxi"]).expect(0).json();
    assert!(
        checks
            .as_array()
            .unwrap()
            .iter()
            .any(|check| check["what"] == "agent" && check["ok"] == true)
    );

    let compiled = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "pyc");
    assert!(
        !host.datastores().iter().any(compiled),
        "the interpreter wrote beside the files"
    );
    client.run(&["pull", "--all"]).expect(0);
    client.run(&["uninstall", "esxi"]).expect(0);
    assert_eq!(host.datastores(), before);
    assert_eq!(host.sim(&["collecting"]).trim(), "");
    let left: Vec<String> = host.processes().into_iter().map(|(_, command)| command).collect();
    assert!(!left.iter().any(|command| command.contains("vscsi-agent")), "{left:?}");
}

#[test]
fn a_new_user_on_a_stock_8_comes_from_preflight_to_a_host_that_is_as_before() {
    a_new_user_comes_to_the_end("esxi80-hardened");
}

#[test]
fn a_new_user_on_a_stock_9_comes_from_preflight_to_a_host_that_is_as_before() {
    a_new_user_comes_to_the_end("esxi90");
}

/// A stock 8 with this Python.
fn host_with(python: Python) -> SshHost {
    let mut scenario = Scenario::load("esxi80-hardened").unwrap();
    scenario.host.python = python;
    SshHost::with_scenario(&scenario, Style::Esxi8)
}

#[test]
fn a_host_whose_python_has_the_plain_name_is_installed_on_by_another_workstation_s_search_too() {
    let host = host_with(Python::PlainName);
    Client::of(&host).install();
    let other = Client::of(&host);
    other.run_connected(&["schedule", "list", "--host", "esxi"]).expect(0);
}

#[test]
fn where_nothing_can_be_installed_every_command_ends_at_the_commands_to_collect_by_hand() {
    for (python, reason) in [(Python::Missing, "there is no Python"), (Python::TooOld, "2.7.11")] {
        let host = host_with(python);
        let client = Client::of(&host);
        let before = host.datastores();
        for words in [
            &["preflight", "esxi"][..],
            &["install", "esxi"],
            &["install", "esxi", "--mode", "script"],
            &["install", "esxi", "--mode", "binary"],
        ] {
            let refused = client.run_connected(words).expect(12);
            let said = format!("{}{}", refused.stdout, refused.stderr);
            for part in [
                reason,
                "\n  /usr/sbin/vscsiStats -s -w WG -i H",
                "\n  vscsi-helper import",
            ] {
                assert!(said.contains(part), "{words:?}: {said}");
            }
        }
        let removed = client.run_connected(&["uninstall", "esxi"]).expect(0);
        assert!(removed.stderr.contains("nothing was removed"), "{}", removed.stderr);
        assert_eq!(host.datastores(), before);
    }
}

#[test]
fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    let host = SshHost::start("esxi80-hardened", Style::Esxi8);
    let client = Client::of(&host);
    let before = host.datastores();
    let plan = client.run_connected(&["install", "esxi", "--dry-run"]).expect(0);
    for part in ["mode script", "/vmfs/volumes/", "Nothing was changed."] {
        assert!(plan.stdout.contains(part), "{}", plan.stdout);
    }
    assert_eq!(host.datastores(), before);
    client.install();
    let before = host.datastores();
    let start = [
        "start",
        "--host",
        "esxi",
        "--vm",
        "SQL-Server-01",
        "--name",
        "sql-%Y",
        "--dry-run",
    ];
    let plan = client.run(&start).expect(0);
    for part in ["Would start job 'sql-20", "\n  Disk: ", "Nothing was started."] {
        assert!(plan.stdout.contains(part), "{}", plan.stdout);
    }
    assert_eq!(host.sim(&["collecting"]).trim(), "");
    let plan = client.run(&["uninstall", "esxi", "--dry-run"]).expect(0);
    assert!(plan.stdout.contains("no job is kept there"), "{}", plan.stdout);
    assert_eq!(host.datastores(), before);
}

#[test]
fn a_module_that_was_changed_on_the_host_is_not_run_and_is_replaced_by_install() {
    let host = SshHost::start("esxi80-hardened", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    let module = script_of(&host).join("vscsi_agent/connect.py");
    let good = fs::read(&module).unwrap();
    fs::write(&module, [good.as_slice(), b"# more\n"].concat()).unwrap();
    let refused = client.run(&["schedule", "list", "--host", "esxi"]).expect(12);
    assert!(refused.stderr.contains("its SHA-256 is"), "{}", refused.stderr);
    client.install();
    assert_eq!(fs::read(&module).unwrap(), good);
    client.run(&["discover", "esxi"]).expect(0);
}

#[test]
fn a_job_goes_on_from_the_binary_to_the_script_and_back() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    client.start("sql", "esxi", "SQL-Server-01", 25);
    for mode in ["script", "binary"] {
        client.run(&["install", "esxi", "--mode", mode]).expect(0);
        let programs: Vec<PathBuf> = host
            .datastores()
            .into_iter()
            .filter(|path| path.ends_with("vscsi-agent") || path.ends_with("vscsi-agent-script"))
            .filter(|path| !path.is_symlink())
            .collect();
        assert_eq!(programs.len(), 1, "{programs:?}");
        let status = client.run(&["--json", "status", "sql"]).expect(0).json();
        assert_eq!(status["job"]["status"], "running", "{status}");
    }
    client.run(&["status", "sql", "--watch"]).expect(0);
    client.run(&["pull", "sql"]).expect(0);
    let simulated = SimulatedHost::open(&host.root()).unwrap();
    // Both disks of the VM in 25 samples, of which none was lost.
    assert_eq!(compare_with_truth(&simulated, &client.data().join("sql")), 50);
    client.run(&["uninstall", "esxi"]).expect(0);
    assert_eq!(host.sim(&["collecting"]).trim(), "");
}

//! Installing on hosts that are not as one wishes, over a real sshd.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a helper that fails must fail its test"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use vscsi_tests::binaries::Binary;
use vscsi_tests::sshd::{Client, SshHost, Style};

fn agent_of(host: &SshHost) -> PathBuf {
    // The folder is called after the name that the host's kernel has.
    let is_agent = |path: &PathBuf| path.ends_with("vscsi-agent") && path.is_file();
    host.datastores()
        .into_iter()
        .find(is_agent)
        .expect("an agent is installed")
}

fn sha256sum(file: &Path) -> String {
    let output = Command::new("sha256sum").arg(file).output().unwrap();
    let line = String::from_utf8(output.stdout).unwrap();
    line.split(' ').next().unwrap().to_owned()
}

#[test]
fn a_binary_on_a_hardened_host_is_refused_with_the_reason_and_changes_nothing() {
    let host = SshHost::start("esxi80-hardened", Style::Esxi8);
    let client = Client::of(&host);
    let before = host.datastores();
    let finished = client
        .run_connected(&["install", "esxi", "--mode", "binary"])
        .expect(12);
    assert!(finished.stderr.contains("execInstalledOnly"), "{}", finished.stderr);
    assert!(finished.stderr.contains("without `--mode`"), "{}", finished.stderr);
    assert_eq!(host.datastores(), before);
    let forced = client.run_connected(&["install", "esxi", "--mode", "vib"]).expect(2);
    assert!(
        forced.stderr.contains("possible values: binary, script"),
        "{}",
        forced.stderr
    );
}

#[test]
fn the_agent_that_was_built_is_inside_the_client() {
    // Nothing lies beside this name of the program, so that the agent can only come from inside.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let client = folder.path().join("vscsi-helper");
    fs::hard_link(Binary::Client.path().unwrap(), &client).unwrap();
    let output = Command::new(&client)
        .args(["--json", "doctor", "--data-dir"])
        .arg(folder.path().join("data"))
        .env_remove("VSCSI_HELPER_AGENT")
        .output()
        .unwrap();
    let checks: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut checks = checks.as_array().unwrap().iter();
    let agent = checks.find(|check| check["what"] == "agent for install").unwrap();
    let sum = sha256sum(&Binary::Agent.path().unwrap());
    assert_eq!((&agent["ok"], &agent["found"]), (&Value::from(true), &Value::from(sum)));
}

#[test]
fn a_datastore_that_fills_up_during_the_upload_keeps_the_agent_that_was_there() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    let agent = agent_of(&host);
    let good = fs::read(&agent).unwrap();
    let other = client.home().join("other-agent");
    fs::write(&other, [good.as_slice(), b"newer"].concat()).unwrap();
    host.limit_file_size(500_000);
    let path = other.display().to_string();
    let finished = client.run(&["install", "esxi", "--agent", &path]).expect(1);
    assert!(
        finished.stderr.contains("could not upload the agent"),
        "{}",
        finished.stderr
    );
    assert!(fs::read(&agent).unwrap() == good, "the agent that was there is gone");
    assert!(!agent.with_extension("new").exists(), "half a file is left");
}

/// Lets a program of the host's shell do something else. BusyBox asks nobody for its own programs, but functions.
fn replace_program(host: &SshHost, name: &str, body: &str) {
    let shell = host.root().join("bin/sh");
    fs::remove_file(&shell).unwrap();
    let script = format!(
        "#!/bin/busybox sh\nreplaced='{name}() {{ {body}; }}'\n\
         if [ \"$1\" = -c ]; then\n  line=$2; shift 2; set -- -c \"$replaced\n$line\" \"$@\"\nfi\n\
         exec /bin/busybox sh \"$@\"\n"
    );
    fs::write(&shell, script).unwrap();
    fs::set_permissions(&shell, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn an_agent_that_was_damaged_on_its_way_is_not_put_into_its_place() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    let agent = agent_of(&host);
    let good = fs::read(&agent).unwrap();
    let other = client.home().join("other-agent");
    fs::write(&other, [good.as_slice(), b"newer"].concat()).unwrap();
    // Before the host sums up what arrived, a byte more is there.
    replace_program(
        &host,
        "sha256sum",
        "case \"$1\" in *.new) printf x >> \"$1\";; esac; /bin/busybox sha256sum \"$1\"",
    );
    let path = other.display().to_string();
    let finished = client.run(&["install", "esxi", "--agent", &path]).expect(1);
    assert!(
        finished.stderr.contains("arrived on the host with SHA-256"),
        "{}",
        finished.stderr
    );
    assert!(fs::read(&agent).unwrap() == good, "the agent that was there is gone");
    assert!(!agent.with_extension("new").exists(), "the damaged agent is left");
}

#[test]
fn a_host_whose_clock_is_a_day_off_is_told_and_installed_on() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    replace_program(&host, "date", "echo $(($(/bin/busybox date -u +%s) - 86400))");
    let preflight = client.run_connected(&["--json", "preflight", "esxi"]).expect(0).json();
    let difference = preflight["clock_difference_seconds"].as_i64().unwrap();
    assert!((-86_460..=-86_340).contains(&difference), "{difference}");
    let told = client.run_connected(&["preflight", "esxi"]).expect(0);
    assert!(told.stdout.contains("behind this machine's"), "{}", told.stdout);
    client.install();
}

#[test]
fn a_second_install_uploads_nothing_and_a_running_job_goes_on() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    client.start("sql", "esxi", "SQL-Server-01", 3);
    let again = client.run(&["--json", "install", "esxi"]).expect(0).json();
    assert_eq!(again["unchanged"], true);
    let status = client.run(&["--json", "status", "sql", "--watch"]).expect(0).json();
    assert_eq!(status["job"]["status"], "completed");
}

#[test]
fn names_with_blanks_quotes_umlauts_and_substitutions_are_taken_as_they_stand() {
    let host = SshHost::start("odd-names", Style::Esxi8);
    let client = Client::of(&host);
    let datastore = fs::read_dir(host.root().join("vmfs/volumes"))
        .unwrap()
        .flatten()
        .find(|entry| entry.file_type().unwrap().is_dir())
        .unwrap();
    let uuid = datastore.file_name().into_string().unwrap();
    let folder = format!("/vmfs/volumes/{uuid}/it's $(touch pwned) \"ä\" `id`;#&");
    client
        .run_connected(&["install", "esxi", "--folder", &folder])
        .expect(0);
    assert!(host.root().join(&folder[1..]).join("vscsi-agent").is_file());

    let inventory = client.run(&["--json", "discover", "esxi"]).expect(0).json();
    let running = inventory["vms"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|vm| vm["powered_on"] == true);
    for (number, vm) in running.enumerate() {
        let name = vm["name"].as_str().unwrap();
        let job = format!("odd-{number}");
        client.start(&job, "esxi", name, 1);
        let status = client.run(&["--json", "status", &job, "--watch"]).expect(0).json();
        assert_eq!(status["job"]["target"]["vm_name"], name);
    }
    client.run(&["pull", "--all"]).expect(0);
    client.run(&["uninstall", "esxi"]).expect(0);
    assert!(!host.root().join(&folder[1..]).exists());
    for place in ["", "root", "tmp"] {
        assert!(
            !host.root().join(place).join("pwned").exists(),
            "a substitution was carried out"
        );
    }
}

#[test]
fn a_running_job_or_samples_not_pulled_stand_in_the_way_of_uninstall() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    client.start("sql", "esxi", "SQL-Server-01", 100);
    let refused = client.run(&["uninstall", "esxi"]).expect(1);
    assert!(refused.stderr.contains("jobs are running: sql"), "{}", refused.stderr);
    assert!(agent_of(&host).is_file());
    client.run(&["uninstall", "esxi", "--force"]).expect(0);
    assert_eq!(host.sim(&["collecting"]).trim(), "");
    let left: Vec<PathBuf> = host
        .datastores()
        .into_iter()
        .filter(|path| path.display().to_string().contains("vscsi-helper"))
        .collect();
    assert_eq!(left, Vec::<PathBuf>::new());
}

/// Puts a program into the agent's place that greets as a later version, and gives its SHA-256.
fn replace_agent(host: &SshHost) -> String {
    let greeting = r#"{"program":"vscsi-agent","version":"9.0.0","api":{"min":7,"max":9},"token":"t","port":1}"#;
    let agent = agent_of(host);
    fs::write(&agent, format!("#!/bin/sh\necho '{greeting}'\nsleep 5\n")).unwrap();
    sha256sum(&agent)
}

#[test]
fn an_agent_that_speaks_another_version_is_refused_with_what_to_do() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    let sum = replace_agent(&host);
    // As a later version of this program would have recorded it.
    let record = client.data().join(".hosts/esxi.json");
    let mut known: Value = serde_json::from_slice(&fs::read(&record).unwrap()).unwrap();
    known["agent"]["sha256"] = sum.into();
    fs::write(&record, known.to_string()).unwrap();
    let finished = client.run(&["discover", "esxi"]).expect(14);
    assert!(finished.stderr.contains("update vscsi-helper"), "{}", finished.stderr);
}

#[test]
fn another_program_in_the_place_of_the_agent_is_refused_with_what_to_do() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    replace_agent(&host);
    for words in [&["discover", "esxi"][..], &["uninstall", "esxi", "--force"]] {
        let finished = client.run(words).expect(12);
        assert!(finished.stderr.contains("its SHA-256 is"), "{}", finished.stderr);
        assert!(
            finished.stderr.contains("`vscsi-helper install "),
            "{}",
            finished.stderr
        );
    }
    client.install();
    client.run(&["discover", "esxi"]).expect(0);
}

#[test]
fn an_agent_that_may_not_run_is_explained() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    fs::set_permissions(agent_of(&host), fs::Permissions::from_mode(0o600)).unwrap();
    let finished = client.run(&["schedule", "list", "--host", "esxi"]).expect(12);
    assert!(
        finished.stderr.contains("does not permit the agent to run"),
        "{}",
        finished.stderr
    );
}

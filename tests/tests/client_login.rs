//! Reaching a host, or being told why not, over a real sshd.
#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use vscsi_tests::sshd::{Client, PasswordUser, SshHost, Style, sampling};

/// A key of this kind, which the host does not know.
fn another_key(directory: &Path, kind: &str) -> String {
    let path = directory.join(format!("other_{kind}"));
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", kind, "-N", "", "-f"])
        .arg(&path)
        .status()
        .unwrap();
    assert!(made.success());
    path.display().to_string()
}

#[test]
fn a_changed_host_key_stops_everything_at_once() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    let other = another_key(client.home(), "ecdsa");
    let key = fs::read_to_string(format!("{other}.pub")).unwrap();
    fs::write(client.known_hosts(), format!("esxi {key}")).unwrap();
    fs::write(client.configuration(), "ssh:\n  retry_attempts: 3\n").unwrap();
    let finished = client.run_connected(&["preflight", "esxi"]).expect(11);
    assert!(finished.stderr.contains("has changed"), "{}", finished.stderr);
    assert!(!finished.stderr.contains("trying again"), "{}", finished.stderr);
}

#[test]
fn an_unknown_host_key_is_not_accepted_silently() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    fs::remove_file(client.known_hosts()).unwrap();
    let finished = client.run_connected(&["preflight", "esxi"]).expect(11);
    assert!(
        finished.stderr.contains("compare the fingerprint"),
        "{}",
        finished.stderr
    );
    let named = format!("`ssh -p {} esxi`", host.address().port());
    assert!(finished.stderr.contains(&named), "{}", finished.stderr);
    assert!(!client.known_hosts().exists());
}

#[test]
fn a_key_the_host_does_not_know_is_refused_without_another_try() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    fs::write(client.configuration(), "ssh:\n  retry_attempts: 3\n").unwrap();
    let mut options = client.connection_without("--key");
    options.extend(["--key".to_owned(), another_key(client.home(), "ecdsa")]);
    let finished = client.run_with(&["preflight", "esxi"], &options).expect(11);
    assert!(finished.stderr.contains("refused the login"), "{}", finished.stderr);
    assert!(!finished.stderr.contains("trying again"), "{}", finished.stderr);
}

#[test]
fn an_ed25519_key_is_answered_with_the_reason() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    let key = another_key(client.home(), "ed25519");
    let public = fs::read_to_string(format!("{key}.pub")).unwrap();
    // Even a key that the administrator added is refused, because of its kind.
    fs::write(host.directory().join("authorized_keys"), public).unwrap();
    let mut options = client.connection_without("--key");
    options.extend(["--key".to_owned(), key]);
    let finished = client.run_with(&["preflight", "esxi"], &options).expect(11);
    assert!(
        finished.stderr.contains("ESXi refuses Ed25519 keys"),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_host_that_does_not_answer_is_tried_again_as_configured() {
    let host = SshHost::start("demo", Style::Esxi8);
    // Nothing listens on port 1 of the loopback.
    let client = Client::through(&host, 1);
    fs::write(client.configuration(), "ssh:\n  retry_attempts: 1\n").unwrap();
    let finished = client.run_connected(&["discover", "esxi"]).expect(10);
    assert_eq!(
        finished.stderr.matches("trying again in 5 s").count(),
        1,
        "{}",
        finished.stderr
    );
    assert!(finished.stderr.contains("TSM-SSH"), "{}", finished.stderr);
}

#[test]
fn a_host_without_an_agent_is_answered_with_the_command_that_installs_it() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    let words: Vec<String> = sampling("start", "esxi", "SQL-Server-01", 3).into();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let finished = client.run_connected(&words).expect(12);
    assert!(
        finished.stderr.contains("vscsi-helper install esxi"),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_workstation_that_did_not_install_the_agent_finds_it() {
    let host = SshHost::start("demo", Style::Esxi8);
    Client::of(&host).install();
    let other = Client::of(&host);
    other.run_connected(&["schedule", "list", "--host", "esxi"]).expect(0);
}

#[test]
fn a_host_is_discovered_without_an_agent_by_one_login_and_left_as_it_is() {
    let host = SshHost::start("odd-names", Style::Esxi8);
    let client = Client::of(&host);
    let logins = || host.log().matches("Accepted publickey").count();
    let told = client.run_connected(&["--json", "discover", "esxi"]).expect(0).json();
    assert_eq!(logins(), 1, "{}", host.log());
    client.run_connected(&["install", "esxi"]).expect(0);
    let by_agent = client.run(&["--json", "discover", "esxi"]).expect(0).json();
    assert_eq!(told, by_agent);
    let shown = client.run(&["discover", "esxi"]).expect(0);
    assert!(shown.stdout.contains("      Capacity: "), "{}", shown.stdout);
}

#[test]
fn a_key_that_is_not_there_is_a_wrong_command_line() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    let mut options = client.connection_without("--key");
    options.extend(["--key".to_owned(), "/nowhere/id_ecdsa".to_owned()]);
    let finished = client.run_with(&["preflight", "esxi"], &options).expect(2);
    assert!(
        finished.stderr.contains("no key `/nowhere/id_ecdsa`"),
        "{}",
        finished.stderr
    );
}

#[test]
fn an_ssh_that_is_too_old_for_a_password_is_told_before_the_password_is_asked_for() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    let folder = client.home().join("bin");
    fs::create_dir(&folder).unwrap();
    let old = "#!/bin/sh\n[ \"$1\" = -V ] && echo 'OpenSSH_8.2p1 Ubuntu-4ubuntu0.11, OpenSSL 1.1.1f' >&2\n";
    fs::write(folder.join("ssh"), old).unwrap();
    fs::set_permissions(folder.join("ssh"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut command = client.command(["preflight", "esxi", "--password"]);
    let output = command.args(client.connection()).env("PATH", path).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("OpenSSH 8.2") && said.contains("8.4 or newer"), "{said}");
}

#[test]
fn a_login_that_prints_text_without_a_line_end_before_the_greeting_is_no_obstacle() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    let shell = host.root().join("bin/sh");
    fs::remove_file(&shell).unwrap();
    let script = "#!/bin/busybox sh\nprintf '\\033]0;root@esx1\\007Welcome '\nexec /bin/busybox sh \"$@\"\n";
    fs::write(&shell, script).unwrap();
    fs::set_permissions(&shell, fs::Permissions::from_mode(0o755)).unwrap();
    client.run(&["schedule", "list", "--host", "esxi"]).expect(0);
}

#[test]
fn a_password_is_enough_and_appears_nowhere() {
    for style in [Style::Esxi8, Style::Esxi67] {
        let host = SshHost::start("demo", style);
        let client = Client::of(&host);
        let user = PasswordUser::create("vscsitest", "pa ss'$(w0rd)\"ü");
        let mut options = client.connection_without("--key");
        options.extend(["--user".to_owned(), user.name.clone(), "--password".to_owned()]);
        let finished = client
            .run_with_input(&["-v", "preflight", "esxi"], &options, &format!("{}\n", user.password))
            .expect(0);
        assert!(!format!("{finished:?}{}", host.log()).contains("w0rd"), "{style:?}");

        let wrong = client
            .run_with_input(&["preflight", "esxi"], &options, "wrong\n")
            .expect(11);
        assert!(
            wrong.stderr.contains("check user and password"),
            "{style:?}: {}",
            wrong.stderr
        );
    }
}

#[test]
fn a_login_that_is_not_root_s_is_recognised_as_that() {
    let host = SshHost::start("demo", Style::Esxi8);
    host.let_everybody_run_programs();
    let client = Client::of(&host);
    let user = PasswordUser::with_id(12345, "vscsiguest", "password");
    let mut options = client.connection_without("--key");
    options.extend(["--user".to_owned(), user.name.clone(), "--password".to_owned()]);
    for (command, advice) in [("preflight", "root@esxi"), ("install", "--user root")] {
        let finished = client
            .run_with_input(&[command, "esxi"], &options, &format!("{}\n", user.password))
            .expect(11);
        assert!(finished.stderr.contains("is not root's"), "{}", finished.stderr);
        assert!(finished.stderr.contains(advice), "{}", finished.stderr);
    }
}

#[test]
fn a_machine_that_runs_no_esxi_is_recognised_as_that() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    let uname = host.root().join("bin/uname");
    fs::remove_file(&uname).unwrap();
    fs::write(
        &uname,
        "#!/bin/sh\necho 'Linux vcsa01 5.10.0 #1-photon SMP x86_64 GNU/Linux'\n",
    )
    .unwrap();
    fs::set_permissions(&uname, fs::Permissions::from_mode(0o755)).unwrap();
    for command in ["preflight", "install"] {
        let refused = client.run_connected(&[command, "esxi"]).expect(12);
        let said = format!("{}{}", refused.stdout, refused.stderr);
        assert!(said.contains("not an ESXi host"), "{command}: {said}");
    }
}

#[test]
fn a_password_is_never_given_to_a_question_about_a_host_key() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    fs::remove_file(client.known_hosts()).unwrap();
    let mut options = client.connection_without("--key");
    options.push("--password".to_owned());
    let finished = client
        .run_with_input(&["preflight", "esxi"], &options, "yes\n")
        .expect(11);
    assert!(finished.stderr.contains("host key"), "{}", finished.stderr);
}

#[test]
fn forwarding_is_explained_where_it_is_forbidden_and_works_where_it_is_allowed() {
    let forbidden = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&forbidden);
    client.install();
    let finished = client.run(&["discover", "esxi", "--tunnel", "forward"]).expect(10);
    assert!(finished.stderr.contains("refuses to forward"), "{}", finished.stderr);

    let allowed = SshHost::start("demo", Style::Esxi8Forwarding);
    let client = Client::of(&allowed);
    client.install();
    client.run(&["discover", "esxi", "--tunnel", "forward"]).expect(0);
}

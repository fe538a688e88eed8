//! Jobs whose agent was taken away.

use vscsi_tests::sshd::{Client, SshHost, Style};

#[test]
fn after_an_uninstall_commands_say_what_is_left_to_do() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    client.start("sql", "esxi", "SQL-Server-01", 1000);
    client.run(&["uninstall", "esxi", "--force"]).expect(0);
    assert_eq!(host.sim(&["collecting"]).trim(), "");
    for command in ["stop", "cleanup", "status"] {
        let ended = client.run_connected(&[command, "sql"]).expect(12);
        for part in [
            "not on esxi any more",
            "nothing is left to do on esxi",
            "delete sql --keep-on-host",
        ] {
            assert!(
                ended.stderr.contains(part),
                "{command}: no `{part}` in {}",
                ended.stderr
            );
        }
        assert!(!ended.stderr.contains("install it"), "{command}: {}", ended.stderr);
    }
    let ended = client.run_connected(&["delete", "sql", "--force"]).expect(12);
    assert!(
        ended
            .stderr
            .contains("`vscsi-helper delete sql --keep-on-host` removes it"),
        "{}",
        ended.stderr
    );
    assert!(client.data().join("sql").is_dir());
    client.run(&["delete", "sql", "--force", "--keep-on-host"]).expect(0);
    assert!(!client.data().join("sql").exists());
}

#[test]
fn the_default_of_stop_may_be_written() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);
    client.install();
    client.start("sql", "esxi", "SQL-Server-01", 1000);
    let stopped = client.run(&["stop", "sql", "--cleanup"]).expect(0);
    assert!(
        stopped.stdout.contains("Stopping vscsiStats on esxi... done."),
        "{}",
        stopped.stdout
    );
    assert_eq!(host.sim(&["collecting"]).trim(), "");
}

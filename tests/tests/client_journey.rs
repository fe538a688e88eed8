//! The way of a new user, from a bare host to a bare host, over a real sshd that is configured like ESXi's.

use vscsi_tests::sshd::{Client, SshHost, Style};

#[test]
fn a_host_is_checked_installed_collected_from_and_left_as_it_was() {
    let host = SshHost::start("demo", Style::Esxi8);
    let client = Client::of(&host);

    let preflight = client.run_connected(&["--json", "preflight", "esxi"]).expect(0).json();
    assert_eq!(preflight["recommended"], "binary", "{preflight}");

    let installed = client.run_connected(&["install", "esxi"]).expect(0);
    assert!(installed.stdout.contains("verified on esxi"), "{}", installed.stdout);
    // The host was remembered with all that leads there.
    let inventory = client.run(&["--json", "discover", "esxi"]).expect(0).json();
    assert!(
        inventory["vms"]
            .as_array()
            .unwrap()
            .iter()
            .any(|vm| vm["name"] == "SQL-Server-01")
    );

    let start = [
        "start",
        "--host",
        "esxi",
        "--vm",
        "SQL-Server-01",
        "--samples",
        "3",
        "--interval",
        "1",
        "--name",
        "sql",
    ];
    client.run(&start).expect(0);
    let status = client.run(&["status", "sql", "--watch"]).expect(0);
    assert!(
        status.stdout.contains("Progress: 3/3 samples (100%)"),
        "{}",
        status.stdout
    );
    client.run(&["pull", "sql"]).expect(0);
    for sequence in 0..4 {
        assert!(
            client
                .data()
                .join(format!("sql/samples/sample_{sequence:03}.csv"))
                .is_file(),
            "{sequence}"
        );
    }

    let removed = client.run(&["uninstall", "esxi"]).expect(0);
    assert!(
        removed.stdout.contains("no process of the agent is running"),
        "{}",
        removed.stdout
    );
    assert_eq!(host.sim(&["collecting"]).trim(), "");
    let left: Vec<String> = host.processes().into_iter().map(|(_, command)| command).collect();
    assert!(!left.iter().any(|command| command.contains("vscsi-agent")), "{left:?}");
}

//! The ESXi-like filter has teeth.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::process::Command;

const FILTER: &str = env!("CARGO_BIN_EXE_esxi-filter");
const COLLECTS_OUTPUT: &str = env!("CARGO_BIN_EXE_collects-output");

fn succeeds(switches: &[&str], program: &[&str]) -> bool {
    let output = Command::new(FILTER).args(switches).arg("--").args(program).output();
    output.unwrap().status.success()
}

#[test]
fn a_program_that_collects_output_fails_under_the_filter() {
    assert!(!succeeds(&[], &[COLLECTS_OUTPUT]));
}

#[test]
fn the_same_program_works_where_pipes_can_be_made_nonblocking() {
    assert!(succeeds(&["--allow-fionbio"], &[COLLECTS_OUTPUT]));
}

#[test]
fn a_harmless_program_works_under_every_variant() {
    for switches in [
        &[][..],
        &["--getrandom", "einval"],
        &["--getrandom", "eperm"],
        &["--getrandom", "allow"],
        &["--deny", "epoll", "--deny", "eventfd"],
    ] {
        assert!(succeeds(switches, &["/bin/true"]), "{switches:?}");
    }
}

#[test]
fn an_unknown_switch_is_refused() {
    assert!(!succeeds(&["--allow-everything"], &["/bin/true"]));
}

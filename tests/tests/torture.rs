//! A few of the runs of `cargo xtask torture`: the shipped agent on simulated hosts, to which random things are done.
//!
//! The same plans each time. How they meet the agent depends on the machine, so a failure here names a run to repeat, and
//! one that passes again has still happened.

use vscsi_tests::torture::{Torture, torture};

#[test]
fn no_promise_is_broken_whatever_dies() {
    let what = Torture {
        seed: 1,
        first: 0,
        runs: 30,
        at_a_time: 4,
        keep: None,
    };
    let report = torture(&what, &|_| {});
    let failures: Vec<String> = report
        .failures
        .iter()
        .map(|(run, words)| format!("`cargo xtask torture --seed 1 --first {run} --runs 1`: {words}"))
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    // Plans in which nothing was collected, or nothing could be compared, would prove nothing.
    assert!(report.owed >= 15 && report.compared >= 30, "{report:?}");
}

//! What the parts of a job's time say of themselves.

use crate::support::raw_job::{UPTIME_US, collect};
use vscsi_fixtures::{Direction, IoEvent};
use vscsi_helper::analysis::phases::named;
use vscsi_helper::analysis::{Filter, Options};
use vscsi_helper::samples::analyze_job;
use vscsi_helper::store::JobFiles;

#[test]
fn a_phase_says_which_share_of_the_io_it_holds_whatever_the_filter_kept() {
    // 100 reads in the first second, 300 in the second.
    let read = |issue_us: u64| IoEvent {
        issue_us: UPTIME_US + issue_us,
        latency_us: 250,
        lbn: issue_us,
        bytes: 8192,
        direction: Direction::Read,
    };
    let first = (0..100).map(|index| read(1_000 + index * 5_000));
    let second = (0..300).map(|index| read(1_001_000 + index * 3_000));
    let directory = tempfile::tempdir().unwrap();
    collect(
        directory.path(),
        &[first.chain(second).collect()],
        &[0, 1_000_000, 2_000_000],
    );
    let options = Options {
        filter: Filter::None,
        ..Options::default()
    };
    let analysis = analyze_job(&JobFiles::at(directory.path()), &options, jiff::Timestamp::UNIX_EPOCH).unwrap();
    let periods = ["calm=0s-1s", "busy=1s-2s"].map(|text| text.parse().unwrap());
    let provenance = &analysis.workload.provenance;
    let phases = named(&analysis.series, &periods, provenance, &options).unwrap();
    let shares = phases.iter().map(|phase| phase.workload.provenance.io_share_kept);
    let shares: Vec<f64> = shares.collect();
    assert!(
        (shares[0] - 0.25).abs() < 1e-9 && (shares[1] - 0.75).abs() < 1e-9,
        "{shares:?}"
    );
}

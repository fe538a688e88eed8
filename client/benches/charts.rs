//! How long all charts of a job take: 100 samples are to take under 3 s on two cores, 10 000 samples under 10 s.
//!
//! `cargo bench -p vscsi-helper --bench charts [-- DIRECTORY]` measures each and, with a directory, keeps the files.

#[expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot make its data has nothing to say"
)]
#[path = "../tests/suite/support/chart_job.rs"]
mod chart_job;

use std::path::PathBuf;
use std::time::Instant;

use chart_job::{Directions, Filtered, job};
use vscsi_helper::chart::{ChartFormat, ChartKind, Style, write_all};

#[expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a benchmark prints what it measured, or fails"
)]
fn main() {
    let target = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'))
        .map(PathBuf::from);
    let scratch = tempfile::tempdir().expect("a temporary directory can be made");
    let kinds: Vec<ChartKind> = ChartKind::all().collect();
    println!("{} charts on {} threads", kinds.len(), rayon::current_num_threads());
    for (samples, disks, allowed_seconds) in [(100, 4, 3.0), (10_000, 4, 10.0)] {
        let filtered = Filtered::of(job(samples, disks, Directions::Both));
        let input = filtered.input();
        for (name, format) in [
            ("png", ChartFormat::Png),
            ("svg", ChartFormat::Svg),
            ("pdf", ChartFormat::Pdf),
        ] {
            let base = target.clone().unwrap_or_else(|| scratch.path().to_owned());
            let directory = base.join(format!("{samples}-{name}"));
            let begin = Instant::now();
            let paths = write_all(&directory, &input, &kinds, format, &Style::default()).expect("charts are drawn");
            let seconds = begin.elapsed().as_secs_f64();
            let bytes: u64 = paths
                .iter()
                .map(|path| path.metadata().expect("the file is there").len())
                .sum();
            println!(
                "{samples:>6} samples x {disks} disks  {name}  {seconds:6.2} s  (goal {allowed_seconds} s)  {:7.0} KiB",
                bytes as f64 / 1024.0
            );
        }
    }
}

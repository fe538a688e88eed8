//! Throughput of the histogram parser on one core: `cargo bench -p vscsi-shared --bench parser`.
//!
//! The input is about 200 MB of prints of four disks whose counters grow, as a long job leaves them. It is parsed with
//! LF line ends, which is what vscsiStats prints, and with CR LF, which takes the way line by line; then in pieces of
//! 1 MB with the prints dropped, which is how an import reads a file larger than memory.
#![expect(clippy::print_stdout, reason = "the result of a benchmark is what it prints")]

use std::hint::black_box;
use std::sync::LazyLock;
use std::time::Instant;

use vscsi_shared::histogram::{Histogram, HistogramKind, Limits, Summary};
use vscsi_shared::identifier::{HandleId, WorldGroupId};
use vscsi_shared::vscsistats::{DiskHistograms, Parser, Print, parse};

const BYTES: usize = 200_000_000;
const RUNS: usize = 5;

fn main() {
    let unix = generated();
    let windows = unix.replace('\n', "\r\n");
    measure("whole, LF", unix.as_bytes(), |input| parse(input).prints.len());
    measure("whole, CR LF", windows.as_bytes(), |input| parse(input).prints.len());
    measure("pieces, LF", unix.as_bytes(), |input| {
        let mut parser = Parser::new();
        let taken: usize = input
            .chunks(1 << 20)
            .map(|piece| {
                parser.push(piece);
                parser.take_prints().len()
            })
            .sum();
        taken + parser.finish().prints.len()
    });
}

/// Prints the fastest of a few runs.
fn measure(name: &str, input: &[u8], work: impl Fn(&[u8]) -> usize) {
    let mut prints = 0;
    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        let start = processor_seconds();
        prints = black_box(work(black_box(input)));
        best = best.min(processor_seconds() - start);
    }
    let megabytes = input.len() as f64 / 1e6;
    println!(
        "{name:14} {:6.0} MB/s   {megabytes:.0} MB, {prints} prints",
        megabytes / best
    );
}

/// Time this thread had a processor, so that a busy machine does not count; elsewhere than on Linux the wall clock.
fn processor_seconds() -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let schedule = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds: Option<f64> = schedule.split(' ').next().and_then(|number| number.parse().ok());
    nanoseconds.map_or_else(|| START.elapsed().as_secs_f64(), |nanoseconds| nanoseconds / 1e9)
}

fn generated() -> String {
    let mut text = String::with_capacity(BYTES + 100_000);
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let mut disks: Vec<[Vec<u64>; HistogramKind::COUNT]> = (0..4)
        .map(|_| HistogramKind::ALL.map(|kind| vec![0; Limits::known(kind.metric()).as_slice().len() + 1]))
        .collect();
    while text.len() < BYTES {
        // Half of the buckets stay empty, and the others grow by up to some thousands each sample.
        for count in disks
            .iter_mut()
            .flatten()
            .flat_map(|counts| counts.iter_mut().step_by(2))
        {
            *count += next() % 4096;
        }
        let print = Print::new((0..).zip(&disks).map(|(number, counts)| disk(number, counts)).collect());
        text += &print.csv().to_string();
    }
    text
}

fn disk(number: u64, counts: &[Vec<u64>; HistogramKind::COUNT]) -> DiskHistograms {
    let mut disk = DiskHistograms::new(
        WorldGroupId(2_099_979),
        HandleId(8192 + number),
        Some(format!("scsi0:{number}")),
    );
    for (kind, counts) in HistogramKind::ALL.into_iter().zip(counts) {
        let summary = Summary::exact(1, 581_326_407_505, 5332, counts.iter().sum());
        if let Ok(histogram) = Histogram::new(Limits::known(kind.metric()), counts.clone(), summary) {
            disk.insert(kind, histogram);
        }
    }
    disk
}

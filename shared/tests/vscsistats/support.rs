//! Data files, captures, and short ways to say what is expected.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use vscsi_shared::histogram::{Histogram, HistogramKind, Limits, Summary};
use vscsi_shared::identifier::{HandleId, WorldGroupId};
use vscsi_shared::vscsistats::{DiskHistograms, Parsed, Print, parse};

/// A data file that belongs to the project.
pub(crate) fn data(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fixtures/data")
        .join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The folder of real captures, where `VSCSI_SAMPLES` names one.
pub(crate) fn samples() -> Option<PathBuf> {
    std::env::var_os("VSCSI_SAMPLES").map(PathBuf::from)
}

/// A real capture, or nothing where none are at hand.
pub(crate) fn sample(name: &str) -> Option<Vec<u8>> {
    let path = samples()?.join(name);
    Some(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// What is counted in the bucket that ends at `limit`, which is never the overflow.
pub(crate) fn count_up_to(histogram: &Histogram, limit: i64) -> Option<u64> {
    let mut buckets = histogram.buckets();
    buckets
        .find(|bucket| bucket.up_to == Some(limit))
        .map(|bucket| bucket.count)
}

/// Parses input that has nothing wrong with it.
pub(crate) fn clean(input: &[u8]) -> Vec<Print> {
    let Parsed { prints, diagnostics } = parse(input);
    assert_eq!(diagnostics, []);
    prints
}

/// The findings as text, as a user sees them.
pub(crate) fn findings(parsed: &Parsed) -> Vec<String> {
    parsed.diagnostics.iter().map(ToString::to_string).collect()
}

/// How many histograms were read.
pub(crate) fn histograms(parsed: &Parsed) -> usize {
    let disks = parsed.prints.iter().flat_map(|print| &print.disks);
    disks.map(|disk| disk.iter().count()).sum()
}

/// Any summary, also one that contradicts the buckets: the parser keeps what is printed.
pub(crate) fn summary() -> impl Strategy<Value = Summary> {
    (any::<i64>(), any::<i64>(), any::<i64>(), any::<u64>())
        .prop_map(|(min, max, mean, count)| Summary::exact(min, max, mean, count))
}

/// A histogram of `kind` over its known limits.
pub(crate) fn histogram(kind: HistogramKind) -> impl Strategy<Value = Histogram> {
    let limits = Limits::known(kind.metric());
    let buckets = limits.as_slice().len() + 1;
    // Most real frequencies are small; the others are there for the number of digits.
    let count = prop_oneof![3 => 0_u64..1000, 1 => any::<u64>()];
    (prop::collection::vec(count, buckets), summary())
        .prop_map(move |(counts, summary)| Histogram::new(limits.clone(), counts, summary).unwrap())
}

/// A disk with some of its histograms, at least one.
pub(crate) fn disk(world_group_id: u64, handle_id: u64) -> impl Strategy<Value = DiskHistograms> {
    let all: Vec<_> = HistogramKind::ALL
        .into_iter()
        .map(|kind| (prop::bool::weighted(0.8), histogram(kind)))
        .collect();
    let node = prop::option::of("[a-z]{3,4}[0-3]:[0-9]{1,2}");
    (all, node, histogram(HistogramKind::ALL[0])).prop_map(move |(all, node, first)| {
        let mut disk = DiskHistograms::new(WorldGroupId(world_group_id), HandleId(handle_id), node);
        disk.insert(HistogramKind::ALL[0], first);
        for (kind, (present, histogram)) in HistogramKind::ALL.into_iter().zip(all) {
            if present {
                disk.insert(kind, histogram);
            }
        }
        disk
    })
}

/// A print of one to three disks.
pub(crate) fn print() -> impl Strategy<Value = Print> {
    let handles = prop::collection::btree_set(prop_oneof![8192_u64..8300, any::<u64>()], 1..=3);
    (any::<u64>(), handles).prop_flat_map(|(world_group_id, handles)| {
        let disks: Vec<_> = handles
            .into_iter()
            .map(|handle_id| disk(world_group_id, handle_id))
            .collect();
        disks.prop_map(Print::new)
    })
}

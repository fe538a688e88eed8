//! Minimum, maximum and mean of all commands follow from those of reads and writes, where the three count the same ones,
//! and so does what the times between them add up to.

use vscsi_shared::histogram::{Figure, Histogram, HistogramKind, Metric, Operation};
use vscsi_shared::vscsistats::DiskHistograms;

use super::artefact;

/// A figure that may have been rounded: from where to where it may be.
type Ends = (i128, i128);

/// Which figures of a disk's print contradict those of its directions, in words; `None` when all agree. A command has one
/// size and one latency, whichever histogram counts it; distances and depths depend on what they are measured against.
pub(super) fn contradiction(disk: &DiskHistograms) -> Option<String> {
    let mut found: Vec<String> = [Metric::IoLength, Metric::Latency]
        .into_iter()
        .flat_map(|metric| of_metric(disk, metric))
        .collect();
    found.extend(of_times(disk));
    (!found.is_empty()).then(|| {
        let found = found.join("; ");
        format!("{found}: one of them is wrong, and the numbers that rest on it are")
    })
}

fn of_metric(disk: &DiskHistograms, metric: Metric) -> Vec<String> {
    let Some((kind, all, [read, write])) = counting_the_same(disk, metric) else {
        return Vec::new();
    };
    let parts: Vec<&Histogram> = [read, write].into_iter().filter(|part| part.count() > 0).collect();
    let figures = |of: fn(&Histogram) -> Option<Ends>| parts.iter().map(|part| of(part)).collect::<Option<Vec<Ends>>>();
    let least =
        figures(smallest).and_then(|all| all.into_iter().reduce(|one, two| (one.0.min(two.0), one.1.min(two.1))));
    let most = figures(largest).and_then(|all| all.into_iter().reduce(|one, two| (one.0.max(two.0), one.1.max(two.1))));
    let sum = figures(sum).and_then(|all| all.into_iter().reduce(|one, two| (one.0 + two.0, one.1 + two.1)));
    let pairs = [
        ("minimum", smallest(all), least),
        ("maximum", largest(all), most),
        ("mean", self::sum(all), sum),
    ];
    let disagree = |(whole, parts): (Ends, Ends)| whole.0 > parts.1 || parts.0 > whole.1;
    pairs
        .into_iter()
        .filter(|(_, whole, parts)| whole.zip(*parts).is_some_and(disagree))
        .map(|(name, ..)| {
            format!(
                "the {name} of `{}` is not what those of reads and writes make it",
                kind.title()
            )
        })
        .collect()
}

/// The last command of all is the last of its direction. Counted from the start of the host, as the first of a collection
/// is, the times between all of them reach as far as those of that direction, and those of the other not as far.
fn of_times(disk: &DiskHistograms) -> Option<String> {
    let (kind, all, parts) = counting_the_same(disk, Metric::Interarrival)?;
    let from_start = |histogram: &&Histogram| {
        let largest = histogram.summary().max;
        largest.is_some_and(|largest| artefact::is_uptime(largest.at_least(), None))
    };
    if !from_start(&all) || !parts.iter().all(|part| part.count() == 0 || from_start(part)) {
        return None;
    }
    let parts = parts.into_iter().filter(|part| part.count() > 0);
    let (lo, hi) = parts
        .map(sum)
        .collect::<Option<Vec<Ends>>>()?
        .into_iter()
        .reduce(|one, two| (one.0.max(two.0), one.1.max(two.1)))?;
    let whole = sum(all)?;
    (whole.0 > hi || lo > whole.1).then(|| {
        format!(
            "the times of `{}` do not add up to as much as those of reads or writes",
            kind.title()
        )
    })
}

/// The histograms of all commands, and of reads and writes, of a metric, where they count the same commands. Where the
/// counts differ, commands were counted while they were read, or one of the counts is wrong, and is named elsewhere.
fn counting_the_same(disk: &DiskHistograms, metric: Metric) -> Option<(HistogramKind, &Histogram, [&Histogram; 2])> {
    let of = |operation| HistogramKind::new(metric, operation).and_then(|kind| Some((kind, disk.get(kind)?)));
    let ((kind, all), (_, read), (_, write)) = (of(Operation::All)?, of(Operation::Read)?, of(Operation::Write)?);
    let is_whole = |histogram: &Histogram| histogram.count() == histogram.total();
    let same = all.total() == read.total().saturating_add(write.total());
    (same && [all, read, write].into_iter().all(is_whole)).then_some((kind, all, [read, write]))
}

fn ends(figure: Figure) -> Ends {
    (figure.at_least().into(), figure.at_most().into())
}

fn smallest(histogram: &Histogram) -> Option<Ends> {
    histogram.summary().min.map(ends)
}

fn largest(histogram: &Histogram) -> Option<Ends> {
    histogram.summary().max.map(ends)
}

/// The sum that the truncated mean allows.
fn sum(histogram: &Histogram) -> Option<Ends> {
    histogram.summary().mean?;
    histogram.whole().sum_bounds()
}

#[cfg(test)]
mod tests {
    use vscsi_shared::vscsistats::parse;

    use super::*;

    fn printed() -> String {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/data/vscsistats/one-disk.csv");
        std::fs::read_to_string(path).unwrap()
    }

    fn said(print: &str) -> Option<String> {
        contradiction(&parse(print.as_bytes()).prints[0].disks[0])
    }

    #[test]
    fn the_figures_of_a_real_print_agree() {
        assert_eq!(said(&printed()), None);
    }

    #[test]
    fn times_that_do_not_reach_as_far_as_those_of_a_direction_are_named() {
        for (from, to) in [
            ("mean,733915974\n", "mean,763915974\n"),
            ("mean,737636714\n", "mean,737606714\n"),
            ("mean,145481600060\n", "mean,545481600060\n"),
        ] {
            let said = said(&printed().replacen(from, to, 1)).unwrap_or_else(|| panic!("{from}"));
            assert!(said.contains("latency of IO interarrival time"), "{said}");
        }
    }

    #[test]
    fn one_changed_figure_of_sizes_or_latencies_is_named() {
        for (from, to, name, title) in [
            ("mean,5332\n", "mean,5335\n", "mean", "IO lengths of commands"),
            ("mean,25600\n", "mean,25900\n", "mean", "IO lengths of commands"),
            ("min,4096\n", "min,511\n", "minimum", "IO lengths of commands"),
            ("max,1709\n", "max,81709\n", "maximum", "latency of IOs"),
            ("mean,392\n", "mean,395\n", "mean", "latency of IOs"),
        ] {
            let print = printed();
            assert!(print.contains(from));
            let said = said(&print.replacen(from, to, 1)).unwrap_or_else(|| panic!("{from}"));
            assert!(said.contains(&format!("the {name} of `{title}")), "{said}");
        }
    }
}

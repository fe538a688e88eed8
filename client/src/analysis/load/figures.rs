//! Figures that follow from others: minimum, maximum and mean of all commands from those of reads and writes, where the
//! three count the same ones, and the extremes of a print from those of the print before.

use vscsi_shared::histogram::{Figure, Histogram, HistogramKind, Metric, Operation};
use vscsi_shared::vscsistats::DiskHistograms;

use super::artefact;

/// A figure that may have been rounded: from where to where it may be.
type Ends = (i128, i128);

/// Which figures of a disk's print contradict those of its directions, in words; `None` when all agree. A command has one
/// size and one latency, whichever histogram counts it; distances and depths depend on what they are measured against.
///
/// `longest_pause_seconds` is the time in which the disk's commands can have been counted; `None` without a clock.
pub(super) fn contradiction(disk: &DiskHistograms, longest_pause_seconds: Option<f64>) -> Option<String> {
    let mut found: Vec<String> = [Metric::IoLength, Metric::Latency]
        .into_iter()
        .flat_map(|metric| of_metric(disk, metric))
        .collect();
    found.extend(of_times(disk, longest_pause_seconds));
    (!found.is_empty()).then(|| {
        let found = found.join("; ");
        format!("{found}: one of them is wrong, and the numbers that rest on it are")
    })
}

/// Which extremes contradict those of an earlier print of the same collection, in words: a minimum never rises, and a
/// maximum never falls.
pub(super) fn contradiction_since(earlier: &DiskHistograms, later: &DiskHistograms) -> Option<String> {
    let pairs = later
        .iter()
        .filter_map(|(kind, now)| Some((kind, earlier.get(kind)?, now)));
    let found: Vec<String> = pairs
        .filter(|(_, before, _)| before.count() > 0)
        .flat_map(|(kind, before, now)| {
            let rose = smallest(now)
                .zip(smallest(before))
                .is_some_and(|(now, before)| now.0 > before.1);
            let fell = largest(now)
                .zip(largest(before))
                .is_some_and(|(now, before)| now.1 < before.0);
            let named = [(rose, "minimum", "rose"), (fell, "maximum", "fell")]
                .into_iter()
                .filter(|(is_so, ..)| *is_so);
            named.map(move |(_, name, how)| format!("the {name} of `{}` {how} since the print before", kind.title()))
        })
        .collect();
    (!found.is_empty()).then(|| {
        let found = found.join("; ");
        format!("{found}: one of the two is wrong, or a new collection began between them")
    })
}

fn of_metric(disk: &DiskHistograms, metric: Metric) -> Vec<String> {
    let Some((kind, all, parts)) = counting_the_same(disk, metric) else {
        return Vec::new();
    };
    let pairs = [
        ("minimum", smallest(all), joined(&parts, smallest, i128::min)),
        ("maximum", largest(all), joined(&parts, largest, i128::max)),
        ("mean", sum(all), joined(&parts, sum, |one, two| one + two)),
    ];
    pairs
        .into_iter()
        .filter(|(_, whole, parts)| whole.zip(*parts).is_some_and(disagree))
        .map(|(name, ..)| contradicts(name, kind))
        .collect()
}

/// The command before lies no longer ago than the one before in the same direction, so no time between all commands is
/// longer than the longest of a direction, nor is the shortest of a direction shorter than that of all.
///
/// The last command of all is the last of its direction, and the first is the first. Counted from the start of the host,
/// as the first of a collection is, the times between all of them reach as far as those of the direction that reaches
/// farthest, and the longest is the shorter one of the two: no pause is as long, neither of the one nor of the other.
fn of_times(disk: &DiskHistograms, longest_pause_seconds: Option<f64>) -> Vec<String> {
    let Some((kind, all, parts)) = counting_the_same(disk, Metric::Interarrival) else {
        return Vec::new();
    };
    let least = smallest(all).zip(joined(&parts, smallest, i128::min));
    let most = largest(all).zip(joined(&parts, largest, i128::max));
    let is_from_start = [all].iter().chain(&parts).all(|histogram| {
        let largest = histogram.summary().max;
        largest.is_some_and(|largest| artefact::is_uptime(largest.at_least(), longest_pause_seconds))
    });
    let of_start = |pair: Option<(Ends, Ends)>| is_from_start.then_some(pair).flatten().is_some_and(disagree);
    let first = of_start(largest(all).zip(joined(&parts, largest, i128::min)));
    let last = of_start(sum(all).zip(joined(&parts, sum, i128::max)));
    let named = [
        ("minimum", least.is_some_and(|(all, parts)| all.0 > parts.1)),
        ("maximum", first || most.is_some_and(|(all, parts)| all.0 > parts.1)),
        ("mean", last),
    ];
    let named = named.into_iter().filter(|(_, is_so)| *is_so);
    named.map(|(name, _)| contradicts(name, kind)).collect()
}

fn contradicts(name: &str, kind: HistogramKind) -> String {
    format!(
        "the {name} of `{}` is not what those of reads and writes make it",
        kind.title()
    )
}

/// A figure of several histograms together; `None` where one of them does not tell its own.
fn joined(parts: &[&Histogram], of: fn(&Histogram) -> Option<Ends>, join: fn(i128, i128) -> i128) -> Option<Ends> {
    let each = parts.iter().map(|part| of(part)).collect::<Option<Vec<Ends>>>()?;
    each.into_iter()
        .reduce(|one, two| (join(one.0, two.0), join(one.1, two.1)))
}

fn disagree((one, two): (Ends, Ends)) -> bool {
    one.0 > two.1 || two.0 > one.1
}

/// The histograms of all commands, and those of reads and writes that are not empty, of a metric, where they count the
/// same commands. Where the counts differ, commands were counted while they were read, or one of the counts is wrong, and
/// is named elsewhere.
fn counting_the_same(disk: &DiskHistograms, metric: Metric) -> Option<(HistogramKind, &Histogram, Vec<&Histogram>)> {
    let of = |operation| HistogramKind::new(metric, operation).and_then(|kind| Some((kind, disk.get(kind)?)));
    let ((kind, all), (_, read), (_, write)) = (of(Operation::All)?, of(Operation::Read)?, of(Operation::Write)?);
    let is_whole = |histogram: &Histogram| histogram.count() == histogram.total();
    let same = all.total() == read.total().saturating_add(write.total());
    let parts = [read, write].into_iter().filter(|part| part.count() > 0).collect();
    (same && [all, read, write].into_iter().all(is_whole)).then_some((kind, all, parts))
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
        contradiction(&parse(print.as_bytes()).prints[0].disks[0], None)
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
            // The first command of all is the first write.
            ("max,581013626718\n", "max,581013626719\n"),
        ] {
            let said = said(&printed().replacen(from, to, 1)).unwrap_or_else(|| panic!("{from}"));
            assert!(said.contains("latency of IO interarrival time"), "{said}");
        }
    }

    #[test]
    fn times_of_a_collection_that_may_have_paused_as_long_are_not_held_against_each_other() {
        // Reads that end long before the writes do, on a host that was up for less than the pause, make any of them.
        let changed = printed().replacen("max,581013626718\n", "max,581013626719\n", 1);
        let disk = &parse(changed.as_bytes()).prints[0].disks[0];
        let seconds = 581_013.0;
        assert_eq!(contradiction(disk, Some(seconds)), None);
        assert!(contradiction(disk, Some(seconds / 2.0)).is_some());
    }

    #[test]
    fn a_shortest_time_of_all_commands_that_is_longer_than_that_of_a_direction_is_named() {
        let title = "Histogram: latency of IO interarrival time in";
        let print = printed();
        let (before, of_all) = print.split_at(print.find(title).unwrap());
        let (_, behind) = of_all.split_once("min,").unwrap();
        let least: u64 = behind.lines().next().unwrap().parse().unwrap();
        let raised = of_all.replacen(&format!("min,{least}\n"), &format!("min,{}\n", least + 1), 1);
        let said = said(&format!("{before}{raised}")).unwrap();
        assert!(
            said.contains("the minimum of `latency of IO interarrival time in"),
            "{said}"
        );
    }

    #[test]
    fn an_extreme_that_moves_back_from_print_to_print_is_named() {
        let of = |print: &str| parse(print.as_bytes()).prints[0].disks[0].clone();
        let print = printed();
        assert_eq!(contradiction_since(&of(&print), &of(&print)), None);
        for (from, to, name) in [
            ("min,512\n", "min,513\n", "minimum of `IO lengths of commands` rose"),
            ("max,65536\n", "max,65535\n", "maximum of `IO lengths of commands` fell"),
        ] {
            let said = contradiction_since(&of(&print), &of(&print.replacen(from, to, 1))).unwrap();
            assert!(said.contains(name), "{said}");
            // The other way round the collection went on.
            assert_eq!(
                contradiction_since(&of(&print.replacen(from, to, 1)), &of(&print)),
                None
            );
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

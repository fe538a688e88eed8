//! Successive differences of one cumulative sum, estimated together.
//!
//! Each print bounds the sum that it has counted: its mean is a whole number, so less than one unit of each value stays
//! open. A difference of two prints taken alone would have to guess at both ends, and the guesses would add up over many
//! prints. Here each print gets one estimate of its sum, so that what one difference gains the next one loses: the
//! estimates of a row add up to the estimate of its outermost prints. Formulas stand in `METHODS.md`, section "Samples".

use vscsi_shared::histogram::{Interval, Metric};

use super::estimate::{self, Method, Range};

/// Bounds that miss each other by less than this meet: rounding of numbers as large as an uptime in microseconds.
const SAME: f64 = 1e-3;

/// The sums of successive intervals of one disk, each of which begins with the print that the one before ends with, for
/// a metric without negative values.
///
/// Invariant: in a row whose means and buckets agree, the estimates add up to a difference of the sums that the outermost
/// prints allow, and each lies within its own range. Of all that do, those are taken which are most alike, because a
/// loop prints at even steps. Where means and buckets contradict each other, or no mean is known, each interval is
/// estimated alone.
pub(super) fn sums(row: &[&Interval], metric: Metric) -> Vec<Range> {
    let mut found = Vec::with_capacity(row.len());
    let mut rest = row;
    while let Some(first) = rest.first() {
        let (prints, length) = Prints::of(rest, metric);
        let (these, after) = rest.split_at(length.clamp(1, rest.len()));
        match prints.and_then(Prints::narrowed) {
            Some(prints) => found.extend(prints.differences()),
            None if length == 0 => found.push(estimate::sum(first, metric)),
            None => found.extend(these.iter().map(|interval| estimate::sum(interval, metric))),
        }
        rest = after;
    }
    found
}

/// What is known of the cumulative sums at the prints of a row, counted from the least that its first print may hold.
struct Prints {
    /// From where to where each sum may be: one more than there are differences.
    sums: Vec<(f64, f64)>,
    /// From where to where the buckets let each difference be.
    steps: Vec<(f64, f64)>,
}

impl Prints {
    /// The prints of the row's beginning, as far as they go on with one another, and how many intervals that are.
    fn of(row: &[&Interval], metric: Metric) -> (Option<Self>, usize) {
        let mut prints: Option<Self> = None;
        for interval in row {
            let Some((least, most)) = interval
                .sum_bounds()
                .filter(|_| !estimate::contradicts_buckets(interval, metric))
            else {
                break;
            };
            let (open, end) = ((most - least) as f64, interval.end_slack as f64);
            let begin = (open - end).max(0.0);
            let prints = prints.get_or_insert_with(|| Self {
                sums: vec![(0.0, begin)],
                steps: Vec::new(),
            });
            let Some(&(before_least, before_most)) = prints.sums.last() else {
                break;
            };
            // What is open at the beginning has to be what the print before left open.
            if (before_most - before_least - begin).abs() > SAME {
                break;
            }
            let least = before_most + least as f64;
            prints.sums.push((least, least + end.min(open)));
            let (low, high) = estimate::bucket_sum_bounds(interval, metric);
            prints
                .steps
                .push((low as f64, high.map_or(f64::INFINITY, |high| high as f64)));
        }
        let length = prints.as_ref().map_or(0, |prints| prints.steps.len());
        (prints, length)
    }

    /// The same, with every sum between what its neighbours let it be; `None` where nothing is left for one of them.
    fn narrowed(mut self) -> Option<Self> {
        for at in 1..self.sums.len() {
            let (&before, &step) = (self.sums.get(at - 1)?, self.steps.get(at - 1)?);
            let sum = self.sums.get_mut(at)?;
            *sum = within(*sum, (before.0 + step.0, before.1 + step.1))?;
        }
        for at in (1..self.sums.len()).rev() {
            let (&after, &step) = (self.sums.get(at)?, self.steps.get(at - 1)?);
            let sum = self.sums.get_mut(at - 1)?;
            *sum = within(*sum, (after.0 - step.1, after.1 - step.0))?;
        }
        Some(self)
    }

    fn differences(&self) -> Vec<Range> {
        let even = evenly(&self.sums);
        let mut before = even.first().copied().unwrap_or(0.0);
        let ends = self.sums.iter().zip(self.sums.iter().skip(1));
        ends.zip(&self.steps)
            .zip(even.iter().skip(1))
            .map(|(((begin, end), step), even)| {
                let (least, most) = (end.0.max(before + step.0), end.1.min(before + step.1));
                let sum = even.clamp(least, most.max(least));
                let (low, high) = ((end.0 - begin.1).max(step.0), (end.1 - begin.0).min(step.1));
                let difference = sum - before;
                before = sum;
                Range::between(low.min(difference), high.max(difference), difference, Method::Mean)
            })
            .collect()
    }
}

/// The part of `one` that lies in `other`; they may miss each other by rounding.
fn within(one: (f64, f64), other: (f64, f64)) -> Option<(f64, f64)> {
    let (least, most) = (one.0.max(other.0), one.1.min(other.1));
    (least <= most + SAME).then_some((least, most.max(least)))
}

/// A sum for each print, between its bounds, such that they grow as evenly as these allow from the middle of the first to
/// the middle of the last: a string that is pulled tight between them.
fn evenly(bounds: &[(f64, f64)]) -> Vec<f64> {
    let middle = |&(least, most): &(f64, f64)| f64::midpoint(least, most);
    let Some((first, last)) = bounds.first().zip(bounds.last()) else {
        return Vec::new();
    };
    let mut sums = vec![middle(first)];
    let end = bounds.len() - 1;
    let mut knot = (0, middle(first));
    while knot.0 < end {
        // The steepest and the flattest line from the knot that all bounds so far allow, each with the print that bends it.
        let (mut flattest, mut steepest) = ((f64::NEG_INFINITY, knot), (f64::INFINITY, knot));
        let mut next = (end, middle(last));
        for (at, print) in bounds.iter().enumerate().skip(knot.0 + 1) {
            let (least, most) = if at == end {
                (middle(last), middle(last))
            } else {
                *print
            };
            let slope = |sum: f64| (sum - knot.1) / (at - knot.0) as f64;
            if slope(least) > steepest.0 {
                next = steepest.1;
                break;
            }
            if slope(most) < flattest.0 {
                next = flattest.1;
                break;
            }
            if slope(least) >= flattest.0 {
                flattest = (slope(least), (at, least));
            }
            if slope(most) <= steepest.0 {
                steepest = (slope(most), (at, most));
            }
        }
        let slope = (next.1 - knot.1) / (next.0 - knot.0) as f64;
        sums.extend((1..=next.0 - knot.0).map(|step| knot.1 + slope * step as f64));
        knot = next;
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_through_wide_bounds_is_straight() {
        let sums = evenly(&[(0.0, 0.0), (5.0, 30.0), (15.0, 50.0), (20.0, 40.0)]);
        assert_eq!(sums, [0.0, 10.0, 20.0, 30.0]);
    }

    #[test]
    fn a_string_bends_only_where_bounds_stand_in_its_way() {
        // The straight line to 40 passes the second print at 20, which may be at most 6; from there it is straight again.
        let sums = evenly(&[(0.0, 0.0), (0.0, 100.0), (0.0, 6.0), (0.0, 100.0), (40.0, 40.0)]);
        assert_eq!(sums, [0.0, 3.0, 6.0, 23.0, 40.0]);
    }
}

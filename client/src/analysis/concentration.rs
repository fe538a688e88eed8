//! Whether a few samples hold most of the I/O, so that the average of all is a workload that never ran.

use super::{Code, Finding, Sample, Series, Severity};

/// Share of the I/O that is most of it.
const MOST: f64 = 0.75;
/// Samples are few when they are no more than this share of all, and all are at least so many.
const FEW: f64 = 1.0 / 3.0;
const LEAST_SAMPLES: usize = 6;

/// Says so, and what to do.
pub(super) fn finding(series: &Series) -> Option<Finding> {
    let ios: Vec<u64> = series.samples.iter().map(Sample::ios).collect();
    let (few, share) = busiest(&ios)?;
    Some(Finding {
        severity: Severity::Info,
        code: Code::FewSamplesHoldMost,
        message: format!(
            "few samples hold most of the I/O: {few} of {} hold {:.0}%; `--filter cluster` looks for the busy ones, and `--style \
             iolog` replays each sample in its turn",
            ios.len(),
            share * 100.0
        ),
        sequence: None,
        disk: None,
        occurrences: 1,
    })
}

/// The fewest samples that hold most of the I/O, and their share of it; `None` when they are not few.
fn busiest(ios: &[u64]) -> Option<(usize, f64)> {
    let total: f64 = ios.iter().map(|own| *own as f64).sum();
    let mut sorted = ios.to_vec();
    sorted.sort_unstable_by(|one, other| other.cmp(one));
    let mut held = 0.0;
    let few = sorted.iter().position(|own| {
        held += *own as f64;
        held >= MOST * total
    })? + 1;
    let is_few = ios.len() >= LEAST_SAMPLES && few as f64 <= FEW * ios.len() as f64;
    (total > 0.0 && is_few).then(|| (few, held / total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_samples_are_counted_until_they_hold_most() {
        // 40 + 40 of 100 are 80 %, and 40 alone is less than 75 %.
        let ios = [5, 40, 3, 2, 40, 5, 5, 0];
        let (few, share) = busiest(&ios).unwrap();
        assert_eq!(few, 2);
        assert!((share - 0.8).abs() < 1e-9);
    }

    #[test]
    fn even_samples_few_samples_and_no_io_at_all_are_no_finding() {
        assert_eq!(busiest(&[10; 12]), None);
        assert_eq!(busiest(&[100, 1, 1]), None);
        assert_eq!(busiest(&[0; 12]), None);
        assert_eq!(busiest(&[]), None);
    }
}

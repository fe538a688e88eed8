//! Samples become columns of a picture: the last ones where there are more than fit, with the gaps between them.

use crate::analysis::Sample;

/// A pause longer than this share of a sample is a gap.
const GAP_SHARE: f64 = 0.1;

/// So many columns stand for a gap at most, however long it was.
const WIDEST_GAP: usize = 3;

/// So many characters does a sample take at most.
const WIDEST_SAMPLE: usize = 3;

/// What stands in which column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns {
    /// The index of a sample, or `None` in a gap; in order of time.
    pub(super) samples: Vec<Option<usize>>,
    /// The characters of each.
    pub(super) wide: usize,
}

impl Columns {
    /// The last columns that fit into `width` characters.
    pub(super) fn of(samples: &[Sample], width: usize) -> Self {
        let mut columns = Vec::new();
        let mut end: Option<f64> = None;
        for (index, sample) in samples.iter().enumerate() {
            let pause = end.map_or(0.0, |end| sample.start_seconds - end);
            if pause > sample.seconds * GAP_SHARE {
                let missing = (pause / sample.seconds).round().clamp(1.0, WIDEST_GAP as f64);
                columns.extend(
                    (0..WIDEST_GAP)
                        .take_while(|place| (*place as f64) < missing)
                        .map(|_| None),
                );
            }
            columns.push(Some(index));
            end = Some(sample.start_seconds + sample.seconds);
        }
        let wide = (width / columns.len().max(1)).clamp(1, WIDEST_SAMPLE);
        let first = columns.len().saturating_sub(width / wide);
        Self {
            samples: columns.split_off(first),
            wide,
        }
    }

    /// How many samples are shown.
    pub(super) fn shown(&self) -> usize {
        self.samples.iter().flatten().count()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::Timestamp;

    use super::*;

    fn samples(starts: &[f64]) -> Vec<Sample> {
        let sample = |start_seconds: &f64| Sample {
            sequence: 1,
            taken_at: Timestamp::UNIX_EPOCH,
            start_seconds: *start_seconds,
            seconds: 10.0,
            flags: BTreeSet::new(),
            disks: Vec::new(),
        };
        starts.iter().map(sample).collect()
    }

    #[test]
    fn a_few_samples_are_wide_and_more_than_fit_are_the_last_ones() {
        let few = Columns::of(&samples(&[0.0, 10.0]), 80);
        assert_eq!((few.samples, few.wide), (vec![Some(0), Some(1)], 3));
        let starts: Vec<f64> = (0..100).map(|number| f64::from(number) * 10.0).collect();
        let many = Columns::of(&samples(&starts), 8);
        assert_eq!(
            (many.samples.first(), many.samples.len(), many.wide),
            (Some(&Some(92)), 8, 1)
        );
    }

    #[test]
    fn a_pause_is_a_gap_as_wide_as_the_samples_that_it_lacks_but_never_wider_than_three() {
        let columns = |starts: &[f64]| Columns::of(&samples(starts), 80).samples;
        assert_eq!(columns(&[0.0, 20.0]), [Some(0), None, Some(1)]);
        assert_eq!(columns(&[0.0, 10.9]), [Some(0), Some(1)]);
        assert_eq!(columns(&[0.0, 1000.0]), [Some(0), None, None, None, Some(1)]);
    }
}

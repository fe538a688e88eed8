//! The boundary between idle and busy samples.

/// Busy samples do at least this many times the I/O of idle ones on (geometric) average. Below it a job has one level
/// of activity, and any boundary would only split its noise.
const LEAST_RATIO: f64 = 2.0;

/// The IOPS from which a sample is busy; `None` when the samples form one group.
///
/// Otsu's method on the logarithm of the IOPS: of all ways to cut the ordered samples in two, the one with the largest
/// variance between the groups (N. Otsu, "A Threshold Selection Method from Gray-Level Histograms", IEEE Transactions
/// on Systems, Man, and Cybernetics 9(1), 1979). The logarithm makes a burst of 200 IOPS over an idle 3 as clear as one
/// of 20 000 over 300. A sample without I/O counts as a tenth of the least IOPS seen.
pub(super) fn boundary(iops: &[f64]) -> Option<f64> {
    let least = iops.iter().copied().filter(|&iops| iops > 0.0).min_by(f64::total_cmp)?;
    let mut sorted: Vec<f64> = iops.iter().map(|&iops| iops.max(least / 10.0)).collect();
    sorted.sort_by(f64::total_cmp);
    let total: f64 = sorted.iter().map(|iops| iops.ln()).sum();
    let count = sorted.len() as f64;
    let mut below = 0.0;
    let mut best: Option<Cut> = None;
    for (index, pair) in sorted.windows(2).enumerate() {
        let &[low, high] = pair else { continue };
        below += low.ln();
        let members = (index + 1) as f64;
        let ratio_ln = (total - below) / (count - members) - below / members;
        let between = members * (count - members) * ratio_ln * ratio_ln;
        if low < high && best.as_ref().is_none_or(|best| between > best.between) {
            best = Some(Cut {
                between,
                ratio_ln,
                // Every sample of the upper group is at or above its lowest member, and no other is.
                boundary: high,
            });
        }
    }
    best.filter(|cut| cut.ratio_ln >= LEAST_RATIO.ln())
        .map(|cut| cut.boundary)
}

struct Cut {
    /// Variance between the groups, times the square of the number of samples.
    between: f64,
    /// Logarithm of the ratio of the groups' geometric means.
    ratio_ln: f64,
    boundary: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_over_an_idle_disk_are_found() {
        let iops = [3.5, 117.0, 3.1, 4.0, 243.0, 180.0, 3.3];
        assert_eq!(boundary(&iops), Some(117.0));
    }

    #[test]
    fn samples_without_any_io_are_idle() {
        assert_eq!(boundary(&[0.0, 0.0, 50.0, 60.0]), Some(50.0));
    }

    #[test]
    fn a_steady_job_is_one_group() {
        assert_eq!(boundary(&[180.0, 182.0, 178.0, 181.0, 179.0]), None);
    }

    #[test]
    fn equal_samples_and_no_samples_have_no_boundary() {
        assert_eq!(boundary(&[5.0, 5.0]), None);
        assert_eq!(boundary(&[]), None);
        assert_eq!(boundary(&[0.0, 0.0]), None);
    }
}

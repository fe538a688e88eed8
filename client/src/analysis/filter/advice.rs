//! What to ask for where a filter left nothing.

/// Thresholds of the absolute filter that would leave one sample, a quarter and half of them, as far as three digits
/// can tell samples apart; how many each leaves is counted with the threshold as it is printed.
pub(in crate::analysis) fn thresholds(iops: &[f64]) -> String {
    let mut sorted = iops.to_vec();
    sorted.sort_by(|one, two| two.total_cmp(one));
    let wanted = [1, iops.len().div_ceil(4), iops.len().div_ceil(2)];
    let mut limits: Vec<f64> = wanted
        .into_iter()
        .filter_map(|number| sorted.get(number - 1).copied().map(to_three_digits))
        .collect();
    limits.dedup();
    let alternatives: Vec<String> = limits
        .into_iter()
        .map(|limit| {
            let left = iops.iter().filter(|iops| **iops >= limit).count();
            format!("{left} of {} at {limit}", iops.len())
        })
        .collect();
    format!(
        "`--filter absolute --threshold X` would leave {}",
        alternatives.join(", ")
    )
}

/// Cut after three digits of its shortest decimal form, so that the threshold keeps the sample it was taken from.
fn to_three_digits(value: f64) -> f64 {
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let kept: String = digits.chars().take("1.23".len()).collect();
    format!("{kept}e{exponent}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_that_three_digits_cannot_tell_apart_are_counted_together() {
        let advice = thresholds(&[40.01, 40.04, 3.0, 2.0]);
        assert_eq!(advice, "`--filter absolute --threshold X` would leave 2 of 4 at 40");
    }

    #[test]
    fn rates_far_below_one_keep_their_digits() {
        let advice = thresholds(&[0.041_26, 0.000_712, 0.0, 0.0]);
        assert_eq!(
            advice,
            "`--filter absolute --threshold X` would leave 1 of 4 at 0.0412, 2 of 4 at 0.000712"
        );
    }

    #[test]
    fn a_threshold_of_a_busy_disk_is_rounded_down_to_three_digits() {
        let advice = thresholds(&[123_987.5, 50_000.0, 40_000.0]);
        assert_eq!(
            advice,
            "`--filter absolute --threshold X` would leave 1 of 3 at 123000, 2 of 3 at 50000"
        );
    }

    #[test]
    fn a_job_without_any_io_is_left_whole_by_the_only_threshold_there_is() {
        assert_eq!(
            thresholds(&[0.0, 0.0]),
            "`--filter absolute --threshold X` would leave 2 of 2 at 0"
        );
    }
}

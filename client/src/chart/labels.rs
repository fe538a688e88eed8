//! Buckets and numbers as people read them.

use vscsi_shared::histogram::Metric;

use crate::number;

/// One label per bucket, overflow last.
///
/// A bucket is named by its upper limit, which is what vscsiStats prints. Where the limits come in pairs such as 4095
/// and 4096 the first names an open range, so it reads `(2K–4K)` and the second, exactly 4096 bytes, reads `4K`.
pub(crate) fn buckets(metric: Metric, limits: &[i64]) -> Vec<String> {
    let mut labels = Vec::with_capacity(limits.len() + 1);
    let mut below: Option<i64> = None;
    for (index, &limit) in limits.iter().enumerate() {
        let next = limits.get(index + 1).copied();
        labels.push(match below {
            Some(below) if metric == Metric::IoLength && next == Some(limit + 1) => {
                format!("({}–{})", size(below), size(limit + 1))
            }
            None if metric.is_signed() => format!("≤{}", value(metric, limit)),
            _ => value(metric, limit),
        });
        below = Some(limit);
    }
    if let Some(last) = below {
        labels.push(format!(">{}", value(metric, last)));
    }
    labels
}

/// A value of this metric with its unit, as short as it is exact.
pub(super) fn value(metric: Metric, value: i64) -> String {
    match metric {
        Metric::IoLength => size(value),
        Metric::Latency | Metric::Interarrival => microseconds(value),
        Metric::SeekDistance | Metric::SeekDistanceClosest16 => distance(value),
        Metric::OutstandingIos => value.to_string(),
    }
}

/// A size as vscsiStats' charts write it: `8K`.
fn size(bytes: i64) -> String {
    number::size(bytes).to_uppercase()
}

fn microseconds(value: i64) -> String {
    if value != 0 && value % 1_000_000 == 0 {
        format!("{}s", value / 1_000_000)
    } else if value != 0 && value % 1000 == 0 {
        format!("{}ms", value / 1000)
    } else {
        format!("{value}µs")
    }
}

fn distance(blocks: i64) -> String {
    let magnitude = blocks.unsigned_abs();
    let digits = if magnitude != 0 && magnitude.is_multiple_of(1000) {
        format!("{}k", magnitude / 1000)
    } else {
        magnitude.to_string()
    };
    match blocks {
        ..=-1 => format!("−{digits}"),
        // +1 is the sequential one, and deserves its sign.
        1 => format!("+{digits}"),
        _ => digits,
    }
}

/// A number on an axis with this step: as many decimals as the step needs, thousands as `k`, millions as `M`.
pub(super) fn axis_number(value: f64, step: f64) -> String {
    let (unit, suffix) = if step >= 1e6 {
        (1e6, "M")
    } else if step >= 2.5e3 {
        (1e3, "k")
    } else {
        (1.0, "")
    };
    if value == 0.0 {
        return "0".to_owned();
    }
    let decimals = decimals_for(step / unit);
    format!("{:.decimals$}{suffix}", value / unit)
}

/// Decimals that show a step exactly; steps are 1, 2, 2.5 or 5 times a power of ten.
fn decimals_for(step: f64) -> usize {
    (0..9)
        .find(|&decimals| {
            let scaled = step * 10_f64.powi(decimals);
            (scaled - scaled.round()).abs() < 1e-6 * scaled.max(1e-300)
        })
        .and_then(|decimals| usize::try_from(decimals).ok())
        .unwrap_or(9)
}

/// What stands in a picture of a direction without commands.
pub(super) const NO_IO: &str = "no I/O";
/// What stands in a picture of a histogram that the capture does not have.
pub(super) const NOT_MEASURED: &str = "not in the capture";

/// A measured number with three significant figures: `0.012`, `3.4`, `182`, `12.3k`; two below a thousandth: `1.4e-4`.
pub(super) fn short(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude > 0.0 && magnitude < 0.001 {
        return format!("{value:.1e}").replace(".0e", "e");
    }
    let (scaled, suffix) = if magnitude >= 999_500.0 {
        (value / 1e6, "M")
    } else if magnitude >= 9_995.0 {
        (value / 1e3, "k")
    } else {
        (value, "")
    };
    let decimals = match scaled.abs() {
        size if size >= 99.95 || size == 0.0 => 0,
        size if size >= 9.995 => 1,
        size if size >= 0.9995 => 2,
        _ => 3,
    };
    let text = format!("{scaled:.decimals$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    format!("{text}{suffix}")
}

/// An estimate with the two figures it deserves: `0.8`, `1.6`, `370`.
pub(super) fn rough(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return short(value);
    }
    let unit = 10_f64.powf(value.abs().log10().floor() - 1.0);
    short((value / unit).round() * unit)
}

/// A count with its thousands apart: `12 000`.
pub(super) fn count(value: usize) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{a0}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use vscsi_shared::histogram::Limits;

    use super::*;

    fn known(metric: Metric) -> Vec<String> {
        buckets(metric, Limits::known(metric).as_slice())
    }

    #[test]
    fn block_sizes_name_exact_powers_and_the_open_ranges_between_them() {
        assert_eq!(
            known(Metric::IoLength),
            [
                "512",
                "1K",
                "2K",
                "(2K–4K)",
                "4K",
                "(4K–8K)",
                "8K",
                "(8K–16K)",
                "16K",
                "32K",
                "48K",
                "(48K–64K)",
                "64K",
                "80K",
                "128K",
                "256K",
                "512K",
                ">512K"
            ]
        );
    }

    #[test]
    fn times_change_from_microseconds_to_milliseconds() {
        assert_eq!(
            known(Metric::Latency),
            [
                "1µs", "10µs", "100µs", "500µs", "1ms", "5ms", "15ms", "30ms", "50ms", "100ms", ">100ms"
            ]
        );
    }

    #[test]
    fn seek_distances_are_signed_and_open_at_both_ends() {
        let labels = known(Metric::SeekDistance);
        assert_eq!(labels.len(), 34);
        assert_eq!(labels[0], "≤−500k");
        assert_eq!(&labels[15..19], ["−1", "0", "+1", "2"]);
        assert_eq!(labels[8], "−64");
        assert_eq!(labels[33], ">500k");
    }

    #[test]
    fn outstanding_commands_end_above_64() {
        let labels = known(Metric::OutstandingIos);
        assert_eq!((labels[0].as_str(), labels[12].as_str()), ("1", ">64"));
    }

    #[test]
    fn axis_numbers_have_the_decimals_of_their_step() {
        assert_eq!(axis_number(0.5, 0.25), "0.50");
        assert_eq!(axis_number(7.5, 2.5), "7.5");
        assert_eq!(axis_number(15_000.0, 5_000.0), "15k");
        assert_eq!(axis_number(4_000.0, 1_000.0), "4000");
        assert_eq!(axis_number(150.0, 50.0), "150");
        assert_eq!(axis_number(0.0, 50.0), "0");
    }

    #[test]
    fn measured_numbers_have_three_figures() {
        assert_eq!(short(182.4), "182");
        assert_eq!(short(3.456), "3.46");
        assert_eq!(short(12_340.0), "12.3k");
        assert_eq!(short(0.0), "0");
        assert_eq!(short(2.0), "2");
        assert_eq!(short(0.000_138_9), "1.4e-4");
        assert_eq!(short(0.0001), "1e-4");
    }

    #[test]
    fn estimates_have_two_figures() {
        assert_eq!(rough(373.0), "370");
        assert_eq!(rough(1.58), "1.6");
        assert_eq!(rough(0.0844), "0.084");
        assert_eq!(rough(0.0), "0");
    }

    #[test]
    fn counts_have_their_thousands_apart() {
        assert_eq!(count(1_000), "1\u{a0}000");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1\u{a0}234\u{a0}567");
    }
}

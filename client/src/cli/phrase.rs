//! Durations, times and sizes as people read them.

use jiff::Timestamp;

use crate::number::counted;

/// A duration in its two largest units: `45 seconds`, `30 minutes`, `3 hours 20 minutes`.
pub(super) fn duration(seconds: u64) -> String {
    let parts = [
        (seconds / 86_400, "day"),
        (seconds / 3600 % 24, "hour"),
        (seconds / 60 % 60, "minute"),
        (seconds % 60, "second"),
    ];
    let largest = parts.iter().position(|(number, _)| *number > 0).unwrap_or(3);
    parts
        .iter()
        .skip(largest)
        .take(2)
        .filter(|(number, _)| *number > 0 || seconds == 0)
        .map(|(number, noun)| counted(number, noun))
        .collect::<Vec<_>>()
        .join(" ")
}

/// `2025-11-06 08:30:22 UTC`.
pub(super) fn time(timestamp: Timestamp) -> String {
    timestamp.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// How a collection is ended by hand.
pub(super) fn manual_cleanup(host: &str, command: &str) -> String {
    format!("Manual cleanup required:\n  1. SSH to {host}\n  2. Run: {command}")
}

/// Bytes in binary units with at most one decimal: `500 GiB`, `1.5 TiB`.
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let number = format!("{value:.1}");
    let name = UNITS.get(unit).copied().unwrap_or("B");
    format!("{} {name}", number.strip_suffix(".0").unwrap_or(&number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_in_their_two_largest_units() {
        let cases = [
            (0, "0 seconds"),
            (1, "1 second"),
            (42, "42 seconds"),
            (1800, "30 minutes"),
            (90, "1 minute 30 seconds"),
        ];
        for (seconds, text) in cases {
            assert_eq!(duration(seconds), text);
        }
        assert_eq!(duration(12_000), "3 hours 20 minutes");
        assert_eq!(duration(2 * 86_400 + 61), "2 days");
    }

    #[test]
    fn bytes_are_told_in_binary_units() {
        let gib = 1 << 30;
        for (number, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1536, "1.5 KiB"),
            (500 * gib, "500 GiB"),
            (1024 * gib, "1 TiB"),
        ] {
            assert_eq!(bytes(number), text);
        }
    }
}

//! The comparison as text.

use std::fmt::{self, Display, Formatter, Write as _};

use super::{Fidelity, RateRow};
use crate::number::{duration_ms, rate};

impl Display for Fidelity {
    /// A table `what | measured | replayed | difference | gate | verdict`, then the histograms, then what was left out.
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "{:<30} {:>12} {:>12} {:>12} {:>9}  verdict",
            "", "measured", "replayed", "difference", "gate"
        )?;
        for row in &self.rates {
            write_rate(out, row)?;
        }
        writeln!(
            out,
            "{:<30} {:>12} {:>12} {:>12} {:>9}  verdict",
            "histogram", "TV", "nEMD", "KS", "gate (KS)"
        )?;
        for row in &self.histograms {
            let gate = row.gate.map_or_else(|| "-".to_owned(), |gate| format!("{gate:.2}"));
            writeln!(
                out,
                "{:<30} {:>12.3} {:>12.3} {:>12.3} {gate:>9}  {}",
                row.part,
                row.distance.tv,
                row.distance.nemd,
                row.distance.ks,
                row.verdict.word()
            )?;
        }
        for row in &self.reported {
            let [measured, replayed] = [row.measured, row.replayed]
                .map(|value| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}")));
            writeln!(
                out,
                "{:<30} {measured:>12} {replayed:>12}  (depends on the device)",
                row.name
            )?;
        }
        for row in &self.device {
            let unit = |value: f64| match row.unit.as_str() {
                "ms" => duration_ms(value),
                _ => rate(value),
            };
            let [measured, replayed] = [row.measured, row.replayed].map(|number| {
                number.map_or_else(|| "-".to_owned(), |number| number.range.shown(number.last_limit, unit))
            });
            writeln!(out, "{:<30} {measured:>25} {replayed:>25}", row.name)?;
        }
        for left_out in &self.left_out {
            writeln!(out, "left out: {}: {}", left_out.part, left_out.reason)?;
        }
        write!(out, "{}", self.summary())
    }
}

impl Fidelity {
    /// One line: the composite score, its gate, and the gates missed.
    pub fn summary(&self) -> String {
        let Some(score) = self.score else {
            return "no F, because there were too few commands to compare a histogram".to_owned();
        };
        let mut line = format!("F {score:.1} (gate {:.0})", self.score_gate);
        let missed = self.missed();
        if missed.is_empty() {
            let verdict = if self.passed {
                ": every gate kept"
            } else {
                ": below its gate"
            };
            line.push_str(verdict);
        } else {
            let _ = write!(line, ": missed {}", missed.join(", "));
        }
        line
    }

    /// Names of the rows that missed their gate.
    pub fn missed(&self) -> Vec<&str> {
        let rates = self.rates.iter().map(|row| (row.name.as_str(), row.verdict));
        let histograms = self.histograms.iter().map(|row| (row.part.as_str(), row.verdict));
        rates
            .chain(histograms)
            .filter(|(_, verdict)| *verdict == super::Verdict::Missed)
            .map(|(name, _)| name)
            .collect()
    }
}

fn write_rate(out: &mut Formatter<'_>, row: &RateRow) -> fmt::Result {
    let is_share = row.unit == "share";
    let difference_unit = if is_share { "pt" } else { "%" };
    let value = |value: f64| {
        if is_share {
            format!("{:.2}%", value * 100.0)
        } else {
            rate(value)
        }
    };
    let gate = row.gate.map_or_else(
        || "-".to_owned(),
        |gate| format!("{:.0} {difference_unit}", gate * 100.0),
    );
    let name = if is_share {
        row.name.clone()
    } else {
        format!("{} ({})", row.name, row.unit)
    };
    writeln!(
        out,
        "{name:<30} {:>12} {:>12} {:>12} {gate:>9}  {}",
        value(row.measured),
        value(row.replayed),
        format!("{:+.2} {difference_unit}", row.difference * 100.0),
        row.verdict.word()
    )
}

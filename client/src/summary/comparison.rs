//! Two jobs compared, as text and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use super::json::InOrder;
use crate::analysis::estimate::Range;
use crate::compare::{ComparedHistogram, Comparison, JudgedLimit, Judgement, Measure, Selection, Verdict};

/// A baseline and a candidate side by side, with the verdicts.
pub(crate) fn comparison(comparison: &Comparison, baseline: &str, candidate: &str) -> String {
    let [of_baseline, of_candidate] = &comparison.selections;
    let mut text = format!(
        "Baseline:  {baseline}, {}\nCandidate: {candidate}, {}\n\n",
        of_baseline.sentence(),
        of_candidate.sentence()
    );
    let _ = writeln!(
        text,
        "  {:<20} {:>22} {:>22} {:>10}",
        "", "baseline", "candidate", "candidate/"
    );
    let _ = writeln!(text, "  {:<20} {:>22} {:>22} {:>10}", "", "", "", "baseline");
    for row in &comparison.rows {
        let percent = row
            .percent()
            .map_or_else(|| "-".to_owned(), |percent| format!("{:.1}%", percent.est));
        let _ = writeln!(
            text,
            "  {:<20} {:>22} {:>22} {:>10}",
            row.measure.name(),
            value(row.measure, row.baseline),
            value(row.measure, row.candidate),
            percent
        );
    }
    text.push_str(&compared_histograms(&comparison.histograms));
    text.push_str("\nVerdict:\n");
    for latency in comparison.latencies() {
        let _ = writeln!(text, "  {}", latency.sentence("the baseline"));
    }
    for limit in &comparison.limits {
        let sign = match limit.verdict {
            Verdict::Kept => "ok  ",
            Verdict::Undecided => "?   ",
            Verdict::Missed | Verdict::NotMeasured => "MISS",
        };
        let _ = writeln!(text, "  {sign} {limit}");
    }
    let together = match comparison.judgement() {
        _ if comparison.limits.is_empty() => "no limit was given",
        Judgement::Kept => "every limit is kept",
        Judgement::Undecided => "no limit is missed, and not all are decided",
        Judgement::Missed => "a limit is not kept",
    };
    let _ = writeln!(text, "  {together}");
    text
}

/// Histograms of two workloads: how far their shares and their means are apart, and by how much chance brings them apart.
fn compared_histograms(histograms: &[ComparedHistogram]) -> String {
    let mut text = format!(
        "\nHistograms (KS: 0 = equal shares, 1 = nothing in common):\n  {:<28} {:>8} {:>8} {:>9} {:>8}\n",
        "", "KS", "chance", "mean", "chance"
    );
    let or_dash = |shown: Option<String>| shown.unwrap_or_else(|| "-".to_owned());
    for histogram in histograms {
        let _ = writeln!(
            text,
            "  {:<28} {:>8} {:>8} {:>9} {:>8}  {}",
            format!("{}.{}", histogram.kind.metric(), histogram.kind.operation()),
            or_dash(histogram.distance.map(|distance| format!("{:.3}", distance.ks))),
            or_dash(
                histogram
                    .distance
                    .map(|distance| format!("{:.3}", distance.sampling_floor.min(1.0)))
            ),
            or_dash(histogram.mean.map(|mean| format!("{:.1}%", mean.percent.est))),
            or_dash(histogram.mean.map(|mean| format!("±{:.1}", mean.chance))),
            histogram.likeness.words(),
        );
    }
    text.push_str("  (the mean is that of the candidate in percent of the baseline's; two samples of one workload\n   differ by up to what stands under chance, in 95 of 100 cases)\n");
    text
}

/// A value with its range where that is wider than the figure shown.
fn value(measure: Measure, range: Option<Range>) -> String {
    let Some(range) = range else {
        return "-".to_owned();
    };
    let shown = |value: f64| measure.shown(value);
    let (est, lo) = (shown(range.est), shown(range.lo));
    match range.hi.map(shown) {
        Some(hi) if hi == lo => est,
        Some(hi) => format!("{est} ({lo}-{hi})"),
        None => format!("{est} (from {lo})"),
    }
}

/// `compare --json`.
#[derive(Debug, Serialize)]
pub(crate) struct ComparisonJson<'comparison> {
    baseline: &'comparison str,
    candidate: &'comparison str,
    selections: SelectionsJson<'comparison>,
    measures: InOrder<MeasureJson>,
    distances: InOrder<&'comparison ComparedHistogram>,
    limits: &'comparison [JudgedLimit],
    judgement: Judgement,
    passes: bool,
}

#[derive(Debug, Serialize)]
struct SelectionsJson<'comparison> {
    baseline: &'comparison Selection,
    candidate: &'comparison Selection,
}

#[derive(Debug, Serialize)]
struct MeasureJson {
    baseline: Option<Range>,
    candidate: Option<Range>,
    percent: Option<f64>,
}

impl<'comparison> ComparisonJson<'comparison> {
    /// A comparison of two jobs by their names.
    pub(crate) fn of(
        comparison: &'comparison Comparison,
        baseline: &'comparison str,
        candidate: &'comparison str,
    ) -> Self {
        let measures = comparison.rows.iter().map(|row| {
            let json = MeasureJson {
                baseline: row.baseline,
                candidate: row.candidate,
                percent: row.percent().map(|percent| percent.est),
            };
            (row.measure.name().to_owned(), json)
        });
        let distances = comparison.histograms.iter().map(|histogram| {
            let kind = histogram.kind;
            (format!("{}.{}", kind.metric(), kind.operation()), histogram)
        });
        let [of_baseline, of_candidate] = &comparison.selections;
        let judgement = comparison.judgement();
        Self {
            baseline,
            candidate,
            selections: SelectionsJson {
                baseline: of_baseline,
                candidate: of_candidate,
            },
            measures: measures.collect(),
            distances: distances.collect(),
            limits: &comparison.limits,
            judgement,
            passes: judgement == Judgement::Kept,
        }
    }
}

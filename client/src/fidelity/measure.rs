//! The comparison of a replay with its workload.

use serde::{Deserialize, Serialize};
use vscsi_shared::histogram::{Interval, IntervalSet, Metric, Operation};

use super::distance::sampling_floor;
use super::{Distance, Gates, Verdict, distance};
use crate::analysis::estimate::{self, PerMille, Range};
use crate::stream::{Direction, Observation, bucket_range, sequential_share};

/// A direction with fewer commands, or a smaller share of them, is too little to judge.
const LEAST_COMMANDS: u64 = 100;
const LEAST_SHARE: f64 = 0.01;

/// One histogram compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistogramRow {
    /// What is compared, such as `read seek distance`.
    pub part: String,
    /// How far the two are apart.
    #[serde(flatten)]
    pub distance: Distance,
    /// Largest KS allowed.
    pub gate: Option<f64>,
    /// How the KS stands to it.
    pub verdict: Verdict,
}

/// One number compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RateRow {
    /// What is compared, such as `read IOPS`.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// In the capture.
    pub measured: f64,
    /// In the replay.
    pub replayed: f64,
    /// Relative difference for rates, absolute difference for shares.
    pub difference: f64,
    /// Largest absolute difference allowed.
    pub gate: Option<f64>,
    /// How the difference stands to it.
    pub verdict: Verdict,
}

/// A number that depends on the device that served the commands, so it is shown and not judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reported {
    /// What it is.
    pub name: String,
    /// In the capture; `None` when it was not recorded.
    pub measured: Option<f64>,
    /// In the replay; `None` when it was not recorded.
    pub replayed: Option<f64>,
}

/// A number of the device that served the commands, with its range. It is shown and not judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceRow {
    /// What it is, such as `read latency p99`.
    pub name: String,
    /// Its unit; empty for a number of I/Os.
    pub unit: String,
    /// In the capture; `None` when it was not recorded.
    pub measured: Option<DeviceNumber>,
    /// In the replay; `None` when nothing of it was seen.
    pub replayed: Option<DeviceNumber>,
}

/// A percentile, and the last limit of its histogram: a value beyond it is known to be beyond it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DeviceNumber {
    /// The percentile.
    #[serde(flatten)]
    pub range: Range,
    /// Last limit of the histogram, in the same unit.
    pub last_limit: f64,
}

/// A part that was not compared, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The part.
    pub part: String,
    /// The reason, as a clause.
    pub reason: String,
}

/// How near a replay comes to its workload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fidelity {
    /// The composite F = 100 * (1 - mean TV of the histogram rows), 0 to 100; `None` when no histogram was compared.
    pub score: Option<f64>,
    /// Smallest score allowed.
    pub score_gate: f64,
    /// Whether every gate was kept.
    pub passed: bool,
    /// Histograms compared.
    pub histograms: Vec<HistogramRow>,
    /// Rates and shares compared.
    pub rates: Vec<RateRow>,
    /// Device dependent numbers.
    pub reported: Vec<Reported>,
    /// Latency and queue depth with their ranges; empty where the replay has none, as on paper.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub device: Vec<DeviceRow>,
    /// What could not be compared.
    pub left_out: Vec<LeftOut>,
}

/// Compares a replay with the workload it was made from.
///
/// `not_measured` names parts that the replay's log does not hold, with the reason; they do not enter F.
pub fn compare(target: Observation, run: Observation, gates: &Gates, not_measured: &[LeftOut]) -> Fidelity {
    let mut comparison = Comparison {
        target,
        run,
        gates,
        histograms: Vec::new(),
        rates: Vec::new(),
        left_out: not_measured.to_vec(),
    };
    comparison.directions();
    comparison.overall();
    comparison.finish()
}

struct Comparison<'a> {
    target: Observation<'a>,
    run: Observation<'a>,
    gates: &'a Gates,
    histograms: Vec<HistogramRow>,
    rates: Vec<RateRow>,
    left_out: Vec<LeftOut>,
}

impl Comparison<'_> {
    fn directions(&mut self) {
        let total = commands(self.target.histograms, Operation::All);
        for direction in Direction::ALL {
            let operation = direction.operation();
            let own = commands(self.target.histograms, operation);
            if own < LEAST_COMMANDS || (own as f64) < LEAST_SHARE * total as f64 {
                self.leave_out(
                    direction.word(),
                    &format!("it has {own} of {total} commands, too few to judge"),
                );
                continue;
            }
            self.direction_rates(direction);
            let gates = *self.gates;
            self.histogram(Metric::IoLength, operation, gates.size_ks);
            self.histogram(Metric::SeekDistance, operation, gates.direction_seek_ks);
        }
    }

    fn direction_rates(&mut self, direction: Direction) {
        let operation = direction.operation();
        let word = direction.word();
        let both = [self.target, self.run];
        let iops = both.map(|side| rate(commands(side.histograms, operation) as f64, side.seconds));
        let floor = self.floor(operation);
        // A generator that holds bytes per second turns the scatter of the sizes into a scatter of the IOPS.
        let sizes = self.target.histograms.of(Metric::IoLength, operation);
        let rate_floor = floor * sizes.map_or(1.0, coefficient_of_variation).max(1.0);
        self.rate(
            format!("{word} IOPS"),
            "1/s",
            iops,
            Scale::Relative,
            self.gates.rate,
            rate_floor,
        );
        let megabytes = both.map(|side| {
            let bytes = side
                .histograms
                .of(Metric::IoLength, operation)
                .map_or(0.0, |sizes| estimate::sum(sizes, Metric::IoLength).est);
            rate(bytes / 1e6, side.seconds)
        });
        self.rate(
            format!("{word} throughput"),
            "MB/s",
            megabytes,
            Scale::Relative,
            self.gates.rate,
            rate_floor,
        );
        if self.target.histograms.of(Metric::SeekDistance, operation).is_some() {
            let shares = both.map(|side| {
                let seeks = side.histograms.of(Metric::SeekDistance, operation);
                seeks.map_or(0.0, sequential_share)
            });
            let name = format!("{word} sequential share");
            self.rate(
                name,
                "share",
                shares,
                Scale::Absolute,
                self.gates.sequential_share,
                floor,
            );
        }
    }

    fn overall(&mut self) {
        let total = commands(self.target.histograms, Operation::All);
        if total < LEAST_COMMANDS {
            self.leave_out("all commands", &format!("there are {total}, too few to judge"));
            return;
        }
        let shares = [self.target, self.run].map(|side| {
            let reads = commands(side.histograms, Operation::Read) as f64;
            let writes = commands(side.histograms, Operation::Write) as f64;
            rate(reads, reads + writes)
        });
        let floor = self.floor(Operation::All);
        let gates = *self.gates;
        self.rate(
            "read share".to_owned(),
            "share",
            shares,
            Scale::Absolute,
            gates.read_share,
            floor,
        );
        self.histogram(Metric::SeekDistance, Operation::All, gates.overall_ks);
        self.histogram(Metric::SeekDistanceClosest16, Operation::All, gates.overall_ks);
        self.histogram(Metric::Interarrival, Operation::All, gates.overall_ks);
    }

    fn histogram(&mut self, metric: Metric, operation: Operation, gate: Option<f64>) {
        let part = part_name(metric, operation);
        if self.left_out.iter().any(|left_out| left_out.part == part) {
            return;
        }
        let Some(target) = self.target.histograms.of(metric, operation) else {
            self.leave_out(&part, "the capture does not hold it");
            return;
        };
        let nothing = Interval::empty(target.limits.clone());
        let run = self.run.histograms.of(metric, operation).unwrap_or(&nothing);
        match distance(target, run) {
            Ok(distance) => self.histograms.push(HistogramRow {
                part,
                distance,
                gate,
                verdict: Verdict::of(distance.ks, gate, distance.sampling_floor),
            }),
            Err(incompatible) => self.leave_out(&part, &incompatible.to_string()),
        }
    }

    fn rate(
        &mut self,
        name: String,
        unit: &str,
        [measured, replayed]: [f64; 2],
        scale: Scale,
        gate: Option<f64>,
        floor: f64,
    ) {
        let difference = match scale {
            Scale::Absolute => replayed - measured,
            Scale::Relative if measured <= 0.0 && replayed <= 0.0 => 0.0,
            Scale::Relative => replayed / measured - 1.0,
        };
        self.rates.push(RateRow {
            name,
            unit: unit.to_owned(),
            measured,
            replayed,
            difference,
            gate,
            verdict: Verdict::of(difference.abs(), gate, floor),
        });
    }

    fn leave_out(&mut self, part: &str, reason: &str) {
        self.left_out.push(LeftOut {
            part: part.to_owned(),
            reason: reason.to_owned(),
        });
    }

    /// The sampling floor of the distance of two samples of this class.
    fn floor(&self, operation: Operation) -> f64 {
        let [target, run] = [self.target, self.run].map(|side| commands(side.histograms, operation) as f64);
        sampling_floor(target, run)
    }

    fn finish(self) -> Fidelity {
        let rows = self.histograms.len() as f64;
        let tv: f64 = self.histograms.iter().map(|row| row.distance.tv).sum();
        let score = (rows > 0.0).then(|| 100.0 * (1.0 - tv / rows));
        let missed = self
            .histograms
            .iter()
            .map(|row| row.verdict)
            .chain(self.rates.iter().map(|row| row.verdict))
            .any(|verdict| verdict == Verdict::Missed);
        let reported = [
            ("mean latency (us)", Metric::Latency),
            ("mean outstanding I/O", Metric::OutstandingIos),
        ]
        .into_iter()
        .map(|(name, metric)| Reported {
            name: name.to_owned(),
            measured: mean(self.target.histograms, metric),
            replayed: mean(self.run.histograms, metric),
        })
        .collect();
        Fidelity {
            score,
            score_gate: self.gates.score,
            passed: !missed && score.is_some_and(|score| score >= self.gates.score),
            histograms: self.histograms,
            rates: self.rates,
            reported,
            device: device_rows(self.target.histograms, self.run.histograms),
            left_out: self.left_out,
        }
    }
}

/// Percentiles of what the device decides, for the histograms that the replay has.
fn device_rows(target: &IntervalSet, run: &IntervalSet) -> Vec<DeviceRow> {
    let histograms = [
        (Metric::Latency, Operation::Read, "ms", 1e-3),
        (Metric::Latency, Operation::Write, "ms", 1e-3),
        (Metric::OutstandingIos, Operation::All, "", 1.0),
    ];
    let mut rows = Vec::new();
    for (metric, operation, unit, factor) in histograms {
        let Some(run) = run.of(metric, operation) else {
            continue;
        };
        let part = match operation {
            Operation::All => "outstanding I/O".to_owned(),
            _ => part_name(metric, operation),
        };
        for per_mille in [PerMille::P50, PerMille::P95, PerMille::P99] {
            let number = |interval: &Interval| {
                let range = estimate::percentile(interval, metric, per_mille)?;
                let last_limit = interval
                    .limits
                    .as_slice()
                    .last()
                    .map_or(f64::INFINITY, |last| *last as f64);
                Some(DeviceNumber {
                    range: range.times(factor),
                    last_limit: last_limit * factor,
                })
            };
            rows.push(DeviceRow {
                name: format!("{part} {per_mille}"),
                unit: unit.to_owned(),
                measured: target.of(metric, operation).and_then(number),
                replayed: number(run),
            });
        }
    }
    rows
}

/// Standard deviation over mean of the values, each taken at the middle of its bucket.
pub(crate) fn coefficient_of_variation(interval: &Interval) -> f64 {
    let (mut count, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for (index, &bucket) in interval.counts.iter().enumerate() {
        let (low, high) = bucket_range(interval, index);
        let (middle, bucket) = (f64::midpoint(low, high), bucket as f64);
        count += bucket;
        sum += bucket * middle;
        squares += bucket * middle * middle;
    }
    let mean = sum / count;
    let variance = (squares / count - mean * mean).max(0.0);
    if mean > 0.0 { variance.sqrt() / mean } else { 0.0 }
}

#[derive(Debug, Clone, Copy)]
enum Scale {
    Relative,
    Absolute,
}

/// The name of a compared histogram, such as `read block size` or `closest-of-16 seek distance`.
pub(crate) fn part_name(metric: Metric, operation: Operation) -> String {
    match metric {
        Metric::IoLength => format!("{operation} block size"),
        Metric::SeekDistance => format!("{operation} seek distance"),
        Metric::SeekDistanceClosest16 => "closest-of-16 seek distance".to_owned(),
        Metric::Interarrival => format!("{operation} interarrival"),
        Metric::Latency => format!("{operation} latency"),
        Metric::OutstandingIos => format!("{operation} outstanding I/O"),
    }
}

fn commands(histograms: &IntervalSet, operation: Operation) -> u64 {
    histograms.of(Metric::IoLength, operation).map_or(0, Interval::total)
}

fn mean(histograms: &IntervalSet, metric: Metric) -> Option<f64> {
    let interval = histograms.of(metric, Operation::All)?;
    estimate::mean(interval, metric).map(|mean| mean.est)
}

fn rate(amount: f64, per: f64) -> f64 {
    if per > 0.0 { amount / per } else { 0.0 }
}

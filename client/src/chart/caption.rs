//! What a chart says about its data, below the picture and inside the file.

use super::encode::{Metadata, SOFTWARE};
use super::kind::ChartKind;
use super::labels::count;
use super::page::SEPARATOR;
use super::time_axis::TimeAxis;
use super::{ChartInput, slices::Slices};
use crate::store::{UNKNOWN_HOST, UNKNOWN_VM};

/// Job, VM, host and disks in one line.
pub(super) fn subject(input: &ChartInput<'_>) -> String {
    let provenance = &input.workload.provenance;
    let vm = clipped(&provenance.vm_name);
    let host = clipped(&provenance.host);
    let source = match (vm.as_str(), host.as_str()) {
        (UNKNOWN_VM, UNKNOWN_HOST) => "imported".to_owned(),
        (vm, UNKNOWN_HOST) => format!("{vm}, imported"),
        (UNKNOWN_VM, host) => format!("a VM on {host}"),
        (vm, host) => format!("{vm} on {host}"),
    };
    format!(
        "{}{SEPARATOR}{source}{SEPARATOR}{}",
        provenance.job,
        disks_in_short(input)
    )
}

/// A name that leaves room for the others beside it. The file's metadata has it in full.
fn clipped(name: &str) -> String {
    const MOST: usize = 44;
    if name.chars().count() <= MOST {
        return name.to_owned();
    }
    name.chars().take(MOST - 1).chain(['…']).collect()
}

/// The disks, in a line that leaves room for more than them.
fn disks_in_short(input: &ChartInput<'_>) -> String {
    match input.series.disks.as_slice() {
        [first, .., last] if input.series.disks.len() > MOST_NAMED => {
            format!("{} disks: {first} to {last}", input.series.disks.len())
        }
        _ => disks(input),
    }
}

/// More disks than these are told by the first and the last of them.
const MOST_NAMED: usize = 6;

fn disks(input: &ChartInput<'_>) -> String {
    let names: Vec<String> = input.series.disks.iter().map(ToString::to_string).collect();
    match names.as_slice() {
        [] => "no disk".to_owned(),
        [only] => format!("disk {only}"),
        several => format!("{} disks: {}", several.len(), several.join(", ")),
    }
}

/// Period, filter, samples kept and version.
pub(super) fn origin(input: &ChartInput<'_>) -> String {
    let provenance = &input.workload.provenance;
    let mut parts = Vec::new();
    if let Some(period) = period(input) {
        parts.push(period);
    }
    parts.push(format!("filter {}", provenance.filter));
    parts.push(format!(
        "{}, {:.1} % of I/Os",
        samples(input),
        provenance.io_share_kept * 100.0
    ));
    parts.push(format!("{SOFTWARE}, method {}", provenance.method_version));
    parts.join(SEPARATOR)
}

fn samples(input: &ChartInput<'_>) -> String {
    let provenance = &input.workload.provenance;
    format!(
        "{} of {} samples kept",
        count(provenance.samples_kept),
        count(provenance.samples_total)
    )
}

fn period(input: &ChartInput<'_>) -> Option<String> {
    let (begin, end) = input.workload.provenance.period.filter(|_| dated(input))?;
    let day = |time: jiff::Timestamp| time.strftime("%Y-%m-%d").to_string();
    let clock = |time: jiff::Timestamp| time.strftime("%H:%M:%S").to_string();
    Some(if day(begin) == day(end) {
        format!("{} {} to {} UTC", day(begin), clock(begin), clock(end))
    } else {
        format!("{} {} to {} {} UTC", day(begin), clock(begin), day(end), clock(end))
    })
}

fn dated(input: &ChartInput<'_>) -> bool {
    input.series.is_dated()
}

/// What has to be said about the time shown: that samples were merged to be drawn, and that some are missing.
pub(super) fn time_notes(slices: &Slices) -> Vec<String> {
    let mut notes = Vec::new();
    if slices.binned() {
        notes.push(format!(
            "{} samples drawn as {} slices of equal time, each the rate over its samples",
            count(slices.samples),
            count(slices.slices.len())
        ));
    }
    match slices.gaps().count() {
        0 => {}
        1 => notes.push("hatched: one gap without samples".to_owned()),
        several => notes.push(format!("hatched: {} gaps without samples", count(several))),
    }
    notes
}

/// The wall clock of the series: the end of its last sample, so that a clock set in mid-job moves the whole axis and
/// bends none of it.
pub(super) fn time_axis(input: &ChartInput<'_>, slices: &Slices) -> TimeAxis {
    let origin = input.series.samples.last().filter(|_| dated(input)).and_then(|last| {
        let elapsed = jiff::SignedDuration::try_from_secs_f64(last.start_seconds + last.seconds).ok()?;
        last.taken_at.checked_sub(elapsed).ok()
    });
    let start = slices.slices.first().map_or(0.0, |slice| slice.start);
    let end = slices.slices.last().map_or(1.0, |slice| slice.end);
    TimeAxis { origin, start, end }
}

/// Keywords and values for the inside of the file.
pub(super) fn metadata(input: &ChartInput<'_>, kind: ChartKind, notes: &[String]) -> Metadata {
    let provenance = &input.workload.provenance;
    let mut entries = vec![
        ("Chart", kind.name().to_owned()),
        ("Job", provenance.job.clone()),
        ("VM", provenance.vm_name.clone()),
        ("Host", provenance.host.clone()),
        ("Disks", disks(input)),
        ("Filter", provenance.filter.clone()),
        ("Samples", samples(input)),
        ("Method", provenance.method_version.to_string()),
    ];
    entries.extend(period(input).map(|period| ("Period", period)));
    if !notes.is_empty() {
        entries.push(("Notes", notes.join("; ")));
    }
    Metadata {
        title: format!("{} ({})", kind.title(), provenance.job),
        entries,
    }
}

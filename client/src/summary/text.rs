//! The report on the terminal.

use std::fmt::Write as _;

use vscsi_shared::job::Job;

use crate::analysis::estimate::{PerMille, Range};
use crate::analysis::profile::{BlockSizes, Distribution, SizeBucket, Throughput};
use crate::analysis::{Analysis, DiskKey, Finding, Partial, Profile, Severity};
use crate::number::{count, counted, duration_ms, percent, rate};
use crate::store::is_imported;

/// How many block sizes are worth a place on the line.
const SIZES_SHOWN: usize = 6;

/// The second line of the warning about a job that does not have all its data.
pub(crate) const PARTIAL_ADVICE: &str = "Analysis will be based on partial data and may not represent peak workload.";

/// What to say about a job that does not have all its data.
pub(crate) fn partial_warning(job: &Job, partial: Partial) -> String {
    let name = &job.job_id;
    let why = match partial {
        Partial::NotCollected => format!(
            "Job '{name}' did not complete ({}/{} samples collected)",
            job.collection.samples_collected, job.collection.samples_expected
        ),
        Partial::NotPulled { from, to } => format!(
            "Job '{name}' is not all here ({} of {to} samples); `vscsi-helper pull {name}` fetches the rest",
            from.saturating_sub(1)
        ),
        Partial::FilesDamaged if is_imported(job) => {
            format!("Snapshots of job '{name}' are damaged or missing here; import the capture again")
        }
        Partial::FilesDamaged => {
            format!("Snapshots of job '{name}' are damaged or missing here; `vscsi-helper pull {name}` repairs this")
        }
        Partial::CaptureDamaged => format!("Job '{name}' was imported from a capture that lost some of its histograms"),
    };
    format!("{why}\n{PARTIAL_ADVICE}")
}

/// The text of an analysis: what was loaded, what the filter did, and the profile.
pub(crate) fn report(analysis: &Analysis) -> String {
    let provenance = &analysis.workload.provenance;
    let (total, kept) = (provenance.samples_total, provenance.samples_kept);
    let filter = analysis.options.filter;
    let threshold = filter
        .threshold()
        .map_or_else(String::new, |threshold| format!(" (threshold: {threshold})"));
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "Loading samples... {} found.", counted(total, "sample"));
    let _ = writeln!(text, "Applying filter: {}{threshold}", filter.method());
    let dropped = total - kept;
    let _ = writeln!(
        text,
        "Filtered out {} ({:.1}%)",
        counted(dropped, "low-activity sample"),
        100.0 * dropped as f64 / total.max(1) as f64
    );
    if dropped > 0 {
        let shares = &analysis.shares;
        let mut kept = format!("Kept {} of the time", percent(100.0 * shares.time));
        if analysis.profile.ios.total.is_some() {
            let _ = write!(kept, ", {} of the I/Os", percent(100.0 * shares.ios));
        }
        if analysis.profile.throughput_mbps.total.is_some() {
            let _ = write!(kept, ", {} of the bytes", percent(100.0 * shares.bytes));
        }
        let _ = writeln!(text, "{kept}");
    }
    let _ = writeln!(text, "Analyzing {}...\n", counted(kept, "sample"));
    let _ = writeln!(text, "Peak Workload Profile:");
    for line in profile_lines(&analysis.profile) {
        let _ = writeln!(text, "  {line}");
    }
    if analysis.disks.len() > 1 {
        let _ = writeln!(text, "\nDisks:");
        for (disk, profile) in &analysis.disks {
            let _ = writeln!(text, "  {disk}: {}", one_line(profile));
        }
    }
    text.push_str(&data_quality(&analysis.findings, analysis.series.disks.len()));
    text
}

/// What was noticed about the data of a job with so many disks, or nothing.
pub(crate) fn data_quality(findings: &[Finding], disks: usize) -> String {
    let mut text = String::new();
    if findings.is_empty() {
        return text;
    }
    text.push_str("\nData quality:\n");
    for noted in noted(findings, disks) {
        let _ = writeln!(text, "  {}:{}", severity_word(noted.severity), noted.text);
    }
    text
}

/// How a finding is called.
pub(crate) fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// Findings in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Noted {
    pub(crate) severity: Severity,
    /// Where, what, and how often; begins with a space.
    pub(crate) text: String,
}

/// The findings in words, for a job with so many disks. What is the same on several is said once.
pub(crate) fn noted(findings: &[Finding], disks: usize) -> Vec<Noted> {
    let groups = alike(findings);
    let words = |same: &Vec<&Finding>| {
        let finding = same.first()?;
        let seen = match (finding.sequence, finding.occurrences) {
            (Some(sequence), 1) => format!(" (snapshot {sequence})"),
            (Some(sequence), times) => format!(" ({times} times, first in snapshot {sequence})"),
            (None, 1) => String::new(),
            (None, times) => format!(" ({times} times)"),
        };
        Some(Noted {
            severity: finding.severity,
            text: format!("{} {}{seen}", where_seen(same, disks), finding.message),
        })
    };
    groups.iter().filter_map(words).collect()
}

/// The findings, those that differ in nothing but the disk together.
fn alike(findings: &[Finding]) -> Vec<Vec<&Finding>> {
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    for finding in findings {
        let is_the_same = |group: &&mut Vec<&Finding>| {
            group.first().is_some_and(|first| {
                first.disk.is_some()
                    && Finding {
                        disk: first.disk.clone(),
                        ..finding.clone()
                    } == **first
            })
        };
        match groups.iter_mut().find(is_the_same) {
            Some(group) if finding.disk.is_some() => group.push(finding),
            _ => groups.push(vec![finding]),
        }
    }
    groups
}

/// ` scsi0:0:`, ` on all 20 disks:`, ` on 2 of 20 disks (scsi0:1, scsi0:10):`.
fn where_seen(same: &[&Finding], disks: usize) -> String {
    let mut seen: Vec<&DiskKey> = same.iter().filter_map(|finding| finding.disk.as_ref()).collect();
    seen.sort();
    match seen.as_slice() {
        [] => String::new(),
        [disk] => format!(" {disk}:"),
        all if all.len() == disks => format!(" on all {disks} disks:"),
        some => {
            let names: Vec<&str> = some.iter().map(|disk| disk.0.as_str()).collect();
            format!(" on {} of {disks} disks ({}):", names.len(), names.join(", "))
        }
    }
}

/// The lines of a profile, with ranges.
pub(crate) fn profile_lines(profile: &Profile) -> Vec<String> {
    let ios = profile.ios;
    if ios.total == Some(0) {
        return vec![format!("no I/O in {:.1} s", profile.seconds)];
    }
    let whole = |number: u64| count(number as f64);
    let mut lines = vec![
        format!(
            "IOPS: {} (Read: {} / Write: {})",
            known(profile.iops.total, rate),
            known(profile.iops.read, rate),
            known(profile.iops.write, rate)
        ),
        format!(
            "I/Os: {} (Read: {} / Write: {}) in {:.1} s",
            known(ios.total, whole),
            known(ios.read, whole),
            known(ios.write, whole),
            profile.seconds
        ),
        throughput(&profile.throughput_mbps),
        format!("Read/Write ratio: {}", ratio(profile)),
    ];
    if let Some(other) = ios.other().filter(|other| *other > 0) {
        lines.push(format!("Other commands: {} that neither read nor write", whole(other)));
    }
    lines.extend(sequential(profile));
    let sizes = &profile.block_sizes;
    lines.push(format!("Block sizes: {}", known(sizes.all.as_ref(), sizes_by_count)));
    for (direction, sizes) in [("reads", &sizes.read), ("writes", &sizes.write)] {
        if let Some(sizes) = sizes.as_ref().filter(|sizes| sizes.count > 0) {
            lines.push(format!("  bytes of {direction}: {}", sizes_by_bytes(sizes)));
        }
    }
    if let Some(depth) = &profile.queue_depth.all {
        lines.push(format!(
            "Queue depth: avg={}, {}",
            short(depth.mean.est),
            percentiles(depth, &short)
        ));
    }
    for (name, latency) in [
        ("Read latency: ", &profile.latency_ms.read),
        ("Write latency:", &profile.latency_ms.write),
    ] {
        if let Some(latency) = latency {
            lines.push(format!("{name} {}", percentiles(latency, &duration_ms)));
            lines.extend(latency.few_values(PerMille::P99).map(|note| format!("  ({note})")));
        }
    }
    if let Some(burst) = &profile.burst_index {
        lines.push(format!("Burst index: {} (1 = independent arrivals)", rate(burst.est)));
    }
    lines
}

/// A number, or that it is unknown.
fn known<T>(value: Option<T>, shown: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "unknown".to_owned(), shown)
}

/// `70/30`, in percent of reads and writes; `None` where one of them is unknown.
pub(super) fn read_write_ratio(profile: &Profile) -> Option<String> {
    let ios = profile.ios;
    match ios.read_percent() {
        Some(read) => Some(format!("{:.0}/{:.0}", read.round(), 100.0 - read.round())),
        None => (ios.read.is_some() && ios.write.is_some()).then(|| "0/0".to_owned()),
    }
}

fn ratio(profile: &Profile) -> String {
    known(read_write_ratio(profile), |ratio| ratio)
}

fn throughput(throughput: &Throughput) -> String {
    let bounds = throughput.total.and_then(|total| {
        let (lo, hi) = (rate(total.lo), rate(total.hi?));
        (lo != hi).then(|| format!(", total between {lo} and {hi}"))
    });
    let mbps = |range: Option<Range>| known(range, |range| rate(range.est));
    format!(
        "Throughput: {} MB/s (Read: {} / Write: {}{})",
        mbps(throughput.total),
        mbps(throughput.read),
        mbps(throughput.write),
        bounds.unwrap_or_default()
    )
}

fn sequential(profile: &Profile) -> Vec<String> {
    let sequentiality = &profile.sequentiality;
    let Some(strict) = sequentiality.strict else {
        return Vec::new();
    };
    let share = |range: Option<Range>| range.map_or_else(|| "-".to_owned(), |range| format!("{:.1}%", range.est));
    let gap = match sequentiality.gap.0 {
        0 => String::new(),
        blocks => format!(", gaps of up to {blocks} blocks allowed"),
    };
    vec![
        format!(
            "Sequential: {:.1}%, Random: {:.1}%{gap}",
            strict.est,
            100.0 - strict.est
        ),
        format!(
            "  by stream: {}, reads: {}, writes: {}",
            share(sequentiality.by_stream),
            share(sequentiality.read),
            share(sequentiality.write)
        ),
    ]
}

fn sizes_by_count(sizes: &BlockSizes) -> String {
    shares(sizes, |bucket| bucket.percent, |bucket| percent(bucket.percent))
}

fn sizes_by_bytes(sizes: &BlockSizes) -> String {
    shares(
        sizes,
        |bucket| bucket.bytes_percent.est,
        |bucket| percent(bucket.bytes_percent.est),
    )
}

/// The sizes with the largest shares, the largest first, and how many others there are.
fn shares(sizes: &BlockSizes, share: impl Fn(&SizeBucket) -> f64, shown: impl Fn(&SizeBucket) -> String) -> String {
    let buckets = sizes.largest_first(share);
    let mut parts: Vec<String> = buckets
        .iter()
        .take(SIZES_SHOWN)
        .map(|bucket| format!("{} ({})", bucket.label.to_uppercase(), shown(bucket)))
        .collect();
    if buckets.len() > SIZES_SHOWN {
        parts.push(counted(buckets.len() - SIZES_SHOWN, "other"));
    }
    parts.join(", ")
}

fn percentiles(distribution: &Distribution, value: &dyn Fn(f64) -> String) -> String {
    [
        ("p50", &distribution.p50),
        ("p95", &distribution.p95),
        ("p99", &distribution.p99),
    ]
    .map(|(name, range)| format!("{name}={}", range.shown(distribution.last_limit, value)))
    .join(", ")
}

/// A depth: whole where it is whole.
fn short(value: f64) -> String {
    if value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

fn one_line(profile: &Profile) -> String {
    format!(
        "{} IOPS, {} MB/s, read/write {}",
        known(profile.iops.total, rate),
        known(profile.throughput_mbps.total, |total| rate(total.est)),
        ratio(profile)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Code;

    fn on(disk: Option<&str>, message: &str) -> Finding {
        Finding {
            severity: Severity::Info,
            code: Code::OtherCommands,
            message: message.to_owned(),
            sequence: Some(1),
            disk: disk.map(|disk| DiskKey(disk.to_owned())),
            occurrences: 2,
        }
    }

    #[test]
    fn what_is_the_same_on_many_disks_is_said_once() {
        let names: Vec<String> = (0..20).map(|number| format!("scsi0:{number}")).collect();
        let mut findings: Vec<Finding> = names
            .iter()
            .flat_map(|name| [on(Some(name), "a"), on(Some(name), "b")])
            .collect();
        findings.extend([
            on(Some("scsi0:10"), "c"),
            on(Some("scsi0:9"), "c"),
            on(Some("scsi0:3"), "d"),
            on(None, "d"),
        ]);
        findings.push(on(None, "d"));
        assert_eq!(
            data_quality(&findings, 20),
            "\nData quality:\n  \
             note: on all 20 disks: a (2 times, first in snapshot 1)\n  \
             note: on all 20 disks: b (2 times, first in snapshot 1)\n  \
             note: on 2 of 20 disks (scsi0:9, scsi0:10): c (2 times, first in snapshot 1)\n  \
             note: scsi0:3: d (2 times, first in snapshot 1)\n  \
             note: d (2 times, first in snapshot 1)\n  \
             note: d (2 times, first in snapshot 1)\n"
        );
    }
}

//! Bytes and seconds of reports, beside what people make of the same job in a notebook:
//! `cargo bench -p vscsi-helper --bench report [-- DIRECTORY]`.
//!
//! Measured is the page of an analysed job. The programs beside it get the same histograms as JSON and draw the same 18
//! surfaces with heat maps and the IOPS over time: plotly as one page that works offline, matplotlib as pictures at 100 dots
//! per inch within a page, as an exported notebook holds them. Their time counts from their first line to the file, imports
//! included. They run when the interpreter in `VSCSI_BENCH_PYTHON`, or `python3`, has them.

#![expect(clippy::print_stdout, reason = "the result of a benchmark is what it prints")]
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot make its data has nothing to say"
)]
#[path = "../tests/suite/support/chart_job.rs"]
mod chart_job;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use chart_job::{Directions, job};
use jiff::Timestamp;
use serde_json::{Value, json};
use vscsi_helper::analysis::load::Loaded;
use vscsi_helper::analysis::{Analysis, Options, Series, analyze};
use vscsi_helper::fio::FioOptions;
use vscsi_helper::report::Report;
use vscsi_shared::histogram::{HistogramKind, Metric, Operation};

/// Samples and disks of a job, the bytes and the seconds that its report may have.
const REPORTS: [(&str, usize, usize, f64, f64); 5] = [
    ("one", 1, 1, 4e5, 0.5),
    ("standard", 30, 1, 4e5, 0.5),
    ("wide", 30, 20, 9e5, 5.0),
    ("deep", 360, 4, 9e5, 5.0),
    ("long", 10_000, 4, 5e6, 5.0),
];

fn main() -> Result<(), Box<dyn Error>> {
    let named = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let scratch = tempfile::tempdir()?;
    let folder = named.map_or_else(|| scratch.path().to_owned(), PathBuf::from);
    fs::create_dir_all(&folder)?;
    for (name, samples, disks, most_bytes, most_seconds) in REPORTS {
        let analysis = analysed(job(samples, disks, Directions::Both), samples)?;
        let begin = Instant::now();
        let page = Report::of(&analysis, &FioOptions::default())?.to_html();
        let seconds = begin.elapsed().as_secs_f64();
        fs::write(folder.join(format!("{name}.html")), &page)?;
        println!(
            "{name:<10} {samples:>6} samples x {disks} disks  {seconds:7.3} s (goal {most_seconds} s)  {:>9} bytes (goal {most_bytes:.0})",
            page.len()
        );
        if name == "standard" {
            beside(&folder, &analysis.series)?;
        }
    }
    Ok(())
}

fn analysed(series: Series, samples: usize) -> Result<Analysis, Box<dyn Error>> {
    let description = json!({
        "format_version": "1.0", "job_id": "sql-peak",
        "created_at": "2025-11-06T08:30:22Z", "updated_at": "2025-11-06T08:30:22Z", "status": "completed",
        "host": {"hostname": "esxi-host01.example.com"},
        "target": {"vm_name": "SQL-Server-01", "world_group_id": "12345", "disks": []},
        "profile": {"name": "benchmark", "samples": samples, "interval_seconds": 60},
        "collection": {"samples_collected": samples, "samples_expected": samples},
        "cleanup": {"vscsiStats_stopped": true}
    });
    let loaded = Loaded {
        last_sequence: u32::try_from(samples).ok(),
        series,
        findings: Vec::new(),
    };
    Ok(analyze(
        serde_json::from_value(description)?,
        loaded,
        &Options::default(),
        Timestamp::UNIX_EPOCH,
    )?)
}

/// What the programs of others need, and what they make of it.
fn beside(folder: &Path, series: &Series) -> Result<(), Box<dyn Error>> {
    let data = folder.join("standard.json");
    fs::write(&data, histograms(series).to_string())?;
    let python = std::env::var_os("VSCSI_BENCH_PYTHON").unwrap_or_else(|| "python3".into());
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/report_baseline.py");
    for library in ["plotly", "matplotlib"] {
        let has_it = Command::new(&python)
            .args(["-c", &format!("import {library}")])
            .output();
        if !has_it.is_ok_and(|output| output.status.success()) {
            println!("{library:<10} not measured: no interpreter that has it was found");
            continue;
        }
        let page = folder.join(format!("{library}.html"));
        let output = Command::new(&python)
            .arg(&program)
            .args([library.as_ref(), data.as_os_str(), page.as_os_str()])
            .output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
        }
        let seconds: f64 = String::from_utf8(output.stdout)?.trim().parse()?;
        println!(
            "{library:<10} {:>6} samples           {seconds:7.3} s                {:>9} bytes",
            series.samples.len(),
            fs::metadata(&page)?.len()
        );
    }
    Ok(())
}

/// For each metric and operation the counts per bucket of each sample, with the bucket limits; and the IOPS.
fn histograms(series: &Series) -> Value {
    let mut surfaces: BTreeMap<String, Value> = BTreeMap::new();
    for metric in [
        Metric::IoLength,
        Metric::Latency,
        Metric::SeekDistance,
        Metric::OutstandingIos,
        Metric::Interarrival,
    ] {
        for operation in [Operation::All, Operation::Read, Operation::Write] {
            let Some(kind) = HistogramKind::new(metric, operation) else {
                continue;
            };
            let merged: Vec<_> = series
                .samples
                .iter()
                .filter_map(|sample| {
                    let mut of_disks = sample.disks.iter().filter_map(|disk| disk.histograms.get(kind));
                    let mut merged = of_disks.next()?.clone();
                    for further in of_disks {
                        merged.merge(further).unwrap();
                    }
                    Some(merged)
                })
                .collect();
            let Some(first) = merged.first() else { continue };
            let counts: Vec<&[u64]> = merged.iter().map(|interval| interval.counts.as_slice()).collect();
            surfaces.insert(
                format!("{metric} of {operation}"),
                json!({"limits": first.limits.as_slice(), "counts": counts}),
            );
        }
    }
    let iops: Vec<f64> = series
        .samples
        .iter()
        .map(vscsi_helper::analysis::Sample::iops)
        .collect();
    json!({"surfaces": surfaces, "iops": iops})
}

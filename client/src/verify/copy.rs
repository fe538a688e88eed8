//! The job file with fio's own logs switched on.

use std::fmt::Write as _;

use super::observe::Means;
use crate::fio::begins_job;

/// Options that a verification sets itself.
const OWN_OPTIONS: [&str; 14] = [
    "write_bw_log",
    "write_lat_log",
    "write_iops_log",
    "write_hist_log",
    "write_iolog",
    "log_avg_msec",
    "log_offset",
    "log_issue_time",
    "log_max_value",
    "log_window_value",
    "log_unix_epoch",
    "log_alternate_epoch",
    "log_compression",
    "per_job_logs",
];

/// The text with logs for every section and, where one is given, another length of the run.
pub(super) fn observed(text: &str, means: Means, duration: Option<u32>, time_scale: Option<u32>) -> String {
    let mut out = String::new();
    let mut sections = 0;
    for line in text.lines() {
        let trimmed = line.trim();
        let option = trimmed.split('=').next().unwrap_or_default().trim();
        let is_replaced = OWN_OPTIONS.contains(&option) || (option == "runtime" && duration.is_some());
        if is_replaced || trimmed.starts_with(['#', ';']) {
            continue;
        }
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{line}");
        if begins_job(trimmed) {
            let _ = write!(out, "{}", means.options(sections));
            if let Some(seconds) = duration {
                let _ = writeln!(out, "runtime={seconds}");
            }
            if let Some(percent) = time_scale {
                let _ = writeln!(out, "replay_time_scale={percent}");
            }
            sections += 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_set_for_every_section_and_averaging_is_dropped() {
        let copied = observed(
            "[global]\nlog_avg_msec=1000\nruntime=300\n[a]\nrw=read\n[b]\n",
            Means::IssueTime,
            Some(5),
            None,
        );
        let expected = "[global]\n[a]\nwrite_lat_log=section-0\nlog_offset=1\nlog_issue_time=1\nruntime=5\nrw=read\n\
                        [b]\nwrite_lat_log=section-1\nlog_offset=1\nlog_issue_time=1\nruntime=5\n";
        assert_eq!(copied, expected);
    }
}

//! How long a run takes.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::fio::{Section, UnreadableJobFile};

/// What a run is told beside the file's own lengths.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Seconds to run each section instead of its own.
    pub duration: Option<u32>,
    /// Speed of replay logs, percent.
    pub time_scale: Option<u32>,
}

/// One phase of a run: sections that start together.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PhaseTime {
    /// Numbers of its sections.
    pub sections: Range<usize>,
    /// Seconds it takes in this run.
    pub seconds: f64,
    /// Seconds that the file gives it.
    pub own_seconds: f64,
}

/// The phases of a file: a section that waits for those before it begins one. Each takes as long as its longest
/// section.
///
/// A section of jobs takes its `runtime`, one that replays a log takes the log's length, which `log_seconds` has by
/// name.
pub(super) fn schedule(
    sections: &[Section],
    log_seconds: &BTreeMap<String, f64>,
    pace: Pace,
) -> Result<Vec<PhaseTime>, UnreadableJobFile> {
    let mut phases: Vec<PhaseTime> = Vec::new();
    for (index, section) in sections.iter().enumerate() {
        let log = section.text("read_iolog").and_then(|name| log_seconds.get(name));
        let (own_seconds, seconds) = if let Some(&own) = log {
            let scaled = own * 100.0 / f64::from(pace.time_scale.unwrap_or(100).max(1));
            (own, pace.duration.map_or(scaled, |most| scaled.min(f64::from(most))))
        } else {
            let own = section.number("runtime")?.unwrap_or(0) as f64;
            (own, pace.duration.map_or(own, f64::from))
        };
        match phases.last_mut() {
            Some(phase) if section.text("stonewall").is_none() => {
                phase.sections.end = index + 1;
                phase.seconds = phase.seconds.max(seconds);
                phase.own_seconds = phase.own_seconds.max(own_seconds);
            }
            _ => phases.push(PhaseTime {
                sections: index..index + 1,
                seconds,
                own_seconds,
            }),
        }
    }
    Ok(phases)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fio::sections;

    fn seconds(text: &str, logs: &[(&str, f64)], pace: Pace) -> Vec<(f64, f64)> {
        let logs = logs.iter().map(|&(name, seconds)| (name.to_owned(), seconds)).collect();
        let phases = schedule(&sections(text).unwrap(), &logs, pace).unwrap();
        phases.iter().map(|phase| (phase.seconds, phase.own_seconds)).collect()
    }

    const OWN: Pace = Pace {
        duration: None,
        time_scale: None,
    };

    #[test]
    fn phases_follow_each_other_and_each_takes_the_time_of_its_longest_section() {
        let text = "[global]\nruntime=30\n[a]\n[b]\n[global]\nruntime=270\n[c]\nstonewall\n[d]\nruntime=300\n";
        assert_eq!(seconds(text, &[], OWN), [(30.0, 30.0), (300.0, 300.0)]);
        let short = Pace {
            duration: Some(60),
            ..OWN
        };
        assert_eq!(seconds(text, &[], short), [(60.0, 30.0), (60.0, 300.0)]);
    }

    #[test]
    fn a_replay_takes_the_length_of_its_log_at_its_speed_and_no_longer_than_asked_for() {
        let text = "[a]\nread_iolog=a.iolog\n[b]\nread_iolog=b.iolog\n";
        let logs = [("a.iolog", 10.0), ("b.iolog", 40.0)];
        assert_eq!(seconds(text, &logs, OWN), [(40.0, 40.0)]);
        let fast = Pace {
            time_scale: Some(200),
            ..OWN
        };
        assert_eq!(seconds(text, &logs, fast), [(20.0, 40.0)]);
        let short = Pace {
            duration: Some(5),
            ..OWN
        };
        assert_eq!(seconds(text, &logs, short), [(5.0, 40.0)]);
    }
}

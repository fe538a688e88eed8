//! What to do about rates that were missed for a known reason.

use super::schedule::PhaseTime;
use super::{Request, Storage};
use crate::fidelity::{RateRow, Verdict};
use crate::fio::{PhaseFidelity, Style};
use crate::number::rate;

/// Speeds that `--time-scale` takes, percent.
const SPEEDS: std::ops::RangeInclusive<f64> = 100.0..=200.0;

/// Storage whose mean latency is so many times that measured may be what makes a replay late.
const SLOWER_STORAGE: f64 = 2.0;

/// What to do about a run whose rates missed their gates.
#[derive(Debug, Default)]
pub(super) struct Advice {
    /// Empty when none missed its gate, or when the reason is not known.
    pub texts: Vec<String>,
    /// Everything that was missed was missed in a run too short to judge it.
    pub too_short: bool,
}

/// Advice for a run whose rates missed their gates. Storage that did not keep up is the reason, whatever the length of the
/// run, and no speed of the replay changes it.
pub(super) fn advice(request: &Request, phases: &[PhaseFidelity], times: &[PhaseTime], storage: &[Storage]) -> Advice {
    if storage.iter().any(|storage| storage.behind.is_some()) {
        return Advice::default();
    }
    let missed = || {
        let rows = phases.iter().flat_map(|phase| &phase.fidelity.rates);
        rows.filter(|row| row.verdict == Verdict::Missed && row.unit != "share")
    };
    let faster = match request.target.style {
        Style::Iolog => slowest(missed()).and_then(|ratio| {
            match storage.iter().filter_map(Storage::slowdown).max_by(f64::total_cmp) {
                Some(slowdown) if slowdown >= SLOWER_STORAGE => Some(slower(ratio, slowdown)),
                _ => faster(ratio, request.time_scale.unwrap_or(100)),
            }
        }),
        Style::Jobs => None,
    };
    if faster.is_some() || request.duration.is_none() {
        return Advice {
            texts: faster.into_iter().collect(),
            too_short: false,
        };
    }
    let not_kept = phases.iter().zip(times).filter(|(phase, _)| !phase.fidelity.passed);
    let short: Vec<Option<String>> = not_kept
        .map(|(phase, time)| too_short(phase.phase.as_deref(), time))
        .collect();
    Advice {
        too_short: !short.is_empty() && short.iter().all(Option::is_some),
        texts: short.into_iter().flatten().take(1).collect(),
    }
}

/// A run of less than half of a file, or of a phase of it, says little about what the whole of it does.
fn too_short(phase: Option<&str>, time: &PhaseTime) -> Option<String> {
    let (ran, full) = (time.seconds, time.own_seconds);
    let whose = phase.map_or_else(|| "the file's".to_owned(), |name| format!("phase {name}'s"));
    (ran * 2.0 < full).then(|| {
        format!(
            "Too short to judge: the run took {ran:.0} s of {whose} {full:.0} s, and fewer commands scatter more. Run \
             `verify` without `--duration` before you judge what was missed."
        )
    })
}

/// The largest of measured over replayed IOPS.
fn slowest<'a>(missed: impl Iterator<Item = &'a RateRow>) -> Option<f64> {
    let slow = missed.filter(|row| row.unit == "1/s" && row.replayed > 0.0 && row.replayed < row.measured);
    slow.map(|row| row.measured / row.replayed).reduce(f64::max)
}

/// The speed at which the log's pauses leave room for what was lost, when there is one.
///
/// A run takes the log's length over its speed, and a delay for each command that does not depend on the speed.
fn faster(ratio: f64, time_scale: u32) -> Option<String> {
    let speed = f64::from(time_scale) / 100.0;
    let delay = ratio - 1.0 / speed;
    let needed = 100.0 / (1.0 - delay);
    SPEEDS.contains(&needed).then(|| {
        format!(
            "fio replays a log in order and does not catch up after a late command, so this run was {:.1} % too long; what \
             it issued is the log's. `--time-scale {needed:.0}` makes up for it, if the storage is as fast as the measured one.",
            (ratio - 1.0) * 100.0
        )
    })
}

/// What is said of a replay that took longer on storage that is slower than the measured one.
fn slower(ratio: f64, slowdown: f64) -> String {
    format!(
        "This run was {:.1} % too long, and its commands took up to {} times as long as those measured: part of what it lost \
         is the storage's, so no `--time-scale` makes up for it.",
        (ratio - 1.0) * 100.0,
        rate(slowdown)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_that_took_five_percent_longer_is_to_be_sped_up_by_as_much() {
        // 10 s became 10.5 s: half a second of delays leaves 9.5 s for the log's 10 s, a speed of 105.26 %.
        let advice = faster(1.05, 100).unwrap();
        assert!(
            advice.contains("5.0 % too long") && advice.contains("--time-scale 105"),
            "{advice}"
        );
    }

    #[test]
    fn a_speed_already_given_is_built_upon() {
        // At 103 % the log takes 9.709 s; 10.15 s means 0.441 s of delays: 10 / (10 - 0.441) = 104.6 %.
        assert!(faster(1.015, 103).unwrap().contains("--time-scale 105"));
    }

    #[test]
    fn a_run_of_less_than_half_of_the_file_is_too_short_to_judge() {
        let time = |seconds, own_seconds| PhaseTime {
            sections: 0..1,
            seconds,
            own_seconds,
        };
        let advice = too_short(None, &time(5.0, 300.0)).unwrap();
        assert!(advice.contains("5 s of the file's 300 s"), "{advice}");
        assert_eq!(too_short(None, &time(150.0, 300.0)), None);
    }

    #[test]
    fn a_phase_is_held_against_its_own_length_and_not_the_files() {
        let time = |own_seconds| PhaseTime {
            sections: 0..1,
            seconds: 60.0,
            own_seconds,
        };
        // Of a file of 300 s.
        assert_eq!(too_short(Some("night"), &time(20.0)), None);
        let advice = too_short(Some("day"), &time(280.0)).unwrap();
        assert!(advice.contains("60 s of phase day's 280 s"), "{advice}");
    }

    #[test]
    fn storage_that_is_far_too_slow_gets_no_speed_to_try() {
        assert_eq!(faster(1.8, 100), None);
        assert_eq!(faster(2.5, 100), None);
    }

    #[test]
    fn a_replay_on_slower_storage_is_told_the_storages_part_and_no_speed() {
        let told = slower(1.299, 198.0);
        assert!(
            told.contains("29.9 % too long") && told.contains("198 times as long"),
            "{told}"
        );
        assert!(told.ends_with("no `--time-scale` makes up for it."), "{told}");
    }
}

//! A second capture in place of a run: what the VM did that ran the file.

use vscsi_shared::histogram::{Metric, Operation};

use super::advice::Advice;
use super::{Storage, Verification, VerifyError};
use crate::analysis::Workload;
use crate::compare::Limit;
use crate::fidelity::{LeftOut, compare, part_name};
use crate::fio::{PhaseFidelity, Style, TargetFile, expectations};
use crate::stream::Observation;

/// Compares what a second capture holds with what a file is to reproduce, and holds it to limits.
///
/// # Errors
/// [`VerifyError::SeveralPhases`], because a capture does not tell where one phase ends, and
/// [`VerifyError::UnusableTarget`] when the file says nothing to compare with.
pub fn against(target: &TargetFile, captured: &Workload, limits: &[Limit]) -> Result<Verification, VerifyError> {
    let phase = match target.phases.as_slice() {
        [phase] => phase,
        [] => return Err(VerifyError::UnusableTarget),
        several => return Err(VerifyError::SeveralPhases { phases: several.len() }),
    };
    let measured = target.asked(phase).ok_or(VerifyError::UnusableTarget)?;
    let (gates, mut left_out) = expectations(&target.replayed(phase));
    if target.style == Style::Iolog
        && target
            .courses
            .iter()
            .any(|course| course.regions.iter().any(|one| !one.is_empty()))
    {
        left_out.extend(mixed_up());
    }
    let replayed = Observation {
        histograms: &captured.histograms,
        seconds: captured.seconds,
    };
    let lengths = captured.histograms.of(Metric::IoLength, Operation::All);
    let phases = vec![PhaseFidelity {
        phase: None,
        fidelity: compare(measured.as_observation(), replayed, &gates, &left_out),
        samples: None,
    }];
    let commands = lengths.map_or(0, |lengths| lengths.count);
    let storage = vec![Storage::of(None, measured.as_observation(), replayed, limits, None)];
    Ok(Verification::new(None, commands, phases, storage, Advice::default()))
}

/// What a capture of one disk does not tell of the disks that were replayed in regions of it.
fn mixed_up() -> impl Iterator<Item = LeftOut> {
    let parts = [
        (Metric::SeekDistance, Operation::All),
        (Metric::SeekDistance, Operation::Read),
        (Metric::SeekDistance, Operation::Write),
        (Metric::SeekDistanceClosest16, Operation::All),
        (Metric::Interarrival, Operation::All),
    ];
    parts.into_iter().map(|(metric, operation)| LeftOut {
        part: part_name(metric, operation),
        reason: "it was measured per disk, and the disks were replayed on one target".to_owned(),
    })
}

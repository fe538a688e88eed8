//! The comment at the head of a generated file: where its numbers come from and how far to trust them.

use std::fmt::Write as _;

use vscsi_shared::histogram::{IntervalSet, Metric, Operation};

use super::job::{Phase, is_whole};
use super::options::Style;
use super::replay::LogFacts;
use super::text::comment;
use crate::analysis::Provenance;
use crate::analysis::profile::{Counts, burst_index};
use crate::fidelity::Fidelity;
use crate::number::{counted, size};

/// How every generated file begins.
pub(super) const FIRST_WORDS: &str = "# Generated from vscsiStats data by vscsi-helper";
/// Above this burst index constant-rate jobs lose the bursts that matter.
const BURSTY: f64 = 3.0;

/// The comment lines of the header, each beginning with `#`. A phase says itself what it is made from.
pub(crate) fn header(provenance: &Provenance, phases: &[Phase], needs: &str) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = try_header(&mut out, provenance, phases, needs);
    out
}

fn try_header(out: &mut String, provenance: &Provenance, phases: &[Phase], needs: &str) -> std::fmt::Result {
    writeln!(out, "{FIRST_WORDS} {}", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "# Job: {}", comment(&provenance.job))?;
    for line in provenance.note.iter().flat_map(|note| note.lines()) {
        writeln!(out, "# Note: {}", comment(line))?;
    }
    writeln!(out, "# Analyzed: {}", provenance.analyzed_at)?;
    if is_whole(phases) {
        writeln!(
            out,
            "# Filter: {}, {}/{} samples",
            comment(&provenance.filter),
            provenance.samples_kept,
            provenance.samples_total
        )?;
        writeln!(
            out,
            "# I/O kept by the filter: {:.1}%",
            provenance.io_share_kept * 100.0
        )?;
    } else {
        for phase in phases {
            let own = &phase.workload.provenance;
            writeln!(
                out,
                "# Phase {}: {}/{} samples, {:.1}% of the I/O{}",
                comment(phase.name),
                own.samples_kept,
                own.samples_total,
                own.io_share_kept * 100.0,
                if phase.is_replayable() {
                    ""
                } else {
                    "; there is nothing to replay in it"
                }
            )?;
        }
    }
    writeln!(
        out,
        "# Source: VM {} on {}",
        comment(&provenance.vm_name),
        comment(&provenance.host)
    )?;
    if let Some((from, to)) = provenance.period {
        writeln!(out, "# Period: {from} to {to}")?;
    }
    writeln!(out, "# Method version: {}", provenance.method_version)?;
    writeln!(out, "# Needs: {needs}")?;
    for phase in phases {
        for commands in not_replayed(&phase.workload.histograms) {
            writeln!(out, "# Not replayed{}: {commands}", of_phase(phase))?;
        }
    }
    Ok(())
}

fn of_phase(phase: &Phase) -> String {
    match phase.name {
        "" => String::new(),
        name => format!(" of phase {}", comment(name)),
    }
}

/// The static fidelity as comment lines.
pub(crate) fn fidelity_comment(title: &str, fidelity: &Fidelity) -> String {
    let mut out = format!("#\n# {title}: {}\n", fidelity.summary());
    for line in fidelity.to_string().lines() {
        let _ = writeln!(out, "#   {line}");
    }
    out
}

/// A warning when jobs of this style do not keep their gates even on paper.
pub(crate) fn cannot_comment(passed: bool) -> &'static str {
    if passed {
        ""
    } else {
        "# WARNING: fio's options cannot express this workload within the gates of this style (see the verdicts above).\n\
         # Do not take results of this file for those of the workload; --style iolog issues its commands one by one.\n"
    }
}

/// A warning when the commands come in bursts that jobs do not reproduce: those with constant rates lose them, those
/// with pauses keep about as many and lose their inside.
pub(crate) fn burst_comment(phase: &Phase, has_pauses: bool) -> Option<String> {
    let index = burst_index(phase.workload)?.est;
    let of_phase = of_phase(phase);
    let consequence = if has_pauses {
        "These jobs issue bursts of one length with times of their own inside; --style iolog keeps those measured."
    } else {
        "These jobs issue at constant rates and lose the bursts; --style iolog keeps them."
    };
    (index > BURSTY).then(|| {
        format!(
            "# WARNING: the measured commands{of_phase} come in bursts (burst index {index:.0}, independent arrivals give\n\
             # about 1). {consequence}\n"
        )
    })
}

/// The commands of a phase that its file leaves out: those without a direction, and those of unknown size.
fn not_replayed(histograms: &IntervalSet) -> Vec<String> {
    let counts = Counts::of(histograms);
    let mut lines = Vec::new();
    if let Some(others @ 1..) = counts.other() {
        lines.push(format!("{others} commands that neither read nor write"));
    }
    for (operation, name) in [(Operation::Read, "reads"), (Operation::Write, "writes")] {
        let number = match counts.of_operation(operation) {
            Some(0) => continue,
            Some(number) => format!("{number} {name}"),
            None => format!("the {name}"),
        };
        if histograms.of(Metric::IoLength, operation).is_none() {
            lines.push(format!("{number}, whose block sizes are not in the capture"));
        }
    }
    lines
}

/// What the replay logs of a phase follow, and what they do beside what is judged.
pub(crate) fn log_comment(phase: &Phase, facts: &LogFacts) -> String {
    let of_phase = of_phase(phase);
    let mut out = match facts.followed {
        0 => String::new(),
        followed => format!(
            "# The log{of_phase} follows {} in turn, {:.0} s; times without data between them are idle.\n",
            counted(followed, "sample"),
            facts.seconds
        ),
    };
    for line in &facts.lines {
        let _ = writeln!(out, "# Log{of_phase}: {line}");
    }
    out
}

/// What a replay of a trace is.
pub(crate) const FROM_TRACE: &str = "\
# The commands are those of the job's trace, one by one, each at its own time and place. Samples that were left out take no
# time, and --duration does not shorten it.
";

/// What no replay made from these histograms can bring back.
pub(crate) const NOT_REPRODUCED: &str = "\
# Not reproduced, because vscsiStats does not record it: which blocks are used again (locality beyond the last 16
# commands), the size of the working set, and how the load changed inside a sample or, without --timeline, between samples.
";

/// How to name the target, and what happens without it.
pub(crate) fn target_comment(variables: &[TargetVariable], style: Style) -> String {
    let mut out = String::from("#\n# The target is not named here. Run it with\n#   ");
    for target in variables {
        let _ = write!(out, "{}=PATH ", target.variable);
    }
    out.push_str(
        "fio THIS-FILE\n# and fio stops before it touches anything when that is not set. Writes DESTROY what the target holds.\n\
         # PATH has to be there: fio makes no file for it (allow_file_create=0), because a wrong name would become one.\n",
    );
    out.push_str(match style {
        Style::Jobs => {
            "# In PATH, fio takes a colon for the end of a name. Write \\: for one, in quotes, or the path that a link such as\n\
             # /dev/disk/by-path/... leads to: FILENAME='/dev/disk/by-path/pci-0000\\:00\\:1f.2-ata-1' is one device.\n"
        }
        Style::Iolog => "# A colon in PATH is one: a replay takes it as it is, and a \\ before it would be part of the name.\n",
    });
    for target in variables {
        let disk = if target.disk.is_empty() {
            String::new()
        } else {
            format!("disk {}, ", comment(&target.disk))
        };
        let _ = writeln!(
            out,
            "# {}: {disk}a device or file of at least {}",
            target.variable,
            size(target.span)
        );
    }
    out
}

/// A target, as the head of the file names it.
pub(crate) struct TargetVariable {
    /// Environment variable that names it.
    pub variable: String,
    /// The disk it stands for; empty for all of them.
    pub disk: String,
    /// How large it must be, bytes.
    pub span: u64,
}

//! Each job in short: verdict, profile, data quality, and where its numbers come from.

use maud::{Markup, html};

use super::{Many, anchor};
use crate::analysis::Analysis;
use crate::report::following::Choice;
use crate::report::verdict::{how_sure, subject, what};
use crate::report::{Replay, page, parts, profile};

/// The jobs in the order of the table.
pub(super) fn section(many: &Many<'_>) -> Markup {
    html! {
        @for (place, job) in many.jobs.iter().enumerate() { article id=(anchor(place)) { (short(job)) } }
    }
}

fn short(job: &Analysis) -> Markup {
    let replay = Replay::Elsewhere;
    let choice = Choice::own(job, &replay);
    html! {
        h3 { (subject(job)) }
        p.subject { (page::origin(job)) " · " a href="#jobs" { "to the table" } }
        @if let Some(note) = &job.workload.provenance.note { p.user-note { (note) } }
        p { (what(&choice)) }
        p.note { (how_sure(&choice)) }
        (profile::table(&job.profile))
        details { summary { "Data quality" } (parts::findings(job)) }
        details { summary { "Provenance" } (parts::provenance(&choice)) }
    }
}

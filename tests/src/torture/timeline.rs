//! From the calls of a host to the stretches in which each disk was collected.

use std::collections::BTreeMap;

use vscsi_fixtures::Call;

use super::evidence::{DiskKey, Evidence, NEVER};

/// Whose a collection is: of whoever switched it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// The agent's.
    Ours,
    /// Somebody else's.
    Foreign,
}

/// What ended a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// `vscsiStats`, whoever called it.
    Stopped,
    /// Somebody else, or the host: a disk that is gone is not collected.
    Host,
    /// Its own half hour.
    Itself,
    /// Nothing.
    None,
}

/// One disk from on to off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stretch {
    /// The disk.
    pub disk: DiskKey,
    /// Who switched it on.
    pub owner: Owner,
    /// When it went on.
    pub from_ms: u64,
    /// When it went off; [`NEVER`] when it is on at the end.
    pub to_ms: u64,
    /// By what.
    pub end: End,
}

/// A collection that is on: which stretch it is, and when it ends by itself (virtual microseconds).
type Running = BTreeMap<DiskKey, (usize, u64)>;

/// Every stretch of collection, in the order in which they began.
pub(super) fn stretches(evidence: &Evidence) -> Vec<Stretch> {
    let mut found: Vec<Stretch> = Vec::new();
    let mut running = Running::new();
    let mut before = (0, 0);
    for call in &evidence.calls {
        let now = (call.real_monotonic_ms, call.clock_us);
        end_by_themselves(&mut found, &mut running, before, now, evidence.time_scale);
        if call.collecting.is_some() {
            take_in(&mut found, &mut running, call);
        }
        before = now;
    }
    end_by_themselves(&mut found, &mut running, before, evidence.end, evidence.time_scale);
    found
}

fn end_by_themselves(
    found: &mut [Stretch],
    running: &mut Running,
    (before_ms, before_us): (u64, u64),
    (now_ms, now_us): (u64, u64),
    time_scale: f64,
) {
    running.retain(|_, (stretch, stops_at_us)| {
        if *stops_at_us > now_us {
            return true;
        }
        // A host that was suspended may have come there sooner than its clock did.
        let passed_ms = stops_at_us.saturating_sub(before_us) as f64 / 1000.0 / time_scale;
        let at_ms = (before_ms as f64 + passed_ms).min(now_ms as f64);
        if let Some(stretch) = found.get_mut(*stretch) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between two moments that are u64"
            )]
            let at_ms = at_ms as u64;
            stretch.to_ms = at_ms.max(stretch.from_ms);
            stretch.end = End::Itself;
        }
        false
    });
}

fn take_in(found: &mut Vec<Stretch>, running: &mut Running, call: &Call) {
    let by_program = call.program == "vscsiStats";
    let on: BTreeMap<DiskKey, u64> = call
        .collecting
        .iter()
        .flatten()
        .map(|disk| ((disk.world_group_id, disk.handle_id), disk.stops_at_us))
        .collect();
    running.retain(|disk, (stretch, _)| {
        let stays = on.contains_key(disk);
        if let (false, Some(stretch)) = (stays, found.get_mut(*stretch)) {
            stretch.to_ms = call.real_monotonic_ms;
            stretch.end = if by_program { End::Stopped } else { End::Host };
        }
        stays
    });
    for (disk, stops_at_us) in on {
        let entry = running.entry(disk).or_insert_with(|| {
            found.push(Stretch {
                disk,
                owner: if by_program { Owner::Ours } else { Owner::Foreign },
                from_ms: call.real_monotonic_ms,
                to_ms: NEVER,
                end: End::None,
            });
            (found.len() - 1, stops_at_us)
        });
        entry.1 = stops_at_us;
    }
}

/// Whether a call is `vscsiStats` with this option for this disk.
pub(super) fn is_about(call: &Call, option: &str, disk: DiskKey) -> bool {
    let value = |option: &str| {
        let position = call.arguments.iter().position(|word| word == option)?;
        call.arguments.get(position + 1)?.parse::<u64>().ok()
    };
    call.program == "vscsiStats"
        && call.arguments.iter().any(|word| word == option)
        && value("-w") == Some(disk.0)
        && value("-i").is_none_or(|handle| handle == disk.1)
}

#[cfg(test)]
pub(super) mod tests {
    use vscsi_fixtures::RunningCollection;

    use super::*;

    /// A call at a moment, after which these handles of world group 7 are collected for half an hour.
    pub(in super::super) fn call(at_ms: u64, words: &str, on: Option<&[u64]>) -> Call {
        let foreign = words.starts_with("foreign") || words.starts_with("vm ");
        Call {
            number: at_ms,
            real_unix_ms: at_ms,
            real_monotonic_ms: at_ms,
            clock_us: at_ms * 1000,
            uptime_us: at_ms * 1000,
            program: if foreign { "esxi-sim" } else { "vscsiStats" }.to_owned(),
            arguments: words.split(' ').map(str::to_owned).collect(),
            exit_code: Some(0),
            fault: None,
            output: None,
            printed: Vec::new(),
            collecting: on.map(|on| {
                let running = on.iter().map(|handle_id| RunningCollection {
                    world_group_id: 7,
                    handle_id: *handle_id,
                    stops_at_us: (at_ms + 1_800_000) * 1000,
                });
                running.collect()
            }),
        }
    }

    fn of(calls: Vec<Call>, end_ms: u64) -> Vec<(u64, Owner, u64, u64, End)> {
        let evidence = Evidence {
            calls,
            end: (end_ms, end_ms * 1000),
            time_scale: 1.0,
            ..Evidence::default()
        };
        stretches(&evidence)
            .into_iter()
            .map(|stretch| {
                (
                    stretch.disk.1,
                    stretch.owner,
                    stretch.from_ms,
                    stretch.to_ms,
                    stretch.end,
                )
            })
            .collect()
    }

    #[test]
    fn a_collection_is_of_whoever_switches_it_on_and_ends_by_whatever_ends_it() {
        let calls = vec![
            call(100, "foreign-start", Some(&[1])),
            call(200, "-s -w 7 -i 2", Some(&[1, 2])),
            call(250, "-s -w 7 -i 3", Some(&[1, 2, 3])),
            call(300, "-x -w 7 -i 2", Some(&[1, 3])),
            call(400, "vm power-off db", Some(&[1])),
        ];
        let expected = [
            (1, Owner::Foreign, 100, NEVER, End::None),
            (2, Owner::Ours, 200, 300, End::Stopped),
            (3, Owner::Ours, 250, 400, End::Host),
        ];
        assert_eq!(of(calls, 500), expected);
    }

    #[test]
    fn a_collection_ends_by_itself_half_an_hour_after_the_last_start() {
        let minute = 60_000;
        let calls = vec![
            call(0, "-s -w 7 -i 2", Some(&[2])),
            call(20 * minute, "-s -w 7 -i 2", Some(&[2])),
            call(45 * minute, "-l", None),
        ];
        let expected = [(2, Owner::Ours, 0, 50 * minute, End::Itself)];
        assert_eq!(of(calls, 60 * minute), expected);
    }

    #[test]
    fn a_call_is_about_its_disk_or_all_disks_of_its_vm() {
        let stop = call(1, "-x -w 7 -i 2", None);
        assert!(is_about(&stop, "-x", (7, 2)));
        assert!(!is_about(&stop, "-s", (7, 2)) && !is_about(&stop, "-x", (7, 3)) && !is_about(&stop, "-x", (8, 2)));
        assert!(is_about(&call(1, "-x -w 7", None), "-x", (7, 9)));
    }
}

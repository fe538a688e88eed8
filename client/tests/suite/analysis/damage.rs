//! Captures that were damaged at one place: whatever the damage, it is noticed, or nothing can show it.

mod facts;

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::analysis::import::{Place, counted, now};
use crate::support::raw_job::{UPTIME_US, print};
use vscsi_fixtures::{Direction, DiskLabel, HistogramType, IoEvent};
use vscsi_helper::analysis::{Analysis, Options, Severity};
use vscsi_helper::import::{Imported, Warning};
use vscsi_helper::samples::analyze_job;

/// How many captures are damaged, unless `VSCSI_DAMAGED_CAPTURES` says another number, and what they are made from.
const CAPTURES: u64 = 200;
const SEED: u64 = 15;

/// What happened to a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Damage {
    /// A line is gone.
    Dropped,
    /// A digit is another one.
    Digit,
    /// The rest is gone.
    Cut,
    /// Two lines stand in each other's place.
    Swapped,
    /// A line stands there twice.
    Doubled,
    /// A bit is another one.
    Bit,
}

const DAMAGES: [Damage; 6] = [
    Damage::Dropped,
    Damage::Digit,
    Damage::Cut,
    Damage::Swapped,
    Damage::Doubled,
    Damage::Bit,
];

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Refused,
    Partial,
    Warned,
    SilentlyEqual,
    SilentlyDifferent,
}

/// Where a capture was damaged.
struct Spot {
    /// The title of the histogram.
    title: String,
    /// The line as it was.
    line: String,
    /// What was done to it, in words.
    what: String,
}

impl Spot {
    fn new(lines: &[&[u8]], index: usize, what: &str) -> Self {
        let shown = |line: &[u8]| String::from_utf8_lossy(line).trim_end().to_owned();
        let title = lines[..=index].iter().rfind(|line| line.starts_with(b"Histogram"));
        Self {
            title: title.map_or_else(String::new, |title| shown(title)),
            line: shown(lines[index]),
            what: format!("{what} line {}", index + 1),
        }
    }
}

/// A capture and what it says undamaged.
struct Capture {
    text: Vec<u8>,
    interval: Option<u32>,
    intact: Said,
}

/// The numbers of an import, and how much was noticed.
#[derive(PartialEq)]
struct Said {
    numbers: String,
    noticed: usize,
}

impl Said {
    fn of(jobs: &[Imported], warnings: &[Warning]) -> Self {
        let findings = jobs.iter().flat_map(|job| &job.analysis.findings);
        let findings = findings.filter(|finding| finding.severity != Severity::Info);
        Self {
            numbers: jobs.iter().map(|job| numbers(&job.analysis)).collect(),
            noticed: findings.count() + warnings.len(),
        }
    }
}

fn numbers(analysis: &Analysis) -> String {
    format!("{:?} {:?}", analysis.profile, analysis.disks)
}

/// The published capture, and a loop of a VM that reads and writes in several sizes, as CSV and as text.
fn captures() -> Vec<Capture> {
    let published = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/data/vscsistats/one-disk.csv");
    let mixed: Vec<IoEvent> = (0..4000)
        .map(|index: u64| IoEvent {
            issue_us: UPTIME_US + index * 7000,
            latency_us: 200 + index * 37 % 9000,
            lbn: index * 1237 % 4_000_000,
            bytes: [512, 4096, 8192, 65_536][usize::try_from(index * 5 % 4).unwrap()],
            direction: if index.is_multiple_of(3) {
                Direction::Read
            } else {
                Direction::Write
            },
        })
        .collect();
    let turns = [1000, 2000, 3000, 4000].map(|commands| counted(&mixed[..commands]));
    let label = DiskLabel {
        world_group_id: 12345,
        handle_id: 8194,
        node: "scsi0:0",
    };
    let as_csv: String = turns.iter().map(|turn| print(turn, 0)).collect();
    let as_text: String = turns
        .iter()
        .map(|turn| turn.print_text(label, HistogramType::All))
        .collect();
    let captures = [
        (fs::read_to_string(published).unwrap(), None),
        (as_csv, Some(7)),
        (as_text, Some(7)),
    ];
    captures
        .into_iter()
        .map(|(text, interval)| {
            assert!(facts::hold(&text), "what is always true is not true of the capture");
            let place = Place::new();
            let (jobs, warnings) = place.import(&[place.file("capture.csv", &text)], interval).unwrap();
            let intact = Said::of(&jobs, &warnings);
            let text = text.into_bytes();
            Capture { text, interval, intact }
        })
        .collect()
}

/// The capture with the damage, and where it is.
fn damaged(text: &[u8], damage: Damage, random: &mut ChaCha8Rng) -> (Vec<u8>, Spot) {
    let mut lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let (line, other) = (random.random_range(0..lines.len()), random.random_range(0..lines.len()));
    let byte = match damage {
        Damage::Digit => {
            let digits = text.iter().enumerate().filter(|(_, byte)| byte.is_ascii_digit());
            let digits: Vec<usize> = digits.map(|(index, _)| index).collect();
            digits[random.random_range(0..digits.len())]
        }
        _ => random.random_range(0..text.len()),
    };
    let ends = lines.iter().scan(0, |end, line| {
        *end += line.len();
        Some(*end)
    });
    let of_byte = ends.take_while(|end| *end <= byte).count();
    let mut changed = text.to_vec();
    match damage {
        Damage::Dropped | Damage::Doubled | Damage::Swapped => {
            let spot = Spot::new(&lines, line, &format!("{damage:?}"));
            match damage {
                Damage::Dropped => drop(lines.remove(line)),
                Damage::Doubled => lines.insert(line, lines[line]),
                _ => lines.swap(line, other),
            }
            return (lines.concat(), spot);
        }
        Damage::Cut => changed.truncate(byte),
        Damage::Digit => changed[byte] = b'0' + (text[byte] - b'0' + random.random_range(1..10)) % 10,
        Damage::Bit => changed[byte] ^= 1 << random.random_range(0..8),
    }
    let now = changed.get(byte).map_or('-', |byte| char::from(*byte));
    let what = format!("{damage:?} at byte {byte}, `{}` to `{now}`,", char::from(text[byte]));
    (changed, Spot::new(&lines, of_byte, &what))
}

fn outcome(capture: &Capture, text: &[u8]) -> Outcome {
    let place = Place::new();
    let Ok((jobs, warnings)) = place.import(&[place.file("capture.csv", text)], capture.interval) else {
        assert!(place.is_untouched(), "a refused capture leaves something behind");
        return Outcome::Refused;
    };
    for job in &jobs {
        let again = analyze_job(&job.directory, &Options::default(), now()).unwrap();
        assert_eq!(
            again.partial, job.analysis.partial,
            "import and analysis judge differently"
        );
    }
    let said = Said::of(&jobs, &warnings);
    if jobs.iter().any(|job| job.analysis.is_partial()) {
        Outcome::Partial
    } else if said.noticed > capture.intact.noticed {
        Outcome::Warned
    } else if said.numbers == capture.intact.numbers {
        Outcome::SilentlyEqual
    } else {
        Outcome::SilentlyDifferent
    }
}

#[test]
fn damage_is_noticed_or_nothing_can_show_it() {
    let number = std::env::var("VSCSI_DAMAGED_CAPTURES").ok();
    let number = number.map_or(CAPTURES, |number| number.parse().unwrap());
    let captures = captures();
    let mut table: BTreeMap<(Damage, Outcome), u64> = BTreeMap::new();
    let mut unnoticed = Vec::new();
    for index in 0..number {
        let mut random = ChaCha8Rng::seed_from_u64(SEED * 1_000_000 + index);
        let damage = DAMAGES[usize::try_from(index).unwrap() % DAMAGES.len()];
        let capture = &captures[random.random_range(0..captures.len())];
        let (text, spot) = damaged(&capture.text, damage, &mut random);
        let outcome = catch_unwind(AssertUnwindSafe(|| outcome(capture, &text)));
        let outcome = outcome.unwrap_or_else(|_| panic!("capture {index}: {} `{}`", spot.what, spot.line));
        *table.entry((damage, outcome)).or_default() += 1;
        if outcome == Outcome::SilentlyDifferent {
            println!("{index}: {} `{}` of `{}`", spot.what, spot.line, spot.title);
            let leave_open =
                facts::leave_open(&String::from_utf8_lossy(&capture.text), &String::from_utf8_lossy(&text));
            unnoticed.extend((!leave_open).then_some(index));
        }
    }
    for ((damage, outcome), number) in table {
        println!("{damage:?} {outcome:?} {number}");
    }
    assert_eq!(unnoticed, Vec::<u64>::new(), "these change numbers without a word");
}

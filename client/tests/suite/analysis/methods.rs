//! `summary.json` against the table of its keys in `METHODS.md`.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::support::desk::{Desk, capture, only};
use crate::support::raw_job::UPTIME_US;
use vscsi_fixtures::{Direction, IoEvent};

/// A key and everything below it, as the table has them.
#[derive(Debug, Default)]
struct Key {
    /// First words of the column `type`; nothing for a key that only others stand below.
    documented: String,
    below: BTreeMap<String, Key>,
}

/// The words that stand for the keys of another row.
const SHARED: [&str; 3] = ["range", "distribution", "metrics"];

/// The rows `| key | type | meaning |` below the heading `## summary.json`.
fn documented() -> Key {
    let methods = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("METHODS.md")).unwrap();
    let (_, section) = methods.split_once("\n## summary.json\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let mut root = Key::default();
    for row in section.lines().filter(|line| line.starts_with("| `")) {
        let columns: Vec<&str> = row.split('|').map(str::trim).collect();
        for keys in columns[1].split('`').skip(1).step_by(2) {
            for key in alternatives(keys) {
                let mut place = &mut root;
                for step in key.replace("[]", ".[]").split('.') {
                    place = place.below.entry(step.to_owned()).or_default();
                }
                assert_eq!(place.documented, "", "`{key}` stands in the table twice");
                columns[2].clone_into(&mut place.documented);
            }
        }
    }
    root
}

/// `a.{b,c}.d` stands for `a.b.d` and `a.c.d`.
fn alternatives(keys: &str) -> Vec<String> {
    let Some((before, rest)) = keys.split_once('{') else {
        return vec![keys.to_owned()];
    };
    let (inside, after) = rest.split_once('}').unwrap();
    let ends = alternatives(after);
    let each = |one: &str| ends.iter().map(|end| format!("{before}{one}{end}")).collect::<Vec<_>>();
    inside.split(',').flat_map(each).collect()
}

/// What a summary has, compared with what is documented.
struct Comparison<'keys> {
    root: &'keys Key,
    seen: Vec<*const Key>,
}

impl<'keys> Comparison<'keys> {
    /// Compares a value with its row, and what stands in it with the rows below.
    fn compare(&mut self, path: &str, value: &Value, key: &'keys Key) {
        self.seen.push(key);
        let (kind, or_null) = match key.documented.split_once(" or null") {
            Some((kind, _)) => (kind, true),
            None => (key.documented.as_str(), false),
        };
        let fits = match value {
            Value::Null => {
                assert!(or_null, "`{path}` is null, and documented as `{}`", key.documented);
                return;
            }
            Value::Bool(_) => kind == "true or false",
            Value::Number(_) => kind == "number",
            Value::String(_) => kind == "text",
            Value::Array(_) => kind == "list",
            Value::Object(_) => kind == "object" || kind.is_empty() || SHARED.contains(&kind),
        };
        assert!(fits, "`{path}` is {value}, and documented as `{}`", key.documented);
        match value {
            Value::Array(elements) => {
                for element in elements {
                    self.compare(&format!("{path}[]"), element, &key.below["[]"]);
                }
            }
            Value::Object(members) => {
                // The row itself, and the rows that its type stands for.
                let shared = self.root.below.get(kind).filter(|_| SHARED.contains(&kind));
                for (name, member) in members {
                    let path = format!("{path}.{name}");
                    let rows = [Some(key), shared].into_iter().flatten();
                    let row = rows.flat_map(|row| [row.below.get(name), any(row)]).flatten().next();
                    assert!(row.is_some(), "`{path}` is not documented");
                    self.compare(&path, member, row.unwrap());
                }
            }
            _ => {}
        }
    }

    /// The documented keys that no summary had.
    fn unseen(&self, path: &str, key: &Key) -> Vec<String> {
        let mut unseen = Vec::new();
        for (name, below) in &key.below {
            let path = format!("{path}.{name}");
            let is_shared = path.matches('.').count() == 1 && SHARED.contains(&name.as_str());
            if !is_shared && !self.seen.contains(&std::ptr::from_ref(below)) {
                unseen.push(path.clone());
            }
            unseen.extend(self.unseen(&path, below));
        }
        unseen
    }
}

/// The row of keys that differ from job to job: `<name>`.
fn any(row: &Key) -> Option<&Key> {
    let mut rows = row.below.iter();
    rows.find_map(|(name, key)| name.starts_with('<').then_some(key))
}

/// Reads and writes of two sizes on two disks, busy in the middle of 12 s.
fn busy_job() -> Desk {
    let stream = |disk: u64| -> Vec<IoEvent> {
        let second = |second: u64| {
            let number = if (4..8).contains(&second) { 300 } else { 3 };
            (0..number).map(move |index| IoEvent {
                issue_us: UPTIME_US + second * 1_000_000 + 500 + index * 3000,
                latency_us: 5000 + index * 7,
                lbn: (index * 7919 + disk * 13) % 1_000_000,
                bytes: if index % 3 == 0 { 65_536 } else { 8192 },
                direction: if index % 3 == 1 {
                    Direction::Write
                } else {
                    Direction::Read
                },
            })
        };
        (0..12).flat_map(second).collect()
    };
    let moments: Vec<u64> = (0..=12).map(|second| second * 1_000_000).collect();
    Desk::with_job(&[stream(0), stream(1)], &moments)
}

#[test]
fn summary_json_holds_every_key_that_is_documented_and_no_other() {
    let root = documented();
    let mut comparison = Comparison {
        root: &root,
        seen: Vec::new(),
    };
    let idle = Desk::with_job(&[Vec::new()], &[0, 1_000_000]);
    assert_eq!(idle.run(&["note", "raw-stream", "before the move"]).code, Some(0));
    let imported = |print: &str| Desk::with_import(print).run(&["--json", "analyze", "captured"]).json();
    let titles = [
        "IO lengths of commands",
        "distance (in LBNs) between successive",
        "latency of IOs in",
        "number of outstanding IOs",
    ];
    let summaries = [
        busy_job().run(&["--json", "analyze", "raw-stream", "--phases"]).json(),
        busy_job()
            .run(&["--json", "analyze", "raw-stream", "--filter", "none"])
            .json(),
        idle.run(&["--json", "analyze", "raw-stream"]).json(),
        imported(&capture()),
        imported(&only(&capture(), &titles[..1])),
        imported(&only(&capture(), &titles[1..2])),
        imported(&only(&capture(), &titles[2..])),
    ];
    for summary in &summaries {
        comparison.compare("", summary, &root);
    }
    assert_eq!(comparison.unseen("", &root), Vec::<String>::new());
}

#[test]
fn what_analyze_prints_is_what_it_writes() {
    let desk = busy_job();
    let printed = desk.run(&["--json", "analyze", "raw-stream"]).json();
    let written = std::fs::read(desk.job("raw-stream").join("analysis/summary.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), printed);
}

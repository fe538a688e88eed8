//! Every field of an answer, and everything that may stand in its place.

use serde_json::{Value, json};

use super::TERMINAL_COMMANDS;
use super::reply::{Body, Reply};

/// A step from a value to one inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

/// One field of an answer, and what it is replaced by.
#[derive(Debug, Clone)]
pub struct Change {
    /// The file of a bundle whose header is meant; 0 for a JSON answer.
    document: usize,
    steps: Vec<Step>,
    kind: &'static str,
    replacement: Replacement,
}

impl std::fmt::Display for Change {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.document > 0 {
            write!(formatter, "[file {}]", self.document)?;
        }
        for step in &self.steps {
            match step {
                Step::Key(key) => write!(formatter, "/{key}")?,
                Step::Index(index) => write!(formatter, "/{index}")?,
            }
        }
        write!(formatter, " := {}", self.kind)
    }
}

impl Change {
    /// Changes `reply`, when it has that field.
    pub fn apply(&self, reply: &mut Reply) {
        let mut documents = documents(reply);
        let Some(document) = documents.get_mut(self.document) else {
            return;
        };
        let Some((last, before)) = self.steps.split_last() else {
            **document = (self.replacement)(document).unwrap_or(Value::Null);
            return;
        };
        let inside = before.iter().try_fold(&mut **document, |value, step| match step {
            Step::Key(key) => value.get_mut(key),
            Step::Index(index) => value.get_mut(index),
        });
        match (inside, last) {
            (Some(Value::Object(fields)), Step::Key(key)) => {
                let was = fields.get(key).unwrap_or(&Value::Null);
                match (self.replacement)(was) {
                    Some(value) => fields.insert(key.clone(), value),
                    None => fields.remove(key),
                };
            }
            (Some(Value::Array(items)), Step::Index(index)) if *index < items.len() => {
                match (self.replacement)(&items[*index]) {
                    Some(value) => items[*index] = value,
                    None => drop(items.remove(*index)),
                }
            }
            _ => {}
        }
    }
}

/// Every JSON value of an answer: itself, or the header of each file of a bundle.
fn documents(reply: &mut Reply) -> Vec<&mut Value> {
    match &mut reply.body {
        Body::Json(value) => vec![value],
        Body::Bundle(files) => files.iter_mut().map(|(header, _)| header).collect(),
        _ => Vec::new(),
    }
}

/// Everything that may be done to one field of this answer.
pub fn changes_of(reply: &mut Reply) -> Vec<Change> {
    let mut changes = Vec::new();
    for (document, value) in documents(reply).into_iter().enumerate() {
        walk(value, &mut Vec::new(), &mut |steps, value| {
            changes.extend(replacements(value).map(|(kind, replacement)| Change {
                document,
                steps: steps.to_vec(),
                kind,
                replacement: *replacement,
            }));
        });
    }
    changes
}

fn walk(value: &Value, steps: &mut Vec<Step>, visit: &mut impl FnMut(&[Step], &Value)) {
    visit(steps, value);
    let mut inside = |step: Step, value: &Value, steps: &mut Vec<Step>| {
        steps.push(step);
        walk(value, steps, visit);
        steps.pop();
    };
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                inside(Step::Key(key.clone()), value, steps);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                inside(Step::Index(index), value, steps);
            }
        }
        _ => {}
    }
}

/// An absolute path into the home directory that is looked at after each command: clients run in a folder of it.
const OUTSIDE: &str = "/proc/self/cwd/../outside";

/// What a field is replaced by, made when it is needed; nothing leaves the field out.
type Replacement = fn(&Value) -> Option<Value>;

/// What may stand in place of `value`: another one of its type, the longest, the shortest, one of another type, control
/// characters, a path, and the names of what belongs to others.
fn replacements(value: &Value) -> impl Iterator<Item = &'static (&'static str, Replacement)> {
    let of_its_type: &[_] = match value {
        Value::String(_) => &TEXTS,
        Value::Number(_) => &NUMBERS,
        Value::Bool(_) => &SWITCHES,
        Value::Null => &NOTHING,
        Value::Array(_) => &LISTS,
        Value::Object(_) => &OBJECTS,
    };
    ANY.iter().chain(of_its_type)
}

const ANY: [(&str, Replacement); 3] = [
    ("left out", |_| None),
    ("null", |_| Some(Value::Null)),
    ("a deep value", |_| {
        Some((0..300).fold(json!(1), |inside, _| json!([inside])))
    }),
];

const TEXTS: [(&str, Replacement); 21] = [
    ("another text", |_| Some(json!("zzz"))),
    ("a longer text", |text| Some(json!(format!("{0}{0}-2", plain(text))))),
    ("the longest text", |_| Some(json!("x".repeat(900_000)))),
    ("the shortest text", |_| Some(json!(""))),
    ("a number", |_| Some(json!(7))),
    ("a list", |text| Some(json!([text]))),
    ("commands for a terminal", |_| Some(json!(TERMINAL_COMMANDS))),
    ("its text and commands for a terminal", |text| {
        Some(json!(format!("{}{TERMINAL_COMMANDS}", plain(text))))
    }),
    ("a relative path", |_| Some(json!("../../../outside"))),
    ("an absolute path", |_| Some(json!(OUTSIDE))),
    ("a formula", |_| Some(json!("=cmd|'/C calc'!A0"))),
    ("another host", |_| Some(json!("esx01"))),
    ("another job", |_| Some(json!("good"))),
    ("an ssh option", |_| Some(json!("-oProxyCommand=touch ../outside"))),
    ("a login elsewhere", |_| Some(json!("mallory@attacker.example"))),
    ("a fio option", |_| {
        Some(json!("x\n[global]\nexec_prerun=touch ../outside"))
    }),
    ("another time", |_| Some(json!("2031-01-01T00:00:00Z"))),
    ("the first time", |_| Some(json!("-009999-01-02T00:00:00Z"))),
    ("the last time", |_| Some(json!("9999-12-30T22:00:00Z"))),
    ("a large number as text", |_| Some(json!(u64::MAX.to_string()))),
    ("another checksum", |_| Some(json!("0".repeat(64)))),
];

const NUMBERS: [(&str, Replacement); 8] = [
    ("0", |_| Some(json!(0))),
    ("one more", |value| {
        Some(json!(value.as_u64().unwrap_or(0).saturating_add(1)))
    }),
    ("the largest 32-bit number", |_| Some(json!(u32::MAX))),
    ("the largest 64-bit number", |_| Some(json!(u64::MAX))),
    ("a negative number", |_| Some(json!(-1))),
    ("a fraction", |_| Some(json!(0.5))),
    ("a huge number", |_| Some(json!(1e300))),
    ("a text", |_| Some(json!("7"))),
];

const SWITCHES: [(&str, Replacement); 3] = [
    ("the opposite", |value| Some(json!(value != &json!(true)))),
    ("a number", |_| Some(json!(1))),
    ("a text", |_| Some(json!("true"))),
];

const NOTHING: [(&str, Replacement); 3] = [
    ("a text", |_| Some(json!(TERMINAL_COMMANDS))),
    ("a number", |_| Some(json!(u32::MAX))),
    ("an object", |_| Some(json!({}))),
];

const LISTS: [(&str, Replacement); 6] = [
    ("an empty list", |_| Some(json!([]))),
    ("everything twice", |list| {
        Some(Value::Array([items(list), items(list)].concat()))
    }),
    ("the other way around", |list| {
        Some(items(list).iter().rev().cloned().collect())
    }),
    ("a long list", |list| {
        let first = items(list).first().cloned().unwrap_or(json!("x"));
        Some(Value::Array(vec![first; 3000]))
    }),
    ("a long list of nothing", |_| {
        Some(Value::Array(vec![json!({}); 100_000]))
    }),
    ("an object", |_| Some(json!({}))),
];

const OBJECTS: [(&str, Replacement); 4] = [
    ("more keys", |object| {
        let mut more = object.clone();
        if let Some(fields) = more.as_object_mut() {
            fields.insert("pulled_from".to_owned(), json!({"host": "esx01"}));
            fields.insert("from_the_future".to_owned(), json!("x".repeat(100_000)));
        }
        Some(more)
    }),
    ("an empty object", |_| Some(json!({}))),
    ("a list", |_| Some(json!([]))),
    ("a text", |_| Some(json!("x"))),
];

fn plain(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}
